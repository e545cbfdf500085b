"""What a shop has written down: documents, cut into passages, found by words and by meaning."""
