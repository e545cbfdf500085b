"""Vectors of the whole catalogue, kept up to date: one memory-mapped matrix per modality."""
