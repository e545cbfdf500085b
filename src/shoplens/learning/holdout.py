"""What a model is judged on: histories up to a moment, what people did after it, and what may not be recommended."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories, Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY

#: Segments of people by the number of events in their history: name → (at least, at most).
SEGMENTS: dict[str, tuple[int, int]] = {
    "0 events": (0, 0),
    "1 event": (1, 1),
    "2-5 events": (2, 5),
    "6+ events": (6, np.iinfo(np.int64).max),
}


@dataclass(frozen=True, slots=True)
class Holdout:
    """People to rank the catalogue for, each with at least one relevant product.

    Truth and mask are in compressed rows like the histories, product rows ascending within a person, never both for
    one product: what is masked cannot be relevant. Truth may hold rows >= n_items: products that appeared after the
    catalogue was closed; they count as misses.
    """

    user: npt.NDArray[np.int32]  # [n] rows in the vocabulary of users
    histories: Histories  # n people
    truth_indptr: npt.NDArray[np.int64]  # [n + 1]
    truth_item: npt.NDArray[np.int32]
    mask_indptr: npt.NDArray[np.int64]  # [n + 1]
    mask_item: npt.NDArray[np.int32]
    item_events: npt.NDArray[np.int64]  # [n_items] training events of each product; 0 = a cold product

    def __len__(self) -> int:
        return len(self.user)

    @property
    def n_items(self) -> int:
        """Size of the catalogue that is ranked."""
        return len(self.item_events)

    @property
    def relevant(self) -> npt.NDArray[np.int64]:
        """Number of relevant products of each person, at least 1. Shape [n]."""
        return np.diff(self.truth_indptr)

    @property
    def history_length(self) -> npt.NDArray[np.int64]:
        """Number of events in each history. Shape [n]."""
        return np.diff(self.histories.indptr)

    def is_cold(self, item: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Whether each product row has no training event."""
        known = item < self.n_items
        unseen = np.append(self.item_events == 0, True)
        return np.asarray(unseen[np.where(known, item, self.n_items)], np.bool_)

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that are equal when the same people are asked for the same products, out of a
        catalogue of the same size and with the same products masked."""
        digest = sha256(str(self.n_items).encode())
        for part in (self.user, self.truth_indptr, self.truth_item, self.mask_indptr, self.mask_item):
            digest.update(np.ascontiguousarray(part, np.int64).data)
        return digest.hexdigest()[:16]

    def take(self, people: npt.NDArray[np.int64]) -> Holdout:
        """Some of the people, by position."""
        history_indptr, entries = _choose(self.histories.indptr, people)
        truth_indptr, truth = _choose(self.truth_indptr, people)
        mask_indptr, mask = _choose(self.mask_indptr, people)
        old = self.histories
        histories = Histories(
            history_indptr,
            old.item[entries],
            old.weight[entries],
            old.age_days[entries],
            old.profile[people] if len(old.profile) else old.profile,
            old.now[people] if len(old.now) else old.now,
        )
        return Holdout(
            self.user[people],
            histories,
            truth_indptr,
            self.truth_item[truth],
            mask_indptr,
            self.mask_item[mask],
            self.item_events,
        )


def build_holdout(
    truth: Interactions,
    *,
    history: Interactions,
    trained_on: Interactions,
    mask: Interactions | None = None,
    now: int | None = None,
) -> Holdout:
    """Put a holdout together. All parts share one vocabulary of users; `trained_on.items` is the catalogue to rank.

    Relevant is a product whose events in `truth` sum to a positive preference (a purchase that was refunded is not).
    Masked is every product that the person has an event with in `mask`. `now` is the moment of the request in
    microseconds; by default each person's own first event in `truth`. Events of history and mask after that moment are
    dropped, so that no answer is built on what happened later; timestamps must be comparable between the parts, also
    when they are only positions.
    """
    n_items = len(trained_on.items)
    wide = max(n_items, int(truth.item.max(initial=-1)) + 1)
    pairs, pair_of_event = np.unique(truth.user.astype(np.int64) * wide + truth.item, return_inverse=True)
    preference = np.bincount(pair_of_event, weights=truth.weight, minlength=len(pairs))
    pairs = pairs[preference > 0]
    first = np.full(len(truth.users), np.iinfo(np.int64).max if now is None else now, np.int64)
    if now is None:
        np.minimum.at(first, truth.user, truth.timestamp)
    # With a moment each, equal times (whole days, say) follow the order of the files: history came first.
    latest = first if now is None else first - 1
    history = history.take(history.timestamp <= latest[history.user])
    masked = np.zeros(0, np.int64)
    if mask is not None:
        mask = mask.take(mask.timestamp <= latest[mask.user])
        masked = np.unique(mask.user.astype(np.int64) * wide + mask.item)
    pairs = pairs[~np.isin(pairs, masked)]
    users = np.unique(pairs // wide).astype(np.int32)
    masked = masked[np.isin(masked // wide, users)]
    return Holdout(
        users,
        _histories(history, users, first[users]),
        _indptr(pairs // wide, users),
        (pairs % wide).astype(np.int32),
        _indptr(masked // wide, users),
        (masked % wide).astype(np.int32),
        np.bincount(trained_on.item, minlength=n_items),
    )


def _histories(history: Interactions, users: npt.NDArray[np.int32], moment: npt.NDArray[np.int64]) -> Histories:
    """Histories of `users`, ages counted back from each one's own moment [n]."""
    found = history.histories(users, now=0)
    order = np.lexsort((history.timestamp, history.user))
    order = order[np.isin(history.user[order], users)]  # the same entries, in the same order, with their times
    if not history.timed:
        return found
    age = np.repeat(moment, np.diff(found.indptr)) - history.timestamp[order]
    age_days = (np.maximum(age, 0) / MICROSECONDS_PER_DAY).astype(np.float32)
    return Histories(found.indptr, found.item, found.weight, age_days, found.profile, moment)


def _indptr(owner: npt.NDArray[np.int64], users: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Row pointers of entries sorted by owner, for sorted users. Shape [len(users) + 1]."""
    return np.searchsorted(owner, np.append(users.astype(np.int64), np.iinfo(np.int64).max))


def _choose(
    indptr: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row pointers of the chosen rows, and the positions of their entries."""
    length = np.diff(indptr)[rows]
    chosen = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    return chosen, np.repeat(indptr[rows] - chosen[:-1], length) + np.arange(chosen[-1])
