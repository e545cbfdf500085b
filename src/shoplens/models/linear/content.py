"""Products that few or none have bought borrow from products that look, read or sound alike."""

from __future__ import annotations

from collections.abc import Sequence

import faiss
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.dataset import Modality
from shoplens.models.folding import Matrix
from shoplens.models.linear.settings import LinearSettings
from shoplens.models.neighbours import blocks, top_of_sparse

PROJECTED_SIZE = 128  # width that all modalities together are brought to when exact search would cost too much
EXACT_COST = 3e11  # multiply-adds of an exact search, some 10 s on two cores
CLUSTERED_COST = 2e12  # beyond this even the projected search goes through an inverted file
PROJECTION_SAMPLE = 10_000  # products from which the projection is learnt
BORROWED_SHARE = 4  # borrowed relations kept of each product: a quarter of its own


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


def borrowing(modalities: Sequence[Modality], people: npt.NDArray[np.int64], settings: LinearSettings) -> Matrix:
    """Which known products each rare or new one borrows from, CSR float32 [n_items, n_items]; known rows are empty.

    `people` counts each product's buyers, [n_items]. A row sums to content_discount · trust · similarity: trust falls
    from 1 for a new product to 1/2 at `rare_people` buyers and ends at ten times that; similarity is the mean cosine
    to the products borrowed from, so that a product unlike all others borrows little.
    """
    n_items = len(people)
    nothing = sp.csr_matrix((n_items, n_items), dtype=np.float32)
    with_content = np.any([one.present for one in modalities], axis=0) if modalities else np.zeros(n_items, bool)
    rare = np.flatnonzero(with_content & (people <= 10 * settings.rare_people))
    # Lenders should rest on evidence of their own; in a very young shop any sale counts as such.
    lenders = np.flatnonzero(with_content & (people > settings.rare_people))
    if len(lenders) < settings.content_neighbours:
        lenders = np.flatnonzero(with_content & (people > 0))
    if not len(rare) or not len(lenders) or not settings.content_discount:
        return nothing
    place, cosine = _nearest(modalities, rare, lenders, settings.content_neighbours + 1, settings.seed)
    item = np.where(place >= 0, lenders[place], -1)
    cosine = np.where((item == rare[:, None]) | (item < 0), 0, np.maximum(cosine, 0))[
        :, : settings.content_neighbours + 1
    ]
    total = cosine.sum(axis=1, keepdims=True)
    squares = (cosine**2).sum(axis=1, keepdims=True)
    similarity = np.divide(squares, total, out=np.zeros_like(total), where=total > 0)  # mean, weighted by itself
    trust = settings.rare_people / (people[rare] + settings.rare_people)
    share = np.divide(cosine, total, out=np.zeros_like(cosine), where=total > 0)
    value = share * similarity * (settings.content_discount * trust)[:, None]
    keep = value > 0
    row = np.broadcast_to(rare[:, None], item.shape)[keep]
    return sp.csr_matrix((value[keep].astype(np.float32), (row, item[keep])), shape=nothing.shape)


def extend(relations: Matrix, borrowed: Matrix, settings: LinearSettings) -> Matrix:
    """Give rare and new products rows and columns: B + (B + D) Cᵀ + C (B + D + (B + D) Cᵀ), with an empty diagonal.

    C is `borrowing`; D, each product's strongest relation, stands for its missing relation to itself: who has a product
    is offered new ones like it, not only new ones like what goes with it.
    """
    if not borrowed.nnz or not relations.nnz:
        return relations
    strongest = np.asarray(abs(relations).max(axis=1).todense(), np.float32).ravel()
    whole = (relations + sp.diags(strongest)).tocsr()
    lending = borrowed.T.tocsr()
    at_most = max(1, settings.neighbours // BORROWED_SHARE)
    columns = sp.vstack(
        [
            top_of_sparse((whole[rows] @ lending).tocsr(), at_most)
            for rows in blocks(whole.shape[0], whole.shape[1], 64 << 20)
        ],
        format="csr",
    )
    rare = np.flatnonzero(np.diff(borrowed.indptr))
    base = (whole + columns).tocsr()
    picked = borrowed[rare]
    rows_of_rare = sp.vstack(
        [
            top_of_sparse((picked[rows] @ base).tocsr(), settings.neighbours)
            for rows in blocks(len(rare), whole.shape[1], 64 << 20)
        ],
        format="csr",
    )
    back = sp.csr_matrix((np.ones(len(rare), np.float32), (rare, np.arange(len(rare)))), (whole.shape[0], len(rare)))
    result = (relations + columns + back @ rows_of_rare).tocsr()
    result.setdiag(0)
    result.eliminate_zeros()
    return result


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
