"""What people of the shop decide: proposals that they look at, and what they tell the search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus
from shoplens.domain.search_rules import RuleKind, SearchRule


class ReviewList(Protocol):
    """What may be wrong or missing in the catalogue, and what people decided about it."""

    def offer(self, proposals: Iterable[Proposal]) -> int:
        """Put on the list what is new, bring up to date what is open; what was decided stays. Returns how many are
        new."""
        ...

    def withdraw(self, kinds: Sequence[ProposalKind], before: int) -> int:
        """Take open proposals of these kinds off the list that were last offered before a time (microseconds).
        Returns how many went."""
        ...

    def accepted(self, item_ids: Sequence[str]) -> list[Proposal]:
        """What was accepted for these products, the earliest first."""
        ...

    def list(
        self,
        *,
        status: ProposalStatus = ...,
        kind: ProposalKind | None = None,
        attribute: str | None = None,
        item_id: str | None = None,
        least: float = 0.0,
        after: str | None = None,
        limit: int = 50,
    ) -> list[Proposal]:
        """The surest first (`least`: confidence), at most `limit`, those behind the one whose id is `after`."""
        ...

    def get(self, proposal_ids: Sequence[str]) -> dict[str, Proposal]:
        """Those that exist."""
        ...

    def decide(
        self, proposal_ids: Sequence[str], status: ProposalStatus, now: int, *, together: bool = False
    ) -> set[str]:
        """Remember a decision made at a time (microseconds) about those that are open; `open` takes decisions back.

        Returns the ids that changed: of several who decide about one proposal at once, one is told so. `together`: in
        one transaction, all of them or, where one does not change, none.
        """
        ...

    def decided(self, status: ProposalStatus) -> set[str]:
        """Ids of all proposals that were accepted, or rejected."""
        ...

    def counts(self) -> dict[tuple[ProposalKind, ProposalStatus], int]:
        """How many there are of each kind and status; none where there are none."""
        ...


class SearchRules(Protocol):
    """What the shop tells its search. Rules that were taken away are kept: they can be looked at and restored."""

    def change(
        self, now: int, *, add: Iterable[tuple[RuleKind, str]] = (), remove: Sequence[int] = ()
    ) -> list[SearchRule]:
        """Take rules away (those that still hold) and add others, all or nothing. `now` is in microseconds. Returns
        the new ones."""
        ...

    def restore(self, rule_ids: Sequence[int]) -> int:
        """Let removed rules hold again. Returns how many did not hold."""
        ...

    def list(self, *, removed: bool = False) -> list[SearchRule]:
        """Rules that hold, or those that do so no more; in the order in which they were added."""
        ...

    def revision(self) -> int:
        """Rises with every change, whichever process made it."""
        ...
