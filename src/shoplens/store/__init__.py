"""The only truth: catalogue, events and people, in SQLite or PostgreSQL."""
