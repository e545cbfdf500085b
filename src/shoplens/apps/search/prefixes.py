"""Keys in order, found by how they begin, also with one letter wrong; keys may come at any time."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

LONGEST = 32  # letters of a key; nobody types more of what is being suggested
SHORTEST_TYPED = 4  # letters from which one of them may be wrong
CHILDREN = 40  # different letters tried at one place; more are only found after one letter, in many scripts
FIRST_LETTERS = 3  # by which many keys are told apart before they are sorted
_LAST = "\U0010ffff"  # after every letter that a key has
_FEW = 400  # keys that are put in one by one; more are sorted in together

Range = tuple[int, int]  # keys[low:high]


class PrefixIndex:
    """Sorted keys, each with an entry number and the place in the entry's text where the key begins."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._entries = array("i")  # insertion moves memory once, where an array of numpy is made anew
        self._places = array("i")

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Iterable[tuple[str, int, int]]) -> None:
        """Key, entry, place. Few are put in their places, many are sorted in."""
        new = [(key[:LONGEST], entry, place) for key, entry, place in keys]
        if len(new) <= _FEW:
            for key, entry, place in new:
                at = bisect_left(self._keys, key)
                self._keys.insert(at, key)
                self._entries.insert(at, entry)
                self._places.insert(at, place)
            return
        names = [*self._keys, *(key[0] for key in new)]
        order = _in_order(names)
        self._keys = [names[at] for at in order]
        for column, name in enumerate(("_entries", "_places"), start=1):
            values = array("i", [*getattr(self, name), *(key[column] for key in new)])
            setattr(self, name, array("i", [values[at] for at in order]))

    def entries(self, found: Range) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Entries and places of a range. Both [high - low]."""
        low, high = found
        return np.array(self._entries[low:high], np.int32), np.array(self._places[low:high], np.int32)

    def find(self, prefix: str, within: Range | None = None) -> Range:
        """Keys that begin with `prefix`; low == high when there is none."""
        low, high = within if within is not None else (0, len(self._keys))
        prefix = prefix[:LONGEST]
        start = bisect_left(self._keys, prefix, low, high)
        return start, bisect_left(self._keys, prefix + _LAST, start, high)

    def near(self, prefix: str) -> Iterator[Range]:
        """Keys that begin with something one letter away: one missing, one too many, another one, two changed round.

        The first letter is right, and the last: without it, all that begins alike would be near. Walks down the keys
        along the prefix and leaves the path once, so that the work grows with the letters that keys really go on with,
        not with an alphabet.
        """
        if len(prefix) < SHORTEST_TYPED or len(prefix) > LONGEST:
            return
        here = (0, len(self._keys))
        for place in range(1, len(prefix)):
            here = self.find(prefix[:place], here)
            if here[0] == here[1]:
                return
            before, wrong, rest = prefix[:place], prefix[place], prefix[place + 1 :]
            if rest and wrong != rest[0]:
                yield self.find(before + rest, here)  # typed one too many
                yield self.find(before + rest[0] + wrong + rest[1:], here)  # changed round
            for letter in islice(self._letters(before, here), CHILDREN):
                if letter != wrong:
                    yield self.find(before + letter + wrong + rest, here)  # forgot one
                    if rest:
                        yield self.find(before + letter + rest, here)  # another one

    def _letters(self, before: str, here: Range) -> Iterator[str]:
        """The different letters that keys in a range go on with."""
        at, high = here
        size = len(before)
        while at < high:
            key = self._keys[at]
            if len(key) > size:
                yield key[size]
                at = bisect_left(self._keys, key[: size + 1] + _LAST, at, high)
            else:
                at = bisect_left(self._keys, key + "\0", at, high)


def _in_order(names: Sequence[str]) -> list[int]:
    """Places of names in their order. By their first letters first: sorting a million names at once would stop all
    other threads for a second."""
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        alike[name[:FIRST_LETTERS]].append(at)
    return [at for letters in sorted(alike) for at in sorted(alike[letters], key=names.__getitem__)]
