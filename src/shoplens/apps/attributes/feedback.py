"""What people decided about proposals, and what that teaches: how far to believe whom, and what is never said again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import exp, log
from typing import NamedTuple

from shoplens.apps.attributes.found import SUREST, FoundValue
from shoplens.apps.attributes.normalise import folded
from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus

DOUBT = 4.0  # decisions' worth of belief in what was measured before anybody decided
HOPELESS = 0.25  # confidence to which decisions may bring a proposal down before it is not made any more
LEAST_ODDS = 0.01  # nothing is surer, or less sure, than this share away from the ends when odds are taken
MEASURED = "measured"  # in a proposal's evidence: confidence before decisions moved it
AGREEING = "agreeing"  # in a proposal's evidence: other sources that say the same
#: Kinds that say a value of a product: who rejects one has rejected the value.
SAYING = frozenset({ProposalKind.VALUE, ProposalKind.CONTRADICTION})

Rejected = Mapping[str, frozenset[tuple[str, str]]]  # item_id → attribute and value as `folded` writes it


class _Decided(NamedTuple):
    """Decisions about proposals of one kind, source and attribute."""

    accepted: int = 0
    decisions: int = 0
    expected: float = 0.0  # confidences, summed, as measured


@dataclass(slots=True)
class Feedback:
    """All decisions of a shop, counted. Made anew from the review list: one that is taken back leaves nothing."""

    _counts: dict[tuple[ProposalKind, str, str], _Decided] = field(default_factory=dict)
    _rejected: defaultdict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    _apart: set[frozenset[str]] = field(default_factory=set)  # products that are no duplicates of each other

    def count(self, one: Proposal) -> None:
        """Take in a proposal that was accepted or rejected."""
        right = one.status is ProposalStatus.ACCEPTED
        told = float(one.evidence.get(MEASURED, one.confidence))
        for source in (one.source, *one.evidence.get(AGREEING, ())):  # all who said it, expected as sure as together
            key = (one.kind, source, one.attribute)
            known = self._counts.get(key, _Decided())
            self._counts[key] = _Decided(known.accepted + right, known.decisions + 1, known.expected + told)
        if not right and one.kind in SAYING:
            self._rejected[one.item_id].add((one.attribute, folded(one.value)))
        if not right and one.kind is ProposalKind.DUPLICATE:
            self._apart.add(frozenset((one.item_id, one.value)))

    @property
    def rejected(self) -> Rejected:
        """Values that products do not have."""
        return {item_id: frozenset(values) for item_id, values in self._rejected.items()}

    def denies(self, item_id: str, attribute: str, value: str) -> bool:
        """Whether somebody rejected this value of this product."""
        return item_id in self._rejected and (attribute, folded(value)) in self._rejected[item_id]

    def believed(self, kind: ProposalKind, source: str, attribute: str, confidence: float) -> float:
        """A measured confidence, moved as decisions about its like say.

        The share of accepted ones is a Beta posterior whose prior is DOUBT decisions as they were expected; odds are
        moved by as much as its odds differ from the expected ones. Without decisions nothing moves; what is surer stays
        surer.
        """
        decided = self._counts.get((kind, source, attribute))
        if decided is None:
            return confidence
        expected = decided.expected / decided.decisions
        share = (decided.accepted + DOUBT * expected) / (decided.decisions + DOUBT)
        odds = _log_odds(confidence) + _log_odds(share) - _log_odds(expected)
        return min(1 / (1 + exp(-odds)), SUREST)

    def heard(self, found: FoundValue, item_id: str = "") -> FoundValue | None:
        """A found value, believed as decisions say; None when somebody rejected it for this product."""
        if self.denies(item_id, found.attribute, found.value):
            return None
        sure = self.believed(ProposalKind.VALUE, found.source.value, found.attribute, found.confidence)
        return replace(found, confidence=sure, measured=found.confidence)

    def judged(self, one: Proposal) -> Proposal | None:
        """A proposal other than of a value, believed as decisions say; None when they leave no hope for it, or when it
        says again what was rejected."""
        if one.kind is ProposalKind.DUPLICATE and frozenset((one.item_id, one.value)) in self._apart:
            return None
        if one.kind in SAYING and self.denies(one.item_id, one.attribute, one.value):
            return None
        sure = self.believed(one.kind, one.source, one.attribute, one.confidence)
        if sure < HOPELESS <= one.confidence:
            return None
        return replace(one, confidence=round(sure, 4), evidence={**one.evidence, MEASURED: one.confidence})

    def as_dict(self) -> dict[str, dict[str, list[int]]]:
        """For JSON, readable: kind and source → attribute → [accepted, decisions]."""
        told: dict[str, dict[str, list[int]]] = {}
        for (kind, source, attribute), decided in sorted(self._counts.items()):
            named = f"{kind.value} by {source}" if source else kind.value
            told.setdefault(named, {})[attribute] = [decided.accepted, decided.decisions]
        return told


def _log_odds(share: float) -> float:
    inside = min(max(share, LEAST_ODDS), 1 - LEAST_ODDS)
    return log(inside / (1 - inside))
