"""Near-duplicate photos: a 64-bit hash that survives resizing, recompression, brightness and a slight crop.

The hash keeps the signs (about their median) of the 8 × 8 lowest frequencies of the photo's lightness (Zauner 2010,
"Implementation and benchmarking of perceptual image hash functions"), after a little blur that takes grain and blocks
away. Pairs within a Hamming distance are found by multi-index hashing (Norouzi, Punjani and Fleet 2012,
arXiv:1307.2982): among b bands of bits, two hashes no further apart than 2b - 1 agree in one band but for one bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Hashes = npt.NDArray[np.uint64]  # [n]

BITS = 64
SIDE = 32  # pixels that the frequencies are taken from
LOWEST = 8  # frequencies a direction
FIELDS = 4  # a direction, of the grid of rough colours
WITHIN = 8  # bits: same photo, as a rule; see the tests for what changes how much
PAIRS_AT_ONCE = 4_000_000  # candidates compared together: bounds memory to some 100 MB


def photo_hashes(photos: Sequence[Image.Image]) -> Hashes:
    """One hash a photo. uint64 [len(photos)]. Plain pictures of one colour all have hash 0."""
    values = np.empty((len(photos), SIDE, SIDE), np.float32)
    for row, photo in enumerate(photos):
        grey = photo.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
        values[row] = np.asarray(grey, np.float32)
    basis = _cosines()
    low = (basis @ values @ basis.T).reshape(len(photos), LOWEST * LOWEST)
    low[:, 0] = 0.0  # the mean says how bright the photo is, not what it shows
    flat = np.abs(low).max(1, initial=0.0) < 1.0
    bits = low > np.median(low[:, 1:], axis=1, keepdims=True)
    bits[:, 0] = False
    bits[flat] = False
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").ravel().astype(np.uint64)


def rough_colours(photos: Sequence[Image.Image]) -> npt.NDArray[np.uint8]:
    """Mean colours of the fields of a coarse grid, for what a hash of lightness does not tell apart: the same shape in
    another colour. uint8 [len(photos), FIELDS * FIELDS * 3]."""
    grids = [photo.convert("RGB").resize((FIELDS, FIELDS), Image.Resampling.BOX) for photo in photos]
    return np.array([np.asarray(grid).ravel() for grid in grids], np.uint8).reshape(len(photos), FIELDS * FIELDS * 3)


def hamming(one: npt.ArrayLike, other: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """How many of the 64 bits differ; hashes broadcast as NumPy does."""
    different: npt.NDArray[np.uint8] = np.bitwise_count(np.asarray(one, np.uint64) ^ np.asarray(other, np.uint64))
    return different


def near_duplicates(hashes: Hashes, within: int = WITHIN) -> list[list[int]]:
    """Rows of photos that look the same, in groups of two or more, in order of their first row.

    Two photos are in one group when a chain of photos, each no further than `within` bits from the next, connects
    them. Exact; for `within` up to 10 the work grows about linearly up to some 100,000 photos. ValueError when `within`
    is not between 0 and 20, where unrelated photos begin to meet.
    """
    if not 0 <= within <= 20:
        raise ValueError(f"within = {within} bits is not between 0 and 20")
    different, place = np.unique(
        np.asarray(hashes, np.uint64), return_inverse=True
    )  # placeholders repeat a thousandfold
    found = [pairs for pairs in _candidates(different, within) if len(pairs)]
    first, second = np.concatenate(found, 0).T if found else np.empty((2, 0), np.intp)
    count = len(different)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    of_row = group[place]
    order = np.argsort(of_row, kind="stable")
    cuts = np.flatnonzero(np.diff(of_row[order])) + 1
    groups = [part.tolist() for part in np.split(order, cuts) if len(part) > 1]
    return sorted(groups)


def _candidates(hashes: Hashes, within: int) -> Iterator[npt.NDArray[np.intp]]:
    """Pairs of rows [m, 2] of different hashes no further apart than `within`; a pair may come more than once."""
    bands = within // 2 + 1
    edges = np.linspace(0, BITS, bands + 1).round().astype(int).tolist()
    for start, stop in pairwise(edges):
        width = stop - start
        keys = (hashes >> np.uint64(start)) & np.uint64((1 << width) - 1)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        # One bit may differ within the band when `within` allows it; 0: none does.
        flips = [0, *((1 << bit) for bit in range(width))] if within else [0]
        for flip in flips:
            wanted = ordered ^ np.uint64(flip)
            left, right = np.searchsorted(ordered, wanted, "left"), np.searchsorted(ordered, wanted, "right")
            yield from _compare(hashes, order, left, right, within)


def _compare(
    hashes: Hashes, order: npt.NDArray[np.intp], left: npt.NDArray[np.intp], right: npt.NDArray[np.intp], within: int
) -> Iterator[npt.NDArray[np.intp]]:
    """Of each sorted place and those from its left to its right: the pairs that are near enough."""
    counts = right - left
    start = 0
    totals = np.cumsum(counts)
    while start < len(counts):
        done = totals[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(totals, done + PAIRS_AT_ONCE, "right")))
        many = counts[start:stop]
        one = np.repeat(np.arange(start, stop), many)
        within_run = np.arange(len(one)) - np.repeat(np.cumsum(many) - many, many)
        other = np.repeat(left[start:stop], many) + within_run
        first, second = order[one], order[other]
        near = (first < second) & (hamming(hashes[first], hashes[second]) <= within)
        yield np.stack([first[near], second[near]], 1)
        start = stop


@cache
def _cosines() -> npt.NDArray[np.float32]:
    """The lowest cosines of the type-II transform, orthonormal. [LOWEST, SIDE]"""
    steps = np.pi * (np.arange(SIDE) + 0.5) / SIDE
    basis = np.cos(np.arange(LOWEST)[:, None] * steps[None]) * np.sqrt(2 / SIDE)
    basis[0] /= np.sqrt(2)
    lowest: npt.NDArray[np.float32] = basis.astype(np.float32)
    return lowest
