"""Attacks on what this repository promises, run by hand and in the tests."""
