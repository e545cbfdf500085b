"""What a key or a token may do: a role, how deep, and scopes, where. Without scopes: everywhere.

A grant is written `ROLE` or `ROLE:SCOPE,SCOPE`: `read`, `write:shop,events`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shoplens.errors import InputError

#: A role may do what the ones before it may.
ROLES = ("read", "write", "admin")
#: Parts of the API, and what belongs to each. Every route belongs to one or more.
SCOPES = {
    "shop": "what a storefront shows: recommendations, carts, search, assistant, products and their media",
    "events": "sending events, and who signed in",
    "catalogue": "products, their media and attributes",
    "people": "fields, profiles, segments, conversations, export and forgetting",
    "analysis": "figures of searches, attributes and opinions; classifiers, entities, embeddings",
    "operation": "bundles, experiments, training, backups, keys",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """`scopes` None: everywhere, also in what is added later."""

    role: str
    scopes: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise InputError(f"{self.role!r} is not a role; it is one of {', '.join(ROLES)}")
        unknown = sorted((self.scopes or frozenset()) - SCOPES.keys())
        if unknown:
            raise InputError(f"{unknown[0]!r} is not a scope; scopes are {', '.join(SCOPES)}")
        if self.scopes is not None and not self.scopes:
            raise InputError("a grant of no scopes allows nothing; name some, or leave them out")

    def __str__(self) -> str:
        return self.role if self.scopes is None else f"{self.role}:{','.join(sorted(self.scopes))}"

    def includes(self, other: Grant) -> bool:
        """Whether it allows all that another does."""
        within = self.scopes is None or (other.scopes is not None and other.scopes <= self.scopes)
        return within and self.as_deep_as(other.role)

    def as_deep_as(self, role: str) -> bool:
        """Whether the role reaches, wherever it may be used."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def covers(self, scopes: Collection[str]) -> bool:
        """Whether it may be used where things belong to any of these scopes."""
        return self.scopes is None or not self.scopes.isdisjoint(scopes)


def read_grant(text: str) -> Grant:
    """A grant as it is written in settings. InputError with what may stand there."""
    role, colon, scopes = text.partition(":")
    named = frozenset(part for part in (one.strip() for one in scopes.split(",")) if part)
    return Grant(role.strip(), named if colon else None)
