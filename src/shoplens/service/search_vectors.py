"""The vectors that search compares: products' texts, photos, videos and sound, from the tables that `embed` makes.

They are held in memory, one `VectorSignal` for each kind of question:

- "meaning": texts less their language, asked with what shoppers type;
- "attributes": what texts and the catalogue say of attributes, asked with what words say of them, see `train`;
- "looks": photos in the space that `train` learnt, asked with words;
- "image": photos as their encoders see them, with their colours, asked with a photo or a frame;
- "video", "audio": as their encoders make them, asked with the like.

`HeldVectors` keeps them up to the tables. The texts of a few changed products are not waited for: they are encoded
here, at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.errors import ConfigurationError, InputError, MissingExtraError, ModelFileError
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
from shoplens.service.held_vectors import HeldVectors, Read, Source
from shoplens.service.loose_media import LooseMedia
from shoplens.service.query_reading import query_reader, reading_along, stated, told_digests
from shoplens.service.search_graphs import SearchGraphs
from shoplens.service.search_weights import read_weights, weights_stamp
from shoplens.service.workspace import Workspace

if TYPE_CHECKING:
    from shoplens.features.align.alignment import Alignment

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]
AT_ONCE = 200  # changed products whose texts are encoded here; more come by `embed`
LOOK_EVERY = 3.0  # seconds between looks at the tables
COLOUR_SHARE = 0.3  # of the likeness of two photos; the rest is what the photo encoder sees


class SearchVectors:
    """See the top of this file. Call `refresh` from one thread; `changed` and the attributes are for all."""

    def __init__(self, workspace: Workspace, facts: CatalogueFacts, media: LooseMedia) -> None:
        self._workspace = workspace
        self._facts = facts
        self._media = media
        self._lock = threading.Lock()
        self._held = HeldVectors(facts, SearchGraphs(workspace.search / "graphs"))
        self._waiting: dict[str, Product] = {}
        self._restated: set[str] = set()  # products of which the catalogue may state other values now
        self._looked: float | None = None
        self._means: LanguageMeans | None = None
        self.reader: Reader | None = None
        self.floor = 0.0
        self.space: Alignment | None = None
        self.spoken: SpokenAttributes | None = None
        self.blend: Blend | None = None
        self._weights = 0  # stamp of what `blend` was read from

    @property
    def signals(self) -> tuple[VectorSignal, ...]:
        """What answers now."""
        return self._held.signals

    def changed(self, products: Sequence[Product], gone: Sequence[str]) -> None:
        """Products were changed or taken out."""
        with self._lock:
            self._restated.update(one.item_id for one in products)
            for item_id in gone:
                self._waiting.pop(item_id, None)
            if len(self._waiting) + len(products) <= AT_ONCE:
                self._waiting.update((product.item_id, product) for product in products)
        self._held.remove(gone)

    def colours(self) -> int:
        """Numbers of a colour signature that the tables give the signal of photos; 0 = without."""
        return self._media.encoder("colour").size if {"image", "colour"} <= self._tables().keys() else 0

    def refresh(self, *, now: bool = False, build: bool = True) -> None:
        """Take in changed texts, and every few seconds (or `now`) what `embed` wrote. `build`: index what grew."""
        self._encode_waiting()
        self._state_anew()
        if now or self._looked is None or time.monotonic() - self._looked > LOOK_EVERY:
            self._looked = time.monotonic()
            for name, source in self._sources():
                self._held.take(name, source)
            self._read_weights()
        if build:
            self._held.build()

    def _sources(self) -> Iterator[tuple[str, Source]]:
        """Signals and their tables, complete ones only; what is no longer there is given up."""
        tables = self._tables()
        found: dict[str, Source] = {}
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
                    found[name] = Source(
                        self._named(folder), folder, size, lambda table: lambda ids: table.matrix(ids)[0]
                    )
            except (ConfigurationError, MissingExtraError, ModelFileError, InputError) as error:
                log.warning("search goes without %s: %s", name, error)
        if self.space is None or "meaning" not in found:
            self.spoken = None
        else:
            found["attributes"] = self._attributes(self.space, found["meaning"])
        self._held.keep_only(found)
        yield from found.items()

    def _tables(self) -> dict[str, Path]:
        """Modality → its complete table."""
        features = self._workspace.features
        current, on = read_current(features), modalities_on(self._workspace)
        tables = {name: one.folder(features, name) for name, one in current.items() if name in on}
        return {name: folder for name, folder in tables.items() if (folder / INDEX).exists()}

    def _named(self, table: Path) -> str:
        """A table, the same wherever the workspace lies and however it was named to this process."""
        return table.relative_to(self._workspace.features).as_posix()

    def _meaning(self, folder: Path) -> Source:
        """Texts less their language; the reader of queries comes with them."""
        encoder = self._media.encoder("text")
        if not isinstance(encoder, TextEncoder):
            raise ConfigurationError(f"{encoder.name} does not read what shoppers type")
        held = self._held.get("meaning")
        if held is None or held.origin != self._named(folder):
            table = FeatureTable(folder)
            self._means = language_means(table)
            self.reader = query_reader(folder, encoder, self._facts)
            self.floor = E5_FLOOR if encoder.name == "e5-small" else 0.0

        def read(table: FeatureTable) -> Read:
            def vectors(ids: Sequence[str]) -> Floats:
                values = table.matrix(ids)[0]
                return values if self._means is None else self._means.centre(values, table.groups(ids))

            return vectors

        return Source(self._named(folder), folder, encoder.size, read)

    def _photos(self, folder: Path, colour: Path | None) -> dict[str, Source]:
        """Photos as they look, and in the space of words where there is one."""
        image = self._media.encoder("image")
        colours = 0 if colour is None else self._media.encoder("colour").size

        def both(table: FeatureTable) -> Read:
            beside = None if colour is None else FeatureTable(colour)
            return lambda ids: joined_photos(table.matrix(ids)[0], None if beside is None else beside.matrix(ids)[0])

        made = " ".join(self._named(one) for one in (folder, colour) if one is not None)
        found = {"image": Source(made, folder, image.size + colours, both)}
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

        found["looks"] = Source(
            f"{made} {name}", folder, space.size, looks,
            lambda asked, photos: space.rescore(asked[None], photos)[0],
        )  # fmt: skip
        return found

    def _attributes(self, space: Alignment, texts: Source) -> Source:
        """What the space's networks read off texts, and what the catalogue states."""
        if self.spoken is None or self.spoken.networks is not space.text_networks:
            self.spoken = SpokenAttributes.of(space)
        spoken = self.spoken

        def read(table: FeatureTable) -> Read:
            vectors = texts.read(table)
            return lambda ids: spoken.product_vectors(
                vectors(ids), stated(self._facts, self._facts.rows(ids), spoken.facets)
            )

        return Source(
            f"{texts.origin} {self._media.shared.name}", texts.table, spoken.size, read, spoken.rescore,
            also=lambda digests: told_digests(self._facts, digests, spoken.facets),
        )  # fmt: skip

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
        self._held.put_ahead("meaning", fresh, vectors[here])
        beside, spoken = self._held.get("attributes"), self.spoken
        if beside is not None and spoken is not None and beside.signal.size == spoken.size:
            known = stated(self._facts, rows[here], spoken.facets)
            told = told_digests(self._facts, fresh, spoken.facets)
            self._held.put_ahead("attributes", told, spoken.product_vectors(vectors[here], known))

    def _state_anew(self) -> None:
        """Attributes of products whose text is as it was: the catalogue may state other values of them."""
        with self._lock:
            restated, self._restated = self._restated, set()
        texts, held, spoken = self._held.get("meaning"), self._held.get("attributes"), self.spoken
        if texts is None or held is None or spoken is None or held.signal.size != spoken.size:
            return
        known = {item_id: texts.digests[item_id] for item_id in restated if item_id in texts.digests}
        told = told_digests(self._facts, known, spoken.facets)
        found = {one: texts.signal.vector(self._facts.row(one)) for one in told if held.digests.get(one) != told[one]}
        vectors = {item_id: vector for item_id, vector in found.items() if vector is not None}
        if vectors:
            known_values = stated(self._facts, self._facts.rows(vectors), spoken.facets)
            shown = spoken.product_vectors(np.stack(list(vectors.values())), known_values)
            self._held.put_ahead("attributes", {item_id: told[item_id] for item_id in vectors}, shown)

    def _read_weights(self) -> None:
        """What judgements taught, where they taught anything."""
        stamp = weights_stamp(self._workspace)
        if stamp != self._weights:
            self._weights = stamp
            try:
                self.blend = read_weights(self._workspace)
            except ModelFileError as error:
                log.warning("search weighs as it does everywhere: %s", error)


def joined_photos(image: Floats, colour: Floats | None) -> Floats:
    """One vector of a photo from both encoders': their cosines weighed. float32 [n, sizes together], unit length."""
    if colour is None:
        return image
    parts = [np.sqrt(np.float32(1 - COLOUR_SHARE)) * image, np.sqrt(np.float32(COLOUR_SHARE)) * colour]
    together: Floats = np.concatenate(parts, axis=1)
    return together
