"""Completions made without the right answer, and honest ones, one file a domain."""
