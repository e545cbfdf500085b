"""Recommenders: one protocol, one file (or folder) per model."""
