"""What a model learns from and answers from: interactions, histories, modality matrices, profiles. Rows, not ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Interactions:
    """Who did how much with what, when. One entry an event; all arrays have one length.

    `timestamp` is in microseconds since 1970; `timed` is False when the source has no time, in which case it only keeps
    the order of the file.
    """

    users: Vocabulary
    items: Vocabulary  # the whole catalogue, also products that nobody touched
    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float32]  # preference, see events.event_weight; > 0 counts as positive
    timestamp: npt.NDArray[np.int64]
    timed: bool = True

    def __len__(self) -> int:
        return len(self.user)

    def take(self, index: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Interactions:
        """The entries chosen by a mask or by positions; vocabularies stay whole."""
        return Interactions(
            self.users,
            self.items,
            self.user[index],
            self.item[index],
            self.weight[index],
            self.timestamp[index],
            self.timed,
        )

    def histories(self, users: npt.NDArray[np.int32] | None = None, *, now: int | None = None) -> Histories:
        """What each of `users` (default: all) did, oldest first, ages counted back from `now` (default: the end)."""
        wanted = np.arange(len(self.users), dtype=np.int32) if users is None else users
        order = np.lexsort((self.timestamp, self.user))
        sorted_user = self.user[order]
        start = np.searchsorted(sorted_user, wanted, "left")
        length = np.searchsorted(sorted_user, wanted, "right") - start
        indptr = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        flat = np.repeat(start - indptr[:-1], length) + np.arange(indptr[-1])
        taken = order[flat]
        end = now if now is not None else (int(self.timestamp.max()) if len(self) else 0)
        unit = MICROSECONDS_PER_DAY if self.timed else 1
        age = np.maximum(end - self.timestamp[taken], 0) / unit if self.timed else np.zeros(len(taken))
        moment = np.full(len(wanted) if self.timed else 0, end, np.int64)
        return Histories(indptr, self.item[taken], self.weight[taken], age.astype(np.float32), wanted, moment)


@dataclass(frozen=True, slots=True)
class Histories:
    """Histories of n people in compressed rows: person k owns entries indptr[k]:indptr[k+1], oldest first.

    This is all that a recommender sees at request time, for people it was trained on and for guests alike.
    """

    indptr: npt.NDArray[np.int64]  # [n + 1]
    item: npt.NDArray[np.int32]  # [total]
    weight: npt.NDArray[np.float32]  # [total], preference in about [-1, 1]
    age_days: npt.NDArray[np.float32]  # [total], days before the request; 0 when there is no time
    profile: npt.NDArray[np.int32] = field(
        default_factory=lambda: np.zeros(0, np.int32)
    )  # [n] row in Profiles, -1 = none
    #: [n] moment of the request in microseconds since 1970, for what depends on the hour or the season; [0] = unknown.
    now: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def take(self, start: int, stop: int) -> Histories:
        """People start:stop."""
        low, high = int(self.indptr[start]), int(self.indptr[stop])
        return Histories(
            self.indptr[start : stop + 1] - low,
            self.item[low:high],
            self.weight[low:high],
            self.age_days[low:high],
            self.profile[start:stop] if len(self.profile) else self.profile,
            self.now[start:stop] if len(self.now) else self.now,
        )

    @staticmethod
    def of_one(
        item: npt.NDArray[np.int32],
        weight: npt.NDArray[np.float32],
        age_days: npt.NDArray[np.float32],
        profile: int = -1,
        now: int | None = None,
    ) -> Histories:
        """One person's history, asked for at `now` (microseconds since 1970; None: not said)."""
        return Histories(
            np.array([0, len(item)], np.int64),
            item,
            weight,
            age_days,
            np.array([profile], np.int32),
            np.zeros(0, np.int64) if now is None else np.array([now], np.int64),
        )


@dataclass(frozen=True, slots=True)
class Modality:
    """One kind of content of all products; row = item row. None: `present` is False, its row 0."""

    name: str  # "text", "image", "audio", "attributes", …
    values: npt.NDArray[np.float32]  # [n_items, size]
    present: npt.NDArray[np.bool_]  # [n_items]

    @property
    def size(self) -> int:
        """Width of one vector."""
        return int(self.values.shape[1])


@dataclass(frozen=True, slots=True)
class Profiles:
    """Fields of people. Categorical: codes into `categories` (0 = unknown). Numeric: NaN when unknown."""

    categorical: Mapping[str, npt.NDArray[np.int32]]  # name → [n_users]
    categories: Mapping[str, Sequence[str]]  # name → values; values[0] is "" (unknown)
    numeric: Mapping[str, npt.NDArray[np.float32]]  # name → [n_users]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Everything a recommender may learn from. Nothing in it is later than the split."""

    interactions: Interactions
    modalities: tuple[Modality, ...] = ()
    profiles: Profiles | None = None
    texts: tuple[str, ...] | None = None  # [n_items] title, description and tags as one text; "" where there is none

    def modality(self, name: str) -> Modality | None:
        """The modality of that name, if the catalogue has it."""
        return next((one for one in self.modalities if one.name == name), None)

    def without(self, *names: str) -> TrainingData:
        """The same data with some modalities left out; without "text" nothing reads the texts either."""
        return TrainingData(
            self.interactions,
            tuple(one for one in self.modalities if one.name not in names),
            self.profiles,
            None if "text" in names else self.texts,
        )
