"""Products that few or none have bought borrow from products that look, read or sound alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.dataset import Modality
from shoplens.errors import BundleError
from shoplens.models.folding import Matrix
from shoplens.models.linear.settings import LinearSettings
from shoplens.models.neighbours import Neighbours, blocks, load_matrix, save_matrix, single
from shoplens.models.on_demand import Rows, rows_in

PROJECTED_SIZE = 128  # width that all modalities together are brought to when exact search would cost too much
EXACT_COST = 3e11  # multiply-adds of an exact search, some 10 s on two cores
CLUSTERED_COST = 2e12  # beyond this even the projected search goes through an inverted file
FEW = 0.25  # share of products with a score up to which a request adds up only what those lend
PROJECTION_SAMPLE = 10_000  # products from which the projection is learnt


def content_vectors(modalities: Sequence[Modality], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """One vector a product whose inner products are mean cosines of the centred modalities. float32 [len(rows), size].

    Each present modality is centred, brought to length 1 and weighted by 1/√(number present); a product without any
    gets zeros. Two products with different modalities are compared by those they share.
    """
    present = [one.present[rows] for one in modalities]
    number = np.zeros(len(rows), np.float32)
    for one in present:
        number += one
    parts = []
    for modality, here in zip(modalities, present, strict=True):
        part = modality.values[rows].astype(np.float32)
        known = modality.values[np.flatnonzero(modality.present)[:: max(1, int(modality.present.sum()) // 50_000)]]
        if len(known):
            part -= known.mean(axis=0, dtype=np.float64).astype(np.float32)
        length = np.linalg.norm(part, axis=1)
        usable = here & (length > 0)
        scale = np.zeros(len(rows), np.float32)
        scale[usable] = 1 / (length[usable] * np.sqrt(number[usable]))
        parts.append(part * scale[:, None])
    return np.ascontiguousarray(np.hstack(parts)) if parts else np.zeros((len(rows), 0), np.float32)


class Borrowing:
    """C: which known products each rare or new one borrows from, and how that enters a request.

    A history h becomes h + hC (a new product in it speaks through its neighbours), and scores s of known products give
    new ones (s + hD) Cᵀ on top of their own, where D is each product's strongest relation. It stands for the missing
    relation to itself: who has a product is offered new ones like it, not only new ones like what goes with it.
    Nothing of this is multiplied out beforehand: C has a few entries a row, the product of the matrices has thousands.
    """

    def __init__(self, rows: npt.NDArray[np.int64], matrix: Matrix, strongest: npt.NDArray[np.float32]) -> None:
        self.rows = rows  # the borrowing products
        self.matrix = matrix  # [len(rows), n_items]
        self.strongest = strongest  # D, [n_items]
        n_items = matrix.shape[1]
        self._place = np.full(n_items, -1, np.int64)
        self._place[rows] = np.arange(len(rows))
        lent = matrix.T.tocsr()
        # What each product lends, [n_items, n_items]: columns are products, so that it adds to scores where they are.
        self._lent = sp.csr_matrix((lent.data, rows[lent.indices], lent.indptr), shape=(n_items, n_items))

    @classmethod
    def nothing(cls, n_items: int) -> Borrowing:
        """Nobody borrows."""
        none = sp.csr_matrix((0, n_items), dtype=np.float32)
        return cls(np.zeros(0, np.int64), none, np.zeros(n_items, np.float32))

    def speaks_in(self, items: npt.NDArray[np.int32]) -> bool:
        """Whether any of these products speaks through its neighbours."""
        return bool(len(self.rows)) and bool((self._place[items] >= 0).any())

    def lend(self, preferences: Matrix) -> Matrix:
        """h + hC, CSR float32 of the same shape."""
        if not self.speaks_in(preferences.indices):
            return preferences
        place = self._place[preferences.indices]
        keep = place >= 0
        row = np.repeat(np.arange(preferences.shape[0]), np.diff(preferences.indptr))[keep]
        shape = (preferences.shape[0], len(self.rows))
        borrowed = sp.csr_matrix((preferences.data[keep], (row, place[keep])), shape=shape)
        return (preferences + borrowed @ self.matrix).tocsr()

    def lend_one(
        self, items: npt.NDArray[np.int32], value: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """The same for the entries of one preference row: products, ascending, and their values."""
        place = self._place[items]
        theirs = np.flatnonzero(place >= 0)
        start, stop = self.matrix.indptr[place[theirs]], self.matrix.indptr[place[theirs] + 1]
        taken = [slice(low, high) for low, high in zip(start.tolist(), stop.tolist(), strict=True)]
        # Borrowed values first: a product's own is added to their sum, as in `lend`.
        product = np.concatenate([*(self.matrix.indices[one] for one in taken), items])
        lent = [self.matrix.data[one] * value[k] for one, k in zip(taken, theirs.tolist(), strict=True)]
        amount = np.concatenate([*lent, value])
        order = product.argsort(kind="stable")
        product, amount = product[order], amount[order]
        first = np.ones(len(product), np.bool_)
        np.not_equal(product[1:], product[:-1], out=first[1:])
        begin = first.nonzero()[0]
        return product[begin], np.add.reduceat(amount, begin)

    def add(self, scores: npt.NDArray[np.float32], preferences: Matrix) -> None:
        """Add what the borrowing products borrow to `scores`, [n_people, n_items], in place."""
        if not len(self.rows):
            return
        row = np.repeat(np.arange(preferences.shape[0]), np.diff(preferences.indptr))
        known = scores.copy()
        known[row, preferences.indices] += preferences.data * self.strongest[preferences.indices]
        scores[:, self.rows] += (self.matrix @ known.T).T

    def add_one(
        self,
        scores: npt.NDArray[np.float32],
        items: npt.NDArray[np.int32],
        value: npt.NDArray[np.float32],
        scored: Rows | None = None,
    ) -> Rows:
        """The same for one person's scores [n_items] and the entries of that preference row. `scored`: products that
        may have a score already, in any order; None: not known. Returns those that may have got another."""
        if not len(self.rows):
            return np.zeros(0, np.int32)
        before = scores[items]
        scores[items] += value * self.strongest[items]
        if scored is None:
            scored = np.flatnonzero(scores != 0)  # of booleans: several times as fast as of numbers
        else:
            scored = rows_in([scored, items], len(scores))
            scored = scored[scores[scored] != 0]
        known = scores[scored]
        scores[items] = before
        if len(scored) > FEW * len(scores):
            everywhere = np.zeros(len(scores), np.float32)
            everywhere[scored] = known
            scores[self.rows] += self.matrix.dot(everywhere)
            return self.rows
        # Most products have no relation to a history: the same sums, without their zeros.
        return Neighbours.add(self._lent, scored, known, scores)

    def target(self, item: int) -> Matrix:
        """Whose scores make up the score of `item`: itself and what it borrows from, one sparse row [1, n_items]."""
        own = single(item, self.matrix.shape[1])
        place = self._place[item]
        return own if place < 0 else (own + self.matrix[[place]]).tocsr()

    def likeness(self, speakers: Matrix, item: int) -> npt.NDArray[np.float32]:
        """What each row of `speakers` adds to `item` by being like it: its entries · D Cᵀ. float32 [len(speakers)]."""
        place = self._place[item]
        if place < 0:
            return np.zeros(speakers.shape[0], np.float32)
        alike = self.matrix[[place]].multiply(self.strongest[None, :]).tocsr()
        result: npt.NDArray[np.float32] = (speakers @ alike.T).toarray().ravel()
        return result

    def save(self, folder: Path) -> None:
        """Memory-mappable .npy files."""
        save_matrix(folder, "borrowing", self.matrix)
        np.save(folder / "borrowing-rows.npy", self.rows, allow_pickle=False)
        np.save(folder / "borrowing-strongest.npy", self.strongest, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Borrowing:
        """What `save` wrote; BundleError when it is damaged."""
        try:
            rows = np.load(folder / "borrowing-rows.npy", allow_pickle=False)
            strongest = np.load(folder / "borrowing-strongest.npy", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise BundleError(f"{folder}: the content neighbours cannot be read ({error}); train again") from error
        return cls(rows, load_matrix(folder, "borrowing"), strongest)


def borrow(
    modalities: Sequence[Modality], people: npt.NDArray[np.int64], relations: Matrix, settings: LinearSettings
) -> Borrowing:
    """Find what rare and new products borrow from. `people` counts each product's buyers, [n_items].

    A row of C sums to content_discount · trust · similarity: trust falls from 1 for a new product to 1/2 at
    `rare_people` buyers and ends there; similarity is the mean cosine to the products borrowed from, so that a
    product unlike all others borrows little.
    """
    n_items = len(people)
    strongest = np.zeros(n_items, np.float32)
    if relations.nnz:
        strongest = np.asarray(abs(relations).max(axis=1).todense(), np.float32).ravel()
    with_content = np.any([one.present for one in modalities], axis=0) if modalities else np.zeros(n_items, bool)
    rare = np.flatnonzero(with_content & (people <= settings.rare_people))
    # Lenders should rest on evidence of their own; in a very young shop any sale counts as such.
    lenders = np.flatnonzero(with_content & (people > settings.rare_people))
    if len(lenders) < settings.content_neighbours:
        lenders = np.flatnonzero(with_content & (people > 0))
    if not len(rare) or not len(lenders) or not settings.content_discount:
        return Borrowing.nothing(n_items)
    place, cosine = _nearest(modalities, rare, lenders, settings.content_neighbours + 1, settings.seed)
    item = np.where(place >= 0, lenders[place], -1)
    cosine = np.where((item == rare[:, None]) | (item < 0), 0, np.maximum(cosine, 0))
    total = cosine.sum(axis=1, keepdims=True)
    squares = (cosine**2).sum(axis=1, keepdims=True)
    similarity = np.divide(squares, total, out=np.zeros_like(total), where=total > 0)  # mean, weighted by itself
    share = np.divide(cosine, total, out=np.zeros_like(cosine), where=total > 0)
    trust = settings.rare_people / (people[rare] + settings.rare_people)
    value = (share * similarity * (settings.content_discount * trust)[:, None]).astype(np.float32)
    keep = value > 0
    row = np.broadcast_to(np.arange(len(rare))[:, None], item.shape)[keep]
    matrix = sp.csr_matrix((value[keep], (row, item[keep])), shape=(len(rare), n_items))
    some = np.diff(matrix.indptr) > 0
    return Borrowing(rare[some], matrix[some].tocsr(), strongest)


def _nearest(
    modalities: Sequence[Modality], rare: npt.NDArray[np.int64], lenders: npt.NDArray[np.int64], k: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Places in `lenders` and mean cosines of the k nearest of each of `rare`; place -1 pads. Both [len(rare), k]."""
    size = sum(one.size for one in modalities)
    pairs = float(len(rare)) * len(lenders)
    project = None
    if pairs * size > EXACT_COST and size > PROJECTED_SIZE:
        step = max(1, len(lenders) // PROJECTION_SAMPLE)
        sample = content_vectors(modalities, lenders[::step])
        _, _, axes = np.linalg.svd(sample.T @ sample, hermitian=True)
        project = axes[:PROJECTED_SIZE].T.astype(np.float32)
        size = PROJECTED_SIZE

    def vectors(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        pieces = []
        for part in blocks(len(rows), sum(one.size for one in modalities)):
            piece = content_vectors(modalities, rows[part])
            pieces.append(piece if project is None else piece @ project)
        return np.ascontiguousarray(np.vstack(pieces))

    target = vectors(lenders)
    index: faiss.Index = faiss.IndexFlatIP(size)
    if pairs * size > CLUSTERED_COST:
        cells = int(np.sqrt(len(lenders)))
        index = faiss.IndexIVFFlat(index, size, cells, faiss.METRIC_INNER_PRODUCT)
        index.cp.seed = seed or 1
        index.nprobe = max(8, cells // 32)
        index.train(target)
    index.add(target)
    cosine, place = index.search(vectors(rare), k)
    return place, cosine
