"""History encoders: the tower of people, one file each."""
