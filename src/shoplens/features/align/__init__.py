"""One space for words and pictures: what a photo shows, in the words that shoppers use."""
