"""One short file per application: parse, call, return."""
