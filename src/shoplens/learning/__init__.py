"""Splits, metrics, training and honest evaluation."""
