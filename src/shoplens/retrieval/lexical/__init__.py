"""Products found by words."""
