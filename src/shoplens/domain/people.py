"""A person as the shop knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`fields` holds whatever the shop knows (age, gender, region, …); numbers stay numbers, all else is text."""

    user_id: str
    fields: Mapping[str, str | float] = field(default_factory=lambda: MappingProxyType({}))
    stub: bool = False  # known only because an event mentioned them
