"""What photos of single products say about their attributes: what they show, what is written in them, and where."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from shoplens.apps.attributes.found import FoundValue, Source
from shoplens.apps.attributes.schema import Kind
from shoplens.apps.attributes.written import Written
from shoplens.domain.catalogue import Product
from shoplens.encoders.colour import Box, dominant_colours, thing_box
from shoplens.encoders.photos import PhotoOpener
from shoplens.errors import ShoplensError
from shoplens.features.current import read_current
from shoplens.features.found_text import FoundText, FoundTexts
from shoplens.features.inputs import photos_digest
from shoplens.features.modalities import assemble
from shoplens.service.attribute_learning import Knowledge
from shoplens.service.encoders import table_of
from shoplens.service.loose_media import LooseMedia
from shoplens.service.media_sources import MediaSources
from shoplens.service.workspace import Workspace

log = logging.getLogger(__name__)

WHOLE_PHOTO: Box = (0.0, 0.0, 1.0, 1.0)
MOST_OPENED = 2_000  # photos of one run that are opened to say where the thing stands; a photo takes about 10 ms
MOST_SECONDS = 120.0  # that opening them takes in all

Floats = npt.NDArray[np.float32]


class Regions:
    """Where in their photos values were seen. Each photo is opened once, and of one run so many, for so long: photos of
    a site that does not answer would take hours."""

    def __init__(self, opener: PhotoOpener, *, most: int = MOST_OPENED, seconds: float = MOST_SECONDS) -> None:
        self._opener, self._most, self._left = opener, most, seconds
        self._known: dict[str, Box] = {}

    def of(self, found: FoundValue) -> FoundValue:
        """The same value with the box around the thing; the whole photo where that cannot be told."""
        if found.source is not Source.PHOTO or found.photo is None:
            return found
        if found.photo not in self._known and len(self._known) < self._most and self._left > 0:
            began = time.perf_counter()
            self._known[found.photo] = self._box(found.photo)
            self._left -= time.perf_counter() - began
        return replace(found, box=self._known.get(found.photo, WHOLE_PHOTO))

    def _box(self, photo: str) -> Box:
        try:
            return thing_box(self._opener.open(photo)) or WHOLE_PHOTO
        except ShoplensError:
            return WHOLE_PHOTO  # it was there when it was encoded


class ProductPhotos:
    """Reads the photos of products as `shoplens embed` would, from its tables where they have them."""

    def __init__(self, workspace: Workspace, loose: LooseMedia, sources: MediaSources) -> None:
        self._workspace, self._loose, self._sources = workspace, loose, sources

    @property
    def opener(self) -> PhotoOpener:
        """What opens photos of products."""
        return self._sources.photos

    def regions(self) -> Regions:
        """For one run over many products."""
        return Regions(self.opener)

    def seen(self, product: Product, knowledge: Knowledge) -> list[FoundValue]:
        """What the first photo shows: what classifiers of the shop's photos say, and of colours that none of them
        knows the name. Empty without a photo; InputError where it cannot be read."""
        if not product.images:
            return []
        photo = self.opener.open(product.images[0])
        box = thing_box(photo) or WHOLE_PHOTO
        found = [replace(one, box=box) for one in self.classified([product], knowledge, photo)[0]]
        told = {one.attribute for one in found}
        for name in knowledge.schema.expected(product.category):
            if knowledge.schema.kinds[name] is Kind.COLOUR and name not in told:
                english, _, share = dominant_colours(photo)[0]
                found.append(
                    FoundValue(
                        attribute=name,
                        value=knowledge.normaliser.value(name, english),
                        source=Source.PHOTO,
                        confidence=share * knowledge.reliability.of(Source.PHOTO, name),
                        photo=product.images[0],
                        box=box,
                    )
                )
        return found

    def classified(
        self, products: Sequence[Product], knowledge: Knowledge, photo: Image.Image | None = None
    ) -> list[list[FoundValue]]:
        """What the classifiers say of products that have vectors of the photos that they have now, in their order;
        nothing is opened. `photo`: of a single product, which is encoded now if it was not yet."""
        found: list[list[FoundValue]] = [[] for _ in products]
        vectors = self._vectors(products, knowledge, photo)
        if vectors is None:
            return found
        rows = [row for row in np.flatnonzero(vectors.any(1)).tolist() if products[row].images]
        for name, classifier in knowledge.visible.attributes.items():
            for row, one in zip(rows, classifier.see(vectors[rows]), strict=True):
                if name in knowledge.schema.expected(products[row].category):
                    found[row].append(of_seen(name, one.value, one.probability, products[row]))
        return found

    def written(self, product: Product, *, now: bool = True) -> Written:
        """What is written in the photos. `now`: read it where `shoplens embed` has not, a second or so."""
        kept = self.kept([product]).get(product.item_id)
        if kept is not None or not now or not product.images or "ocr" not in self._loose.readers():
            return kept or Written()
        try:
            reader = self._sources.reader("ocr", self._loose.recogniser("ocr"))
            return Written(reader.read(product).found)
        except ShoplensError as error:
            log.info("words in photos were not read: %s", error)
            return Written()

    def kept(self, products: Sequence[Product]) -> dict[str, Written]:
        """What `shoplens embed` read in photos of products, by item_id; those that were not read, or changed since, are
        left out."""
        chosen = read_current(self._workspace.features).get("ocr")
        if chosen is None:
            return {}
        now = {one.item_id: photos_digest(self._sources.pages, one) for one in products if one.images}
        with FoundTexts(self._workspace.features, "ocr", chosen.reader) as words:
            ids = [item_id for item_id, digest in words.digests(list(now)).items() if digest == now[item_id]]
            found: dict[str, Sequence[FoundText]] = dict(words.texts(ids))
            return {item_id: Written(found.get(item_id, ())) for item_id in ids}

    def _vectors(self, products: Sequence[Product], knowledge: Knowledge, photo: Image.Image | None) -> Floats | None:
        """Rows as the classifiers learnt them, 0 where there is none of the photos there are now. None when they learnt
        from other encoders."""
        parts = knowledge.visible.parts
        if not parts or photo_parts(self._workspace, [name for name, _ in parts]) != parts:
            return None
        tables = {name: table_of(self._workspace, name) for name, _ in parts}
        now = [photos_digest(self.opener, one) for one in products]
        known = {}
        for one in assemble(tables.items(), [product.item_id for product in products]):
            table = tables[one.name]
            old = [table.digest(each.item_id) != digest for each, digest in zip(products, now, strict=True)]
            one.values[old] = 0.0
            if one.values.any():
                known[one.name] = one.values
        if photo is not None and set(known) != set(tables):
            try:
                known = {name: self._loose.encoder(name).encode([photo]) for name in tables}
            except ShoplensError as error:
                log.info("a photo was not looked at: %s", error)
                return None
        columns = [known.get(name, np.zeros((len(products), table.size), np.float32)) for name, table in tables.items()]
        return np.concatenate(columns, axis=1)


def of_seen(attribute: str, value: str, probability: float, product: Product) -> FoundValue:
    """What a classifier saw in a product's first photo."""
    return FoundValue(
        attribute=attribute,
        value=value,
        source=Source.PHOTO,
        confidence=probability,
        photo=product.images[0] if product.images else None,
        box=WHOLE_PHOTO,
    )


def photo_parts(workspace: Workspace, modalities: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Modalities with what made the vectors that are read now."""
    current = read_current(workspace.features)
    return tuple((name, current[name].noted) for name in modalities if name in current)
