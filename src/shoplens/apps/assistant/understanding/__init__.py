"""What a message says: language, tone, what it wants done, numbers and names in it."""
