"""The vectors that search compares: products' texts, photos, videos and sound, from the tables that `embed` makes.

They are held in memory, one `VectorSignal` for each kind of question:

- "meaning": texts less their language, asked with what shoppers type;
- "attributes": what texts and the catalogue say of attributes, asked with what words say of them, see `train`;
- "looks": photos in the space that `train` learnt, asked with words;
- "image": photos as their encoders see them, with their colours, asked with a photo or a frame;
- "video", "audio": as their encoders make them, asked with the like.

A table that `embed` has written to is compared with what is held, by digest. The texts of a few changed products are
not waited for: they are encoded here, at once.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import faiss
import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.errors import ConfigurationError, InputError, MissingExtraError, ModelFileError, ShoplensError
from shoplens.features.align.reading import Reader
from shoplens.features.current import read_current
from shoplens.features.inputs import TextInputs
from shoplens.features.modalities import language_means
from shoplens.features.table import INDEX, FeatureTable
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.attributes import SpokenAttributes
from shoplens.retrieval.blend import Blend
from shoplens.retrieval.query_means import E5_FLOOR
from shoplens.retrieval.semantic import VectorSignal
from shoplens.service.encoders import modalities_on
from shoplens.service.loose_media import LooseMedia
from shoplens.service.query_reading import query_reader, reading_along, stated
from shoplens.service.search_weights import read_weights, weights_stamp
from shoplens.service.workspace import Workspace

if TYPE_CHECKING:
    from shoplens.features.align.alignment import Alignment

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]
Read = Callable[[Sequence[str]], Floats]  # item ids, all of which have one → vectors [n, size]
AT_ONCE = 200  # changed products whose texts are encoded here; more come by `embed`
PART = 16_384  # products whose vectors are copied at a time
AHEAD = 600.0  # seconds for which a text that was encoded here is believed to be newer than the table's
LOOK_EVERY = 3.0  # seconds between looks at the tables
BEHIND_REQUESTS = 10  # niceness of what builds indexes while requests are answered
COLOUR_SHARE = 0.3  # of the likeness of two photos; the rest is what the photo encoder sees


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the vectors of one signal come from."""

    origin: str  # names the table and whatever else made the vectors; another one: all are read anew
    table: Path
    size: int  # numbers a vector
    read: Callable[[FeatureTable], Read]
    rescore: Callable[[Floats, Floats], Floats] | None = None


@dataclass(slots=True)
class _Held:
    """One signal and what it was filled from."""

    signal: VectorSignal
    origin: str
    stamp: int = 0  # when the table had been written
    digests: dict[str, bytes] = field(default_factory=dict)  # item_id → input of the vector that is held
    ahead: dict[str, float] = field(default_factory=dict)  # item_id → when it was encoded here, before any table had it


