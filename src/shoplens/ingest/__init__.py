"""What shops export, read, cleaned and reported: product feeds, event logs, people."""
