"""Photos whose product is known: those of the catalogue, and those in a table of what customers took.

A photo that is there twice, resized or compressed anew, is one: else it would be hidden from a recogniser that is
judged, and learnt from all the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.encoders.photo_hash import BITS, FIELDS, WITHIN, Hashes, hamming, photo_hashes, rough_colours
from shoplens.errors import FormatError, InputError
from shoplens.features.recognise_views import PHOTOS_AT_ONCE, PhotoReader
from shoplens.features.table import DIGEST_BYTES, FeatureTable, TableWriter
from shoplens.learning.recognising import PhotoRows
from shoplens.service.media_sources import MediaSources
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

Floats = npt.NDArray[np.float32]
Progress = Callable[[str, int, int], None]
LEAST_PHOTOS = 3  # of a product: one that is shown, one to learn from, one to be judged by
MOST_EACH = 12  # of a product
OWN_EACH = 5  # of the catalogue's: as `embed` reads them
ALIKE = 6.0  # of 255: how much rough colours of copies differ at most, root mean square; a hash sees lightness alone
HASH = BITS // 8  # bytes of a hash
LOOKS = HASH + FIELDS * FIELDS * 3  # numbers behind a photo's vectors: bytes of the hash, and rough colours
PHOTOS = "photos"  # folder; deeper than the tables of modalities, which `embed --prune` looks through
COLUMNS = ("photo", "product_id")


@dataclass(frozen=True, slots=True)
class LabelledPhotos:
    """Photos product by product; each product's first one is the catalogue's."""

    item_ids: list[str]
    sources: list[str]  # where each photo is
    product: list[int]  # place of each photo's product in `item_ids`
    own: list[bool]  # of the catalogue
    first: list[bool]
    unknown: list[str] = field(default_factory=list)  # products that customers' photos name and the catalogue lacks


def gather_photos(
    workspace: Workspace, store: Store, image: FeatureTable, *, most: int, seed: int = 0
) -> LabelledPhotos:
    """At most `most` photos: of the products with customers' photos first, then of those with most of their own."""
    taken = customer_photos(workspace)
    found: list[tuple[bool, int, str, list[str], list[str]]] = []
    unknown = set(taken)
    for chunk in store.catalogue.scan():
        for product in chunk:
            unknown.discard(product.item_id)
            # a photo that is named twice is one: else it would be hidden, and learnt from all the same
            own = list(dict.fromkeys(product.images[:OWN_EACH]))
            extra = [one for one in taken.get(product.item_id, ()) if one not in own][: MOST_EACH - len(own)]
            if own and product.item_id in image and len(own) + len(extra) >= LEAST_PHOTOS:
                found.append((bool(extra), len(own) + len(extra), product.item_id, own, extra))
    by_chance = np.random.default_rng(seed).permutation(len(found)).tolist()
    order = sorted(range(len(found)), key=lambda place: (not found[place][0], -found[place][1], by_chance[place]))
    photos = LabelledPhotos([], [], [], [], [], sorted(unknown))
    for place in order:
        _, count, item_id, own, extra = found[place]
        if len(photos.sources) + count > most:
            break
        for number, source in enumerate([*own, *extra]):
            photos.sources.append(source)
            photos.product.append(len(photos.item_ids))
            photos.own.append(number < len(own))
            photos.first.append(number == 0)
        photos.item_ids.append(item_id)
    return photos


def customer_photos(workspace: Workspace) -> dict[str, list[str]]:
    """Product → photos that customers took, from the table that `train.customer_photos` names.

    FormatError when it cannot be read, or lacks a column.
    """
    named = workspace.settings.train.customer_photos
    if named is None:
        return {}
    path = workspace.root / named
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FormatError(f"train.customer_photos: {path} cannot be read ({error})") from error
    missing = [one for one in COLUMNS if one not in table.columns]
    if missing:
        raise FormatError(f"train.customer_photos: {path} has no column {missing[0]}; it needs {', '.join(COLUMNS)}")
    found: dict[str, list[str]] = {}
    for photo, item_id in table.select(COLUMNS).drop_nulls().unique(maintain_order=True).iter_rows():
        found.setdefault(item_id, []).append(photo)
    return found