class SearchVectors:
    """See the top of this file. Call `refresh` from one thread; `changed` and the attributes are for all."""

    def __init__(self, workspace: Workspace, facts: CatalogueFacts, media: LooseMedia) -> None:
        self._workspace = workspace
        self._facts = facts
        self._media = media
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._waiting: dict[str, Product] = {}
        self._builder: threading.Thread | None = None
        self._looked: float | None = None
        self._means: LanguageMeans | None = None
        self.signals: tuple[VectorSignal, ...] = ()
        self.reader: Reader | None = None
        self.floor = 0.0
        self.space: Alignment | None = None
        self.spoken: SpokenAttributes | None = None
        self.blend: Blend | None = None
        self._weights = 0  # stamp of what `blend` was read from

    def changed(self, products: Sequence[Product], gone: Sequence[str]) -> None:
        """Products were changed or taken out."""
        with self._lock:
            for item_id in gone:
                self._waiting.pop(item_id, None)
            if len(self._waiting) + len(products) <= AT_ONCE:
                self._waiting.update((product.item_id, product) for product in products)
        for held in list(self._held.values()):
            held.signal.remove(self._facts.rows(gone))
            for item_id in gone:
                held.digests.pop(item_id, None)
                held.ahead.pop(item_id, None)

    def refresh(self, *, now: bool = False, build: bool = True) -> None:
        """Take in changed texts, and every few seconds (or `now`) what `embed` wrote. `build`: index what grew."""
        self._encode_waiting()
        if now or self._looked is None or time.monotonic() - self._looked > LOOK_EVERY:
            self._looked = time.monotonic()
            for name, source in self._sources():
                self._take(name, source)
            self._read_weights()
        if build:
            self._build()

    def _sources(self) -> Iterator[tuple[str, _Source]]:
        """Signals and their tables, complete ones only; what is no longer there is given up."""
        features = self._workspace.features
        current, on = read_current(features), modalities_on(self._workspace)
        tables = {name: one.folder(features, name) for name, one in current.items() if name in on}
        tables = {name: folder for name, folder in tables.items() if (folder / INDEX).exists()}
        found: dict[str, _Source] = {}
        for name, folder in sorted(
            tables.items(), key=lambda one: one[0] != "text"
        ):  # the space reads along with texts
            try:
                if name == "text":
                    found["meaning"] = self._meaning(folder)
                elif name == "image":
                    found |= self._photos(folder, tables.get("colour"))
                elif name in ("video", "audio"):
                    size = self._media.encoder(name).size
                    found[name] = _Source(str(folder), folder, size, lambda table: lambda ids: table.matrix(ids)[0])
            except (ConfigurationError, MissingExtraError, ModelFileError, InputError) as error:
                log.warning("search goes without %s: %s", name, error)
        if self.space is None or "meaning" not in found:
            self.spoken = None
        else:
            found["attributes"] = self._attributes(self.space, found["meaning"])
        for name in [name for name in self._held if name not in found]:
            del self._held[name]
            self._publish()
        yield from found.items()

    def _meaning(self, folder: Path) -> _Source:
        """Texts less their language; the reader of queries comes with them."""
        encoder = self._media.encoder("text")
        if not isinstance(encoder, TextEncoder):
            raise ConfigurationError(f"{encoder.name} does not read what shoppers type")
        held = self._held.get("meaning")
        if held is None or held.origin != str(folder):
            table = FeatureTable(folder)
            self._means = language_means(table)
            self.reader = query_reader(folder, encoder, self._facts)
            self.floor = E5_FLOOR if encoder.name == "e5-small" else 0.0

        def read(table: FeatureTable) -> Read:
            def vectors(ids: Sequence[str]) -> Floats:
                values = table.matrix(ids)[0]
                return values if self._means is None else self._means.centre(values, table.groups(ids))

            return vectors

        return _Source(str(folder), folder, encoder.size, read)

    def _photos(self, folder: Path, colour: Path | None) -> dict[str, _Source]:
        """Photos as they look, and in the space of words where there is one."""
        image = self._media.encoder("image")
        colours = 0 if colour is None else self._media.encoder("colour").size

        def both(table: FeatureTable) -> Read:
            beside = None if colour is None else FeatureTable(colour)
            return lambda ids: joined_photos(table.matrix(ids)[0], None if beside is None else beside.matrix(ids)[0])

        found = {"image": _Source(f"{folder} {colour}", folder, image.size + colours, both)}
        try:
            space, name = self._media.shared.alignment(), self._media.shared.name
        except InputError:
            self.space = None
            return found
        if self.space is None or self.space.photo_networks is not space.photo_networks:
            self.space = space if self.reader is None else reading_along(space, self.reader)

        def looks(table: FeatureTable) -> Read:
            from shoplens.features.align.alignment import Photos

            beside = None if colour is None or not space.colour_size else FeatureTable(colour)
            return lambda ids: space.photo_vectors(
                Photos(table.matrix(ids)[0], None if beside is None else beside.matrix(ids)[0])
            )

        found["looks"] = _Source(
            f"{folder} {colour} {name}", folder, space.size, looks,
            lambda asked, photos: space.rescore(asked[None], photos)[0],
        )  # fmt: skip
        return found

    def _attributes(self, space: Alignment, texts: _Source) -> _Source:
        """What the space's networks read off texts, and what the catalogue states."""
        if self.spoken is None or self.spoken.networks is not space.text_networks:
            self.spoken = SpokenAttributes.of(space)
        spoken = self.spoken

        def read(table: FeatureTable) -> Read:
            vectors = texts.read(table)
            return lambda ids: spoken.product_vectors(
                vectors(ids), stated(self._facts, self._facts.rows(ids), spoken.facets)
            )

        return _Source(f"{texts.origin} {self._media.shared.name}", texts.table, spoken.size, read, spoken.rescore)

    def _take(self, name: str, source: _Source) -> None:
        """Bring one signal up to what its table says."""
        stamp = (source.table / INDEX).stat().st_mtime_ns
        held = self._held.get(name)
        if held is not None and held.origin == source.origin and held.stamp == stamp:
            return
        fresh = held is None or held.origin != source.origin
        if held is None or fresh:
            held = _Held(VectorSignal(name, source.size, rescore=source.rescore), source.origin)
        table = FeatureTable(source.table)
        read = source.read(table)
        digests = {item_id: table.digest(item_id) or b"" for item_id in table.ids}
        changed = self._changed(held, digests)
        for start in range(0, len(changed), PART):
            self._put(held, changed[start : start + PART], read, digests)
        gone = [item_id for item_id in held.digests if item_id not in digests and item_id not in held.ahead]
        held.signal.remove(self._facts.rows(gone))
        for item_id in gone:
            del held.digests[item_id]
        held.stamp = stamp
        if fresh:
            self._held[name] = held
            self._publish()

    def _changed(self, held: _Held, digests: dict[str, bytes]) -> list[str]:
        """Products whose vector in the table is another one than is held, and not an older one."""
        late = time.monotonic() - AHEAD
        held.ahead = {
            item_id: when
            for item_id, when in held.ahead.items()
            if when > late and digests.get(item_id) != held.digests.get(item_id)
        }
        return [
            item_id
            for item_id, digest in digests.items()
            if held.digests.get(item_id) != digest and item_id not in held.ahead
        ]

    def _put(self, held: _Held, item_ids: list[str], read: Read, digests: dict[str, bytes]) -> None:
        rows = self._facts.rows(item_ids)
        here = np.flatnonzero(self._facts.columns.listed[rows])
        if len(here):
            known = [item_ids[place] for place in here.tolist()]
            held.signal.put(rows[here], read(known))
            held.digests.update((item_id, digests[item_id]) for item_id in known)

    def _encode_waiting(self) -> None:
        """Texts of a few changed products: they are found by meaning before any table has them."""
        with self._lock:
            products, self._waiting = list(self._waiting.values()), {}
        held, reader = self._held.get("meaning"), self.reader
        if held is None or reader is None or not products:
            return
        inputs = TextInputs()
        digests = {product.item_id: inputs.digest(product) for product in products if not product.stub}
        new = [one for one in products if (seen := digests.get(one.item_id)) and held.digests.get(one.item_id) != seen]
        if not new:
            return
        texts = [product.text for product in new]
        vectors = reader.encoder.encode(texts)
        if self._means is not None:
            vectors = self._means.centre(vectors, languages_of(texts))
        rows = self._facts.rows(product.item_id for product in new)
        here = np.flatnonzero(rows)
        fresh = {new[place].item_id: digests[new[place].item_id] or b"" for place in here.tolist()}
        held.signal.put(rows[here], vectors[here])
        held.digests.update(fresh)
        beside, spoken = self._held.get("attributes"), self.spoken
        if beside is not None and spoken is not None and beside.signal.size == spoken.size:
            known = stated(self._facts, rows[here], spoken.facets)
            beside.signal.put(rows[here], spoken.product_vectors(vectors[here], known))
            beside.digests.update(fresh)

    def _publish(self) -> None:
        self.signals = tuple(held.signal for held in self._held.values())

    def _read_weights(self) -> None:
        """What judgements taught, where they taught anything."""
        stamp = weights_stamp(self._workspace)
        if stamp != self._weights:
            self._weights = stamp
            try:
                self.blend = read_weights(self._workspace)
            except ModelFileError as error:
                log.warning("search weighs as it does everywhere: %s", error)

    def _build(self) -> None:
        """Index what grew, in a thread of its own: it takes minutes for a million products."""
        if self._builder is not None and self._builder.is_alive():
            return
        waiting = [signal for signal in self.signals if signal.wants_rebuild]
        if waiting:
            self._builder = threading.Thread(target=_rebuild, args=(waiting,), name="shoplens-vectors", daemon=True)
            self._builder.start()


def joined_photos(image: Floats, colour: Floats | None) -> Floats:
    """One vector of a photo from both encoders': their cosines weighed. float32 [n, sizes together], unit length."""
    if colour is None:
        return image
    parts = [np.sqrt(np.float32(1 - COLOUR_SHARE)) * image, np.sqrt(np.float32(COLOUR_SHARE)) * colour]
    together: Floats = np.concatenate(parts, axis=1)
    return together


def _rebuild(signals: Sequence[VectorSignal]) -> None:
    faiss.omp_set_num_threads(1)  # of this thread alone: answers need the other cores
    if sys.platform == "linux":  # where threads have priorities of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND_REQUESTS)
    for signal in signals:
        try:
            signal.rebuild()
        except (ShoplensError, MemoryError) as error:
            log.warning("the vectors of %s are searched without an index: %s", signal.name, error)
