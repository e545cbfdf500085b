"""What has been read out of a query so far, and how constraints are called."""

from __future__ import annotations

from dataclasses import dataclass, field

from shoplens.recommend.asking import Constraint
from shoplens.recommend.filters import Filter

MOST = 12  # constraints of one query

#: What is given up first when nothing fits: the smaller, the sooner. What a thing is, and what it must not be, stay.
FIRMNESS = {
    "attribute": 0.4,
    "brand": 0.5,
    "measure": 0.6,
    "in_stock": 0.7,
    "price": 0.75,
    "category": 0.8,
    "not": 0.9,
}
VAGUE = 0.1  # of what only lifts

_CHINESE = {"price": "价格", "brand": "品牌", "category": "类别"}


@dataclass(slots=True)
class Gathered:
    """Constraints, and the words that they take away."""

    language: str  # of labels
    constraints: list[tuple[float, Constraint]] = field(default_factory=list)  # with how firm each is
    spans: list[tuple[int, int]] = field(default_factory=list)  # words that are no longer searched for
    closest: list[Filter] = field(default_factory=list)  # see `Understanding`
    foreign: str = ""  # see `Understanding`

    def add(self, firmness: float, constraint: Constraint) -> None:
        """Each once, MOST at the most."""
        if len(self.constraints) < MOST and all(one.id != constraint.id for _, one in self.constraints):
            self.constraints.append((firmness, constraint))

    def name_of(self, name: str) -> str:
        """A field as people read it."""
        chinese = _CHINESE.get(name) if self.language == "zh" else None
        return chinese or name.removeprefix("attributes.").replace("_", " ")

    def label(self, name: str, value: str, *, negated: bool = False) -> str:
        """A field and its value as people read them."""
        if self.language == "zh":
            return f"{self.name_of(name)}：{'不要' if negated else ''}{value}"
        return f"{self.name_of(name)}: {'not ' if negated else ''}{value}"
