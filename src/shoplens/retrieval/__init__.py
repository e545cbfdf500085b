"""Nearest neighbours: one protocol, one file per index."""
