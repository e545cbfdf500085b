"""The shop's categories as a tree of numbered nodes. One thread adds nodes at a time, any may read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
MOST_LEVELS = 32  # deeper categories count as the one at this level


class CategoryTree:
    """Paths ↔ nodes; node 0 is "no category" and everybody's ancestor."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, ...]] = [()]  # node → path, as first spelled
        self.nodes: dict[tuple[str, ...], int] = {(): 0}  # path with letter case folded → node
        self._spelled: dict[tuple[str, ...], int] = {}  # the same as products write it: most write it alike
        self._children: list[list[int]] = [[]]
        self._parents: list[int] = [0]
        self._held = [0]
        self._present: dict[str, str] = {}
        self._changes = 0
        self._copy: tuple[int, dict[str, str]] = (0, {})
        self._at_depth: dict[int, npt.NDArray[np.int32]] = {}

    def __len__(self) -> int:
        return len(self.shown)

    def node(self, path: tuple[str, ...]) -> int:
        """Node of a category, made with its ancestors when it is new."""
        node = self._spelled.get(path)
        if node is None:
            node = self._spelled[path] = self._node(tuple(path_parts(path)))
        return node

    def hold(self, node: int) -> None:
        """One more product is in the category, and in all around it."""
        while node:
            self._held[node] += 1
            if self._held[node] == 1:
                self._present[self.text(node).casefold()] = self.text(node)
                self._changes += 1
            node = self._parents[node]

    def release(self, node: int) -> None:
        """One product less."""
        while node:
            self._held[node] -= 1
            if not self._held[node]:
                self._present.pop(self.text(node).casefold(), None)
                self._changes += 1
            node = self._parents[node]

    def present(self) -> dict[str, str]:
        """Paths that some product is in: letter case folded → as first spelled. The same object until that changes."""
        changes = self._changes
        if self._copy[0] != changes:
            self._copy = (changes, dict(self._present))  # copied in one go, while others may write
        return self._copy[1]

    def text(self, node: int) -> str:
        """Path as it is written: "Women > Shoes"."""
        return " > ".join(self.shown[node])

    def below(self, paths: Iterable[tuple[str, ...]]) -> Mask:
        """The nodes of these paths (letter case folded) and everything below them. [nodes]"""
        marked = np.zeros(len(self), np.bool_)
        waiting = [node for path in paths if (node := self.nodes.get(path, 0))]
        while waiting:
            one = waiting.pop()
            if one < len(marked) and not marked[one]:
                marked[one] = True
                waiting.extend(self._children[one])
        return marked

    def at_depth(self, depth: int) -> npt.NDArray[np.int32]:
        """For each node its ancestor (or itself) at a depth, 1 being the broadest; 0 where it lies above. [nodes]"""
        depth = min(depth, MOST_LEVELS + 1)
        known = self._at_depth.get(depth)
        count = len(self)
        if known is None or len(known) < count:
            start = 0 if known is None else len(known)
            table = np.zeros(count, np.int32)
            table[:start] = known if known is not None else 0
            for node in range(start, count):  # parents come before their children
                level = len(self.shown[node])
                table[node] = node if level == depth else table[self._parents[node]] if level > depth else 0
            known = self._at_depth[depth] = table
        return known[:count]

    def _node(self, path: tuple[str, ...]) -> int:
        key = tuple(part.casefold() for part in path)
        node = self.nodes.get(key)
        if node is None:
            parent = self._node(path[:-1])
            node = len(self.shown)
            self._parents.append(parent)
            self._children.append([])
            self._held.append(0)
            self.shown.append((*self.shown[parent], path[-1]))
            self.nodes[key] = node
            self._children[parent].append(node)
        return node


def path_parts(value: str | Sequence[str]) -> list[str]:
    """Parts of a category from broad to narrow: "Women > Shoes" and ["Women", "Shoes"] are the same."""
    text = value if isinstance(value, str) else ">".join(value)
    return [part for one in text.split(">") if (part := one.strip())][:MOST_LEVELS]
