"""The `shoplens` command: one command a file."""
