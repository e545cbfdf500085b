"""From products to vectors: only what changed, equal inputs once, on all cores, in pieces that survive being killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from shoplens.compute.base import Executor
from shoplens.domain.catalogue import Product
from shoplens.encoders.base import Encoder
from shoplens.encoders.blocks import blocks_of, pooled
from shoplens.encoders.video import ShotVectors
from shoplens.features.inputs import Inputs, Loaded
from shoplens.features.shots import ShotEncoder, ShotWriter
from shoplens.features.table import TableWriter

BATCHES_SORTED = 32  # batches among which inputs are sorted by length before they are cut


@dataclass(slots=True)
class EmbedReport:
    """What `embed` did. Every product is counted in exactly one of encoded, reused, missing, unusable."""

    encoded: int = 0  # products that got a new vector
    reused: int = 0  # products whose input did not change, or equals another product's
    missing: int = 0  # products without this modality
    unusable: int = 0  # products whose input could not be used at all
    removed: int = 0  # entries of products that left the catalogue or lost their input
    vectors: int = 0  # different inputs encoded
    seconds: float = 0.0
    refused: list[tuple[str, str]] = field(default_factory=list)  # item_id, reason; partly refused ones too
    skipped: str = ""  # why nothing was looked at, in words; "" when everything was

    @property
    def products(self) -> int:
        """How many products were looked at."""
        return self.encoded + self.reused + self.missing + self.unusable


@dataclass(frozen=True, slots=True)
class _Work:
    digest: bytes
    product: Product
    length: int


@dataclass(frozen=True, slots=True)
class _Done:
    digest: bytes
    vector: npt.NDArray[np.float32] | None  # None: nothing of the input could be used
    refused: str
    shots: tuple[ShotVectors, ...] = ()  # of its videos, in order


@dataclass(frozen=True)
class PieceEncoder:
    """Loads and encodes a piece of work; what an executor runs."""

    encoder: Encoder
    inputs: Inputs
    by_shot: bool = False  # the inputs are clips of which every shot is kept too

    def __call__(self, piece: Sequence[_Work]) -> list[_Done]:
        """One result for each piece of work."""
        loaded = [self.inputs.load(work.product) for work in piece]
        blocks = blocks_of(self.encoder)
        if self.by_shot and isinstance(self.encoder, ShotEncoder):
            return [self._by_shot(self.encoder, *both) for both in zip(piece, loaded, strict=True)]
        vectors = self.encoder.encode([one for product in loaded for one in product.inputs])
        done: list[_Done] = []
        start = 0
        for work, product in zip(piece, loaded, strict=True):
            own = vectors[start : start + len(product.inputs)]
            start += len(product.inputs)
            vector = pooled(own, product.weights, blocks) if len(own) else None
            done.append(_Done(work.digest, vector, "; ".join(product.refused)))
        return done

    def _by_shot(self, encoder: ShotEncoder, work: _Work, product: Loaded) -> _Done:
        """The same for clips, each frame encoded once."""
        shots = tuple(encoder.encode_shots(clip) for clip in product.inputs)
        reasons = "; ".join(product.refused)
        if not shots:
            return _Done(work.digest, None, reasons)
        vectors = np.stack([encoder.pooled(clip) for clip in shots])
        return _Done(work.digest, pooled(vectors, product.weights, blocks_of(self.encoder)), reasons, shots)


def embed(
    products: Iterable[Sequence[Product]],
    table: TableWriter,
    encoder: Encoder,
    inputs: Inputs,
    *,
    executor: Executor,
    progress: Callable[[int], None] | None = None,
    batch: int = 64,
    commit_seconds: float = 10.0,
    complete: bool = True,
    retry_refused: bool = False,
    shots: ShotWriter | None = None,
) -> EmbedReport:
    """Bring a table up to date with products that come in chunks.

    What is finished is committed every `commit_seconds` and at the end, also when an error or Ctrl-C ends it: the same
    call goes on from there. `progress` gets the number of products settled so far. `complete` says that `products` is
    the whole catalogue: entries of others are removed. Inputs that were refused are not tried again until they change,
    unless `retry_refused` (for photos whose server was away). Bad inputs are reported, never raised. `shots` keeps the
    vectors of single shots beside a table of videos.
    """
    run = _Run(table, inputs, batch, retry_refused, progress, shots)
    started = last_commit = time.monotonic()
    try:
        for done in executor.map(PieceEncoder(encoder, inputs, shots is not None), run.pieces(products)):
            run.settle(done)
            if time.monotonic() - last_commit >= commit_seconds:
                run.commit()
                last_commit = time.monotonic()
        if complete:
            run.report.removed += table.remove([name for name in table.all_ids if name not in run.seen])
    finally:
        run.commit()
    if shots is not None:
        shots.keep(digest for digest in map(table.digest, table.ids) if digest is not None)
        shots.commit()
        shots.tidy()
    if table.rows > 2 * max(run.report.products, 1):
        table.compact()  # more than half of the file belongs to no product any longer
    run.report.refused = sorted(table.refusals.items())
    run.report.seconds = time.monotonic() - started
    return run.report


class _Run:
    """State of one `embed`: what is in flight, and who waits for it."""

    def __init__(
        self,
        table: TableWriter,
        inputs: Inputs,
        batch: int,
        retry_refused: bool,
        progress: Callable[[int], None] | None,
        shots: ShotWriter | None,
    ) -> None:
        self.shots = shots
        self.table = table
        self.inputs = inputs
        self.batch = batch
        self.retry_refused = retry_refused
        self.progress = progress
        self.report = EmbedReport()
        self.seen: set[str] = set()
        self.waiting: dict[bytes, list[tuple[str, int]]] = {}  # digest in flight → products and their groups

    def pieces(self, products: Iterable[Sequence[Product]]) -> Iterator[list[_Work]]:
        """Work that is really to be done, similar lengths together."""
        window: list[_Work] = []
        for chunk in products:
            for product in chunk:
                work = self._triage(product)
                if work is not None:
                    window.append(work)
            self._tell()
            if len(window) >= self.batch * BATCHES_SORTED:
                yield from self._cut(window)
                window = []
        yield from self._cut(window)

    def settle(self, done: Sequence[_Done]) -> None:
        """Put finished work into the table and link the products that wait for it."""
        good = [one for one in done if one.vector is not None]
        if good:
            vectors = np.stack([one.vector for one in good if one.vector is not None])
            self.table.append([one.digest for one in good], vectors)
        for one in done:
            waiting = self.waiting.pop(one.digest)
            if one.vector is None:
                for item_id, _ in waiting:
                    self.table.refuse(item_id, one.digest, one.refused)
                self._count_empty(len(waiting), bool(one.refused))
                continue
            if self.shots is not None:
                self.shots.put(one.digest, one.shots)
            for item_id, group in waiting:
                self.table.link(item_id, one.digest, group=group, reason=one.refused)
            self.report.encoded += 1
            self.report.reused += len(waiting) - 1
        self.report.vectors += len(good)
        self._tell()

    def _triage(self, product: Product) -> _Work | None:
        """Count what needs no work; None unless this product's input has to be encoded."""
        table, name = self.table, product.item_id
        digest = self.inputs.digest(product)
        if digest is None:
            self.report.missing += 1
            return None
        self.seen.add(name)
        again = self.retry_refused and table.was_refused(name)
        if table.digest(name) == digest and not again:
            if name in table:
                self.report.reused += 1
            else:
                self._count_empty(1, table.was_refused(name))
            return None
        group = self.inputs.group(product)
        if digest in self.waiting:
            self.waiting[digest].append((name, group))
            return None
        known = table.row_of(digest) is not None and (self.shots is None or digest in self.shots)
        if known and not again:
            table.link(name, digest, group=group)
            self.report.reused += 1
            return None
        self.waiting[digest] = [(name, group)]
        return _Work(digest, product, self.inputs.length(product))

    def commit(self) -> None:
        """Shots first: whatever the table knows has its shots, also after a crash between the two."""
        if self.shots is not None:
            self.shots.commit()
        self.table.commit()

    def _count_empty(self, products: int, refused: bool) -> None:
        """Nothing to encode: because it was refused, or because there was nothing (a video without sound)."""
        if refused:
            self.report.unusable += products
        else:
            self.report.missing += products

    def _cut(self, window: list[_Work]) -> Iterator[list[_Work]]:
        window.sort(key=lambda work: work.length)
        for start in range(0, len(window), self.batch):
            yield window[start : start + self.batch]

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(self.report.products)
