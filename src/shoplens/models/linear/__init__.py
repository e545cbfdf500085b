"""Closed-form item-to-item model: graph filter + EASE + content for what nobody has bought yet."""

from shoplens.models.linear.model import Linear
from shoplens.models.linear.settings import LinearSettings

__all__ = ["Linear", "LinearSettings"]
