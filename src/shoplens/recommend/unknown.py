"""Products that a request names and the shop does not have: they are left out, and the answer says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shoplens.recommend.messages import say
from shoplens.recommend.pipeline import Answer
from shoplens.recommend.shelf import Shelf

MOST_NAMED = 3  # item_ids in the note


def with_unknown(answer: Answer, shelf: Shelf, item_ids: Iterable[str | None], language: str) -> Answer:
    """The answer, whose note also names those of `item_ids` that neither the catalogue nor the bundle knows. None among
    them is nothing that was sent."""
    given = dict.fromkeys(one for one in item_ids if one is not None)
    trained = None if shelf.learned is None else shelf.learned.items
    strange = [one for one in given if not shelf.facts.row(one) and (trained is None or trained.get(one) < 0)]
    if not strange:
        return answer
    named = ", ".join(strange[:MOST_NAMED]) + (", …" if len(strange) > MOST_NAMED else "")
    said = say(language, "unknown", count=str(len(strange)), items=named)
    return replace(answer, note=said if answer.note is None else f"{answer.note} {said}")
