"""What the assistant can look up, as protocols that the service fills, and what it says of what it found."""
