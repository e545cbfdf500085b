"""Which products fine-tuning learns from, and which it never sees."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import orjson

from shoplens.features.align.examples import Lessons
from shoplens.features.align.facets import Described

HELD_OUT = 0.2  # of the products: judge what was learnt
CHECKED = 0.1  # of the others: say when to stop

Rows = npt.NDArray[np.bool_]  # [products]


def held_out(titles: Sequence[str], values: Sequence[Described]) -> Rows:
    """Products that judge. Told by what they say of themselves: the same ones today and tomorrow, whatever else the
    catalogue holds, and equal titles on the same side. So a network fine-tuned earlier has not seen them either."""
    return _drawn(titles, values, "judge") < HELD_OUT


def checked(titles: Sequence[str], values: Sequence[Described]) -> Rows:
    """Products that say when to stop, drawn likewise; take those that are not held out."""
    return _drawn(titles, values, "stop") < CHECKED


def part(lessons: Lessons, rows: Rows) -> Lessons:
    """Some of the products."""
    places = [int(row) for row in np.flatnonzero(rows)]
    return Lessons(
        lessons.photos.take(rows),
        lessons.has_photo[rows],
        [lessons.titles[row] for row in places],
        [lessons.values[row] for row in places],
    )


def _drawn(titles: Sequence[str], values: Sequence[Described], salt: str) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each product. [products]"""
    numbers = np.empty(len(titles))
    for row, (title, said) in enumerate(zip(titles, values, strict=True)):
        key = title.encode("utf-8", "surrogatepass") or orjson.dumps(dict(said), option=orjson.OPT_SORT_KEYS)
        numbers[row] = int.from_bytes(blake2b(key, digest_size=6, person=salt.encode()).digest()) / 2**48
    return numbers
