"""The vectors that search compares: products' texts, photos, videos and sound, from the tables that `embed` makes.

They are held in memory, one `VectorSignal` for each kind of question:

- "meaning": texts less their language, asked with what shoppers type;
- "attributes": what texts and the catalogue say of attributes, asked with what words say of them, see `train`;
- "looks": photos in the space that `train` learnt, before that across the bridge, asked with words;
- "image": photos as their encoders see them, with their colours, asked with a photo or a frame;
- "recognised": which product a photo shows, asked with a photo, where `train` learnt it;
- "video", "audio": as their encoders make them, asked with the like.

`HeldVectors` keeps them up to the tables. The texts of a few changed products are not waited for: they are encoded
here, at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.errors import ConfigurationError, InputError, MissingExtraError, ModelFileError
from shoplens.features.align.glosses import glossary
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
from shoplens.retrieval.views import Views
from shoplens.service.bridging import HeldBridge
from shoplens.service.encoders import modalities_on
from shoplens.service.held_vectors import HeldVectors, Read, Source
from shoplens.service.kept_indexes import KeptIndexes
from shoplens.service.loose_media import LooseMedia
from shoplens.service.query_reading import query_reader, reading_along, stated, told_digests
from shoplens.service.recognition_in_use import HeldRecogniser
from shoplens.service.search_photos import HeldShots, HeldUsual, PhotoTables, frames_learnt, same_frames
from shoplens.service.search_weights import read_weights, weights_stamp
from shoplens.service.workspace import Workspace

if TYPE_CHECKING:
    from shoplens.features.align.alignment import Alignment
    from shoplens.features.align.bridge import Bridge
    from shoplens.features.shots import ShotTable

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]
MOST_NUMBERS = 16_000_000  # of the vectors of shots in memory, a signal: 64 MB; more shots are found by their mean
AT_ONCE = 200  # changed products whose texts are encoded here; more come by `embed`
LOOK_EVERY = 3.0  # seconds between looks at the tables


class SearchVectors:
    """See the top of this file. Call `refresh` from one thread; `changed` and the attributes are for all."""

    def __init__(self, workspace: Workspace, facts: CatalogueFacts, media: LooseMedia) -> None:
        self._workspace = workspace
        self._facts = facts
        self._media = media
        self._lock = threading.Lock()
        self._held = HeldVectors(facts, KeptIndexes(workspace.search / "vectors"))
        self._waiting: dict[str, Product] = {}
        self._restated: set[str] = set()  # products of which the catalogue may state other values now
        self._looked: float | None = None
        self._means: LanguageMeans | None = None
        self._shots, self._usual = HeldShots(), HeldUsual()
        self._frames: dict[
            str, Callable[[Floats], Floats]
        ] = {}  # signal → what the encoder sees of frames, as it has it
        self._seen: tuple[object, ...] = ()  # what `views` were made of
        self.views: Mapping[str, Views] = {}  # shots, beside the vectors of signals
        self._bridges = HeldBridge(workspace.features)
        self.recogniser = HeldRecogniser(workspace, media)
        self.reader: Reader | None = None
        self.floor = 0.0
        self.space: Alignment | None = None  # that was learnt
        self.bridge: Bridge | None = None  # what stands in for it before
        self.shots: ShotTable | None = None  # of products' videos, where their frames compare with photos
        self.frame_size = 0  # numbers that the encoder of photos makes
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
        if gone:
            self.views = {name: one.without(self._facts.rows(gone)) for name, one in self.views.items()}

    def colours(self) -> int:
        """Numbers of a colour signature that the tables give the signal of photos; 0 = without."""
        return self._media.encoder("colour").size if "colour" in self._tables() else 0

    def refresh(self, *, now: bool = False, build: bool = True) -> None:
        """Take in changed texts, and every few seconds (or `now`) what `embed` wrote. `build`: index what grew."""
        self._encode_waiting()
        self._state_anew()
        if now or self._looked is None or time.monotonic() - self._looked > LOOK_EVERY:
            self._looked = time.monotonic()
            for name, source in self._sources(wait=not build):
                self._held.take(name, source)
            self._take_shots()
            self._read_weights()
        if build:
            self._held.build()

    def _sources(self, *, wait: bool) -> Iterator[tuple[str, Source]]:
        """Signals and their tables, complete ones only; what is no longer there is given up. `wait`: for the bridge."""
        tables, on = self._tables(), modalities_on(self._workspace)
        found: dict[str, Source] = {}
        for name in ("text", "image", "video", "audio"):  # texts first: the space reads along with them
            folder = tables.get(name)
            try:
                if name == "image" and name in on:
                    found |= self._photos(tables, wait=wait)
                elif folder is None:
                    continue
                elif name == "text":
                    found["meaning"] = self._meaning(folder)
                else:
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

    def _photos(self, tables: Mapping[str, Path], *, wait: bool) -> dict[str, Source]:
        """What products look like, and the same in a space of words where there is one."""
        image = self._media.encoder("image")
        video, colour = tables.get("video"), tables.get("colour")
        if video is not None and not same_frames(self._media.encoder("video"), image):
            video = None
        self.shots, self.frame_size = self._shots.of(video), image.size
        folders = [one for one in (tables.get("image"), video) if one is not None]
        self._frames = {}
        if not folders:
            self.space = self.bridge = None
            return {}
        origin = " ".join(map(self._named, [*folders, *([] if colour is None else [colour])]))
        if video is not None and colour is not None:
            origin += f" usual-{self._usual.of(colour)}"
        colours = 0 if colour is None else self._media.encoder("colour").size
        photos = PhotoTables(tables.get("image"), video, colour, image.size, colours, origin)
        found = {"image": photos.seen()}
        self._frames["image"] = photos.frames
        recognised = self.recogniser.source(tables, origin)
        if recognised is not None:
            found["recognised"] = recognised
        try:
            space, name = self._media.shared.alignment(), self._media.shared.name
        except InputError:
            self.space, reader = None, self._reads()
            bridged = None if reader is None else self._bridges.between(image, reader, wait=wait)
            self.bridge = None if bridged is None else bridged[0]
            if bridged is not None:
                found["looks"] = photos.untrained(*bridged)
                self._frames["looks"] = bridged[0].photo_vectors
            return found
        self.bridge = None
        if self.space is None or self.space.photo_networks is not space.photo_networks:
            self.space = space if self.reader is None else reading_along(space, self.reader)
        found["looks"] = photos.learnt(space, name)
        self._frames["looks"] = lambda seen: frames_learnt(space, seen)
        return found

    def _take_shots(self) -> None:
        """Single shots beside the vectors of products, where there are not too many."""
        held = {name: one for name in self._frames if (one := self._held.get(name)) is not None}
        made_of = (self.shots, len(self._facts), *((name, one.origin, one.stamp) for name, one in held.items()))
        if made_of == self._seen:
            return
        self._seen = made_of
        few = [] if self.shots is None else [name for name, one in held.items() if self._fit(one.signal.size)]
        if self.shots is None or not few:
            self.views = {}
            return
        ids, seen = self.shots.everything()
        rows = self._facts.rows(ids)
        known = rows > 0
        self.views = {name: Views(rows[known], self._frames[name](seen[known])) for name in few}

    def _fit(self, size: int) -> bool:
        return self.shots is not None and 0 < len(self.shots) * size <= MOST_NUMBERS

    def seen_in_video(self, item_id: str) -> bool:
        """Whether a product is known by the frames of its videos, for want of a photo."""
        held, shots = self._held.get("image"), self.shots
        return held is not None and shots is not None and held.digests.get(item_id) == shots.digest(item_id)

    def _reads(self) -> Reader | None:
        """Who reads queries for the bridge: the one that reads them for meaning, where there is one."""
        if self.reader is not None or "text" not in modalities_on(self._workspace):
            return self.reader
        encoder = self._media.encoder("text")
        return Reader(encoder, glossary=glossary()) if isinstance(encoder, TextEncoder) else None

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
