"""Product search: what is asked is understood, found, ordered, counted and, where nothing is found, rescued."""
