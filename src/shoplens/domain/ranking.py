"""A ranked answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Ranked:
    """One product in an answer: why it is there (`reasons`, readable), what spoke for it (`modalities`, shares) and who
    proposed it (`sources`)."""

    item_id: str
    score: float
    reasons: tuple[str, ...] = ()
    modalities: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    sources: tuple[str, ...] = ()
