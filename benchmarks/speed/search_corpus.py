"""Products and queries for benchmarks of search: titles sampled from the sample shop, vectors and typing made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.ingest.samples.grocery import data_folder, products
from shoplens.retrieval.lexical.document import Document

SIZE = 384  # numbers of a vector, as e5-small makes them
CLUSTERS = 2_000  # kinds of products; a vector lies near the middle of one, which is the vector of a real title
SPREAD = 0.6  # length of what is a product's own, beside a middle of length 1
CHUNK = 20_000
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


class Corpus:
    """A catalogue of `count` products. Titles are those of the grocery; beyond its 92,331, two are put together."""

    def __init__(self, count: int, seed: int = 0) -> None:
        self.count = count
        self.seed = seed
        listed = pl.read_parquet(data_folder() / "products.parquet")
        nothing = pl.DataFrame(schema={"item_id": pl.String, "price": pl.Float64})
        table = products(listed, nothing).collect()
        self._titles: list[str] = table["title"].to_list()
        self._paths = [tuple(path.split(" > ")) for path in table["category"].to_list()]
        self._brands: list[str] = [f"Maker {one}" for one in table["manufacturer"].to_list()]
        random = np.random.default_rng(seed)
        self._first = random.permutation(max(count, len(self._titles)))[:count] % len(self._titles)
        self._second = random.integers(0, len(self._titles), count)

    def title(self, row: int) -> str:
        """Title of a product."""
        first = self._titles[self._first[row]]
        return first if row < len(self._titles) else f"{first} with {self._titles[self._second[row]]}"

    def documents(self) -> Iterator[list[Document]]:
        """What words find, in chunks."""
        for start in range(0, self.count, CHUNK):
            yield [
                Document(
                    item_id=f"p{row}",
                    title=self.title(row),
                    brand=self._brands[self._first[row]],
                    category=self._paths[self._first[row]],
                    codes=(f"p{row}",),
                )
                for row in range(start, min(start + CHUNK, self.count))
            ]

    def texts(self) -> list[str]:
        """The same as one text a product: what peers without fields index."""
        return [
            f"{self.title(row)} {self._brands[self._first[row]]} {' '.join(self._paths[self._first[row]])}"
            for row in range(self.count)
        ]

    def vectors(self, read: Callable[[Sequence[str]], npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """Clustered unit vectors, where those of real queries lie too. float32 [count, SIZE]

        read: texts to vectors, as queries are read.
        """
        random = np.random.default_rng(self.seed + 1)
        chosen = random.choice(len(self._titles), CLUSTERS, replace=False)
        middles = _unit(read([self._titles[place] for place in chosen.tolist()]))
        found = np.empty((self.count, SIZE), np.float32)
        for start in range(0, self.count, CHUNK):
            stop = min(start + CHUNK, self.count)
            own = _unit(random.normal(size=(stop - start, SIZE)).astype(np.float32))
            found[start:stop] = _unit(middles[random.integers(0, CLUSTERS, stop - start)] + np.float32(SPREAD) * own)
        return found

    def queries(self, count: int) -> list[str]:
        """One to three words of a title, one in seven with a letter wrong, as people type."""
        random = np.random.default_rng(self.seed + 2)
        found: list[str] = []
        while len(found) < count:
            words = [word for word in self.title(int(random.integers(self.count))).lower().split() if word.isalpha()]
            if not words:
                continue
            chosen = sorted(random.choice(len(words), min(len(words), int(random.integers(1, 4))), replace=False))
            picked = [words[place] for place in chosen]
            longest = max(range(len(picked)), key=lambda place: len(picked[place]))
            if random.random() < 1 / 7 and len(picked[longest]) > 4:
                word, place = picked[longest], int(random.integers(1, len(picked[longest])))
                picked[longest] = f"{word[:place]}{random.choice(LETTERS)}{word[place + 1 :]}"
            found.append(" ".join(picked))
        return found


def row_of(item_ids: Sequence[str]) -> npt.NDArray[np.int64]:
    """Rows of products, from 1. [n]"""
    return np.array([int(name[1:]) + 1 for name in item_ids], np.int64)


def id_of(rows: npt.NDArray[np.int64]) -> list[str]:
    """Ids of rows."""
    return [f"p{row - 1}" for row in rows.tolist()]


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    unit: npt.NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
