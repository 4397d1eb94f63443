"""Figures and tables from what the studies saved."""
