"""Checks of a store's review list. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

from dataclasses import replace

from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus
from shoplens.testing.store_events import START, Opened


def proposed(number: int, **said: object) -> Proposal:
    """A made-up proposal; `number` tells it from others, and the later ones are less sure."""
    told = {"kind": ProposalKind.VALUE, "item_id": f"i{number}", "attribute": "colour", "value": "red", **said}
    return Proposal(confidence=1 - number / 100, offered=START, **told)  # type: ignore[arg-type]


class ReviewConformance:
    """The review list."""

    def test_proposals_come_back_as_they_went_in(self, opened: Opened) -> None:
        store = opened()
        full = proposed(
            1, value="红色", current=("blue",), source="title", evidence={"start": 3, "texts": ["a"], "box": [0.5, 1]}
        )
        assert store.proposals.offer([full, proposed(2)]) == 2
        store.close()
        again = opened()
        assert again.proposals.list() == [full, proposed(2)]
        assert again.proposals.get([full.proposal_id, "unknown"]) == {full.proposal_id: full}
        again.close()

    def test_the_list_goes_on_page_by_page(self, opened: Opened) -> None:
        store = opened()
        store.proposals.offer([proposed(n) for n in range(7)] + [replace(proposed(9), confidence=0.97)])
        seen: list[Proposal] = []
        while page := store.proposals.list(after=seen[-1].proposal_id if seen else None, limit=3):
            seen += page
        assert len({one.proposal_id for one in seen}) == len(seen) == 8
        assert [one.confidence for one in seen] == sorted((one.confidence for one in seen), reverse=True)
        store.close()

    def test_the_list_can_be_narrowed(self, opened: Opened) -> None:
        store = opened()
        price = proposed(3, kind=ProposalKind.PRICE, attribute="price", value="")
        store.proposals.offer([proposed(1), proposed(2, attribute="size"), price])
        assert store.proposals.list(kind=ProposalKind.PRICE) == [price]
        assert [one.item_id for one in store.proposals.list(attribute="size")] == ["i2"]
        assert [one.item_id for one in store.proposals.list(least=0.98)] == ["i1", "i2"]
        assert [one.item_id for one in store.proposals.list(item_id="i3")] == ["i3"]
        store.close()

    def test_what_was_decided_is_not_offered_again(self, opened: Opened) -> None:
        store = opened()
        store.proposals.offer([proposed(1), proposed(2), proposed(3)])
        ids = [proposed(n).proposal_id for n in (1, 2, 3)]
        assert store.proposals.decide(ids[:1], ProposalStatus.REJECTED, START + 5) == {ids[0]}
        assert store.proposals.decide([ids[1], "unknown"], ProposalStatus.ACCEPTED, START + 6) == {ids[1]}
        assert store.proposals.offer([replace(proposed(n), source="photo") for n in (1, 2, 3)]) == 0
        assert [(one.item_id, one.source) for one in store.proposals.list()] == [("i3", "photo")]
        (rejected,) = store.proposals.list(status=ProposalStatus.REJECTED)
        assert (rejected.item_id, rejected.decided) == ("i1", START + 5)
        assert store.proposals.decided(ProposalStatus.REJECTED) == {ids[0]}
        assert store.proposals.counts() == {(ProposalKind.VALUE, status): 1 for status in ProposalStatus}
        store.proposals.decide(ids[:1], ProposalStatus.OPEN, START + 7)
        assert len(store.proposals.list()) == 2, "a decision can be taken back"
        store.close()

    def test_of_two_who_decide_the_second_is_told(self, opened: Opened) -> None:
        store = opened()
        store.proposals.offer([proposed(n) for n in range(3)])
        ids = [proposed(n).proposal_id for n in range(3)]
        decide = store.proposals.decide
        assert decide(ids[:1], ProposalStatus.ACCEPTED, START + 1) == {ids[0]}
        assert decide(ids[:1], ProposalStatus.REJECTED, START + 2) == set()
        assert decide(ids, ProposalStatus.REJECTED, START + 3, together=True) == set(), "one was decided already"
        assert store.proposals.counts()[ProposalKind.VALUE, ProposalStatus.OPEN] == 2
        assert decide(ids, ProposalStatus.REJECTED, START + 4) == set(ids[1:])
        assert store.proposals.decided(ProposalStatus.ACCEPTED) == {ids[0]}
        assert decide(ids, ProposalStatus.OPEN, START + 5, together=True) == set(ids)
        assert decide(ids[:1], ProposalStatus.OPEN, START + 6) == set(), "it is open"
        store.close()

    def test_what_no_longer_holds_is_withdrawn(self, opened: Opened) -> None:
        store = opened()
        store.proposals.offer([proposed(1), proposed(2), proposed(3, kind=ProposalKind.PRICE), proposed(4)])
        store.proposals.decide([proposed(4).proposal_id], ProposalStatus.REJECTED, START)
        store.proposals.offer([replace(proposed(2), offered=START + 10)])
        assert store.proposals.withdraw([ProposalKind.VALUE], START + 10) == 1
        assert {one.item_id for one in store.proposals.list()} == {"i2", "i3"}
        assert store.proposals.decided(ProposalStatus.REJECTED) == {proposed(4).proposal_id}
        store.close()
