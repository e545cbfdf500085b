"""The HTTP API: parse, call, return."""
