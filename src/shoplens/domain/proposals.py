"""What may be wrong or missing in the catalogue, for a person to accept or reject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any


class ProposalKind(StrEnum):
    """What a proposal is about."""

    VALUE = "value"  # an attribute that is empty has this value
    SPELLING = "spelling"  # a value is written as the shop writes it elsewhere, in the shop's own unit
    PLACE = "place"  # a product without a category belongs in this one
    CONTRADICTION = "contradiction"  # title, attribute and photo say different things
    CATEGORY = "category"  # the product belongs elsewhere
    DUPLICATE = "duplicate"  # the same product is listed twice
    PRICE = "price"  # the price is far from that of its like


class ProposalStatus(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


#: Accepting one of these changes the product; of the others it is only remembered that somebody looked.
WRITTEN = frozenset(set(ProposalKind) - {ProposalKind.DUPLICATE, ProposalKind.PRICE})
#: These are about the product's category.
OF_CATEGORY = frozenset({ProposalKind.CATEGORY, ProposalKind.PLACE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One thing to look at. The same proposal always has the same `proposal_id`, whoever finds it again."""

    kind: ProposalKind
    item_id: str
    attribute: str = ""  # "brand", "category", "price", or an attribute's name; "" for duplicates
    value: str = ""  # what is proposed; of a category its path joined by " > ", of a duplicate the other item_id
    current: tuple[str, ...] = ()  # what the product says now
    source: str = ""  # who says so: pattern, dictionary, model, photo, neighbours; title, text, shop
    confidence: float = 0.0  # 0 to 1; measured on filled values where there are any, see docs/attributes.md
    evidence: Mapping[str, Any] = field(default_factory=dict)  # JSON: text and span, photo and region, what is alike
    status: ProposalStatus = ProposalStatus.OPEN
    offered: int = 0  # microseconds since 1970, when it was last found
    decided: int | None = None  # when somebody accepted or rejected it

    @property
    def proposal_id(self) -> str:
        """32 hexadecimal digits made of what is proposed."""
        said = "\x1f".join((self.kind.value, self.item_id, self.attribute, self.value))
        return blake2b(said.encode("utf-8", "replace"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Open proposals to decide about together. What is None selects nothing out."""

    kind: ProposalKind | None = None
    attribute: str | None = None
    least: float | None = None  # confidence
