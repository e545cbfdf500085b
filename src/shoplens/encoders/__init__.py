"""Texts and photos to vectors: one protocol, one file per encoder."""
