"""Conformance checks for people who write their own part, and a tiny shop to try them on."""
