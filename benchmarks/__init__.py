"""Speed and quality, measured; one script a claim."""