def look_at(
    workspace: Workspace, reader: PhotoReader, photos: LabelledPhotos, home: Path, progress: Progress | None
) -> tuple[PhotoRows, LabelledPhotos, list[str]]:
    """The photos as encoders see them, without copies and what cannot be read, and a stamp of each. Only new ones are
    decoded."""
    cuts = len(reader.shares)
    folder = home / PHOTOS / blake2b(f"{reader.signature}/looks".encode(), digest_size=6).hexdigest()
    with (
        MediaSources(workspace) as sources,
        TableWriter(folder, (cuts + 1) * reader.size + LOOKS, wait=60.0) as table,
    ):
        stamps = [_stamp(sources, one) for one in photos.sources]
        new = {one: stamp for one, stamp in zip(photos.sources, stamps, strict=True) if table.digest(one) != stamp}
        done = 0
        for some in _parts(list(new)):
            _look(sources, reader, table, {one: new[one] for one in some})
            done += len(some)
            if progress is not None:
                progress("look at labelled photos", done, len(new))
        table.remove(set(table.all_ids) - set(photos.sources))
        if table.rows > 2 * max(1, len(table.all_ids)):
            table.compact()
    for other in folder.parent.iterdir():  # of encoders that are no longer in use
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    seen = FeatureTable(folder)
    kept = _usable(photos, seen)
    vectors = seen.matrix(kept.sources)[0][:, :-LOOKS].reshape(len(kept.sources), cuts + 1, reader.size)
    rows = PhotoRows(
        np.array(kept.product, np.intp),
        np.array(kept.own, np.bool_),
        np.array(kept.first, np.bool_),
        np.ascontiguousarray(vectors[:, :cuts].transpose(1, 0, 2)),
        np.ascontiguousarray(vectors[:, cuts]),
    )
    return rows, kept, [(seen.digest(one) or b"").hex() for one in kept.sources]


def _stamp(sources: MediaSources, source: str) -> bytes:
    stamp = sources.photos.stamp(source)
    return blake2b(stamp.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


def _look(sources: MediaSources, reader: PhotoReader, table: TableWriter, new: dict[str, bytes]) -> None:
    """Decode and encode a few photos; one that cannot be used is noted and not tried again until it changes."""
    opened, names = [], []
    for source, stamp in new.items():
        if table.row_of(stamp) is not None:
            table.link(source, stamp)
            continue
        try:
            opened.append(sources.photos.open(source))
            names.append(source)
        except InputError as error:
            table.refuse(source, stamp, str(error))
    if not opened:
        return
    views = reader.read(opened)
    plain = np.concatenate([encoder.encode(opened) for encoder in reader.encoders], axis=1)
    hashes = photo_hashes(opened).astype("<u8").view(np.uint8).reshape(len(opened), HASH)
    looks = np.concatenate([hashes, rough_colours(opened)], axis=1).astype(np.float32)
    table.append([new[one] for one in names], np.concatenate([*views, plain, looks], axis=1))
    for one in names:
        table.link(one, new[one])


def _usable(photos: LabelledPhotos, seen: FeatureTable) -> LabelledPhotos:
    """Without photos that cannot be read or copy another of their product, and without products whose first photo
    cannot be read, or that have too few left."""
    kept = LabelledPhotos([], [], [], [], [])
    places: dict[int, list[int]] = {}
    for place, product in enumerate(photos.product):
        if photos.sources[place] in seen:
            places.setdefault(product, []).append(place)
    for product, read in places.items():
        looks = seen.matrix([photos.sources[place] for place in read])[0][:, -LOOKS:]
        hashes = np.ascontiguousarray(looks[:, :HASH].astype(np.uint8)).view("<u8").ravel()
        own = [read[place] for place in different(hashes, looks[:, HASH:])]
        if len(own) < LEAST_PHOTOS or not photos.first[own[0]]:
            continue
        for place in own:
            kept.sources.append(photos.sources[place])
            kept.product.append(len(kept.item_ids))
            kept.own.append(photos.own[place])
            kept.first.append(photos.first[place])
        kept.item_ids.append(photos.item_ids[product])
    return kept


def different(hashes: Hashes, colours: Floats) -> list[int]:
    """Photos that copy none before them: places, ascending. `colours` [photos, …]: rough ones."""
    apart = np.sqrt(((colours[:, None] - colours[None]) ** 2).mean(2))
    copies = (hamming(hashes[:, None], hashes[None]) <= WITHIN) & (apart <= ALIKE)
    chosen: list[int] = []
    for row in range(len(hashes)):
        if not copies[row, chosen].any():
            chosen.append(row)
    return chosen


def _parts(sources: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(sources), PHOTOS_AT_ONCE):
        yield sources[start : start + PHOTOS_AT_ONCE]
