"""Shoplens: one multimodal model of a shop's products and people, and the answers served from it."""

__version__ = "0.1.0"
