"""From the store's rows to what a model learns from: ids become vocabularies, events become interactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Interactions, Profiles
from shoplens.domain.events import event_weight
from shoplens.domain.people import Person
from shoplens.domain.vocabulary import Vocabulary
from shoplens.store.base import Store

MAX_CATEGORIES = 1000  # values of one categorical field that get a code of their own; the rest reads as unknown
UNTIMED_SPAN = 1_000_000  # microseconds: a log that spans less than a second has an order, but no time


def read_interactions(store: Store) -> tuple[Interactions, Profiles | None]:
    """Everything people did with products, over the whole catalogue, and what is known about the people.

    Guests count as people of their own (their session is the id), so that a shop without accounts can be learnt from.
    Their vocabulary ids start with "session:".
    """
    catalogue = store.catalogue.rows()
    items = Vocabulary(catalogue.item_id)
    item_of = _lookup(catalogue.row)
    people: list[Person] = []
    person_rows: list[int] = []
    for chunk in store.people.scan():
        for row, person in chunk:
            people.append(person)
            person_rows.append(row)
    user_of = _lookup(tuple(person_rows))
    users: list[npt.NDArray[np.int64]] = []
    columns: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.int64]]] = []
    for events in store.events.scan():
        weight = event_weight(events.event_type, events.value)
        about_product = (events.product >= 0) & (weight != 0) & ((events.person >= 0) | (events.session != 0))
        person, session = events.person[about_product], events.session[about_product]
        # Guests are told apart from people by their sign until all of them are known.
        users.append(np.where(person >= 0, user_of[np.maximum(person, 0)], -1 - (session & 0x7FFF_FFFF_FFFF_FFFF)))
        columns.append(
            (
                item_of[events.product[about_product]].astype(np.int32),
                weight[about_product],
                events.timestamp[about_product],
            )
        )
    raw_user = np.concatenate(users) if users else np.zeros(0, np.int64)
    guests, guest_row = np.unique(raw_user[raw_user < 0], return_inverse=True)
    raw_user[raw_user < 0] = len(people) + guest_row
    timestamp = np.concatenate([part[2] for part in columns]) if columns else np.zeros(0, np.int64)
    interactions = Interactions(
        users=Vocabulary([*(person.user_id for person in people), *(f"session:{-1 - guest:x}" for guest in guests)]),
        items=items,
        user=raw_user.astype(np.int32),
        item=np.concatenate([part[0] for part in columns]) if columns else np.zeros(0, np.int32),
        weight=np.concatenate([part[1] for part in columns]) if columns else np.zeros(0, np.float32),
        timestamp=timestamp,
        timed=bool(len(timestamp)) and int(timestamp.max() - timestamp.min()) > UNTIMED_SPAN,
    )
    return interactions, build_profiles(people, len(interactions.users))


def build_profiles(people: Iterable[Person], size: int) -> Profiles | None:
    """Fields of people as codes and numbers, padded with "unknown" to `size` rows; None when nobody has any field."""
    rows = list(people)
    texts: dict[str, dict[int, str]] = {}
    numbers: dict[str, dict[int, float]] = {}
    for row, person in enumerate(rows):
        for name, value in person.fields.items():
            if isinstance(value, str):
                texts.setdefault(name, {})[row] = value
            else:
                numbers.setdefault(name, {})[row] = float(value)
    if not texts and not numbers:
        return None
    categorical: dict[str, npt.NDArray[np.int32]] = {}
    categories: dict[str, list[str]] = {}
    for name, values in texts.items():
        known = [value for value, _ in Counter(values.values()).most_common(MAX_CATEGORIES)]
        code = {value: number for number, value in enumerate(known, start=1)}
        column = np.zeros(size, np.int32)
        for row, value in values.items():
            column[row] = code.get(value, 0)
        categorical[name], categories[name] = column, ["", *known]
    numeric: dict[str, npt.NDArray[np.float32]] = {}
    for name, measured in numbers.items():
        column_of_numbers = np.full(size, np.nan, np.float32)
        for row, number in measured.items():
            column_of_numbers[row] = number
        numeric[name] = column_of_numbers
    return Profiles(categorical, categories, numeric)


def _lookup(rows: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Array that maps a store row to its position in `rows`, -1 elsewhere. Shape [max row + 1]."""
    table = np.full(max(rows, default=0) + 1, -1, np.int64)
    table[np.asarray(rows, np.int64)] = np.arange(len(rows))
    return table
