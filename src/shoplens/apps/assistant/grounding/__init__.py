"""Whether what is said stands in the sources: numbers, names, what is promised and what is denied."""

from shoplens.apps.assistant.grounding.checking import Support, check, support_of

__all__ = ["Support", "check", "support_of"]
