"""Which product a shopper's photo shows: learnt by `train` from products of which there are several photos.

    features/recogniser/<version>/recogniser.safetensors    versions side by side
    features/recogniser/current.json                        the one that answers
    features/recogniser/refused.json                        what was learnt from last time, where it gained nothing
    features/recogniser/photos/<encoders>/                  photos that were looked at before, as encoders see them

Several photos are those of the catalogue itself, and those that customers took (`train.customer_photos`). What is
learnt answers beside the nearest photos, and only where it finds hidden photos at once more often than they do alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from shoplens.encoders.base import Encoder
from shoplens.encoders.blocks import blocks_of, pooled
from shoplens.errors import ConfigurationError, MissingExtraError, ModelFileError
from shoplens.features.recognise_open import OpenRecogniser
from shoplens.features.recognise_views import PhotoReader
from shoplens.features.table import FeatureTable
from shoplens.files import replaced
from shoplens.learning.recognising import RecognitionReport, Shown, fit_recogniser, judge_recogniser
from shoplens.service.alignment import colour_table
from shoplens.service.encoders import OFF, encoder_in_use, setting_of, table_of
from shoplens.service.labelled_photos import LEAST_PHOTOS, LabelledPhotos, gather_photos, look_at
from shoplens.service.search_photos import joined_photos
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

Floats = npt.NDArray[np.float32]
Progress = Callable[[str, int, int], None]

REVISION = 1  # of how it is learnt: another one learns anew from the same photos
FILE = "recogniser.safetensors"
POINTER = "current.json"
REFUSED = "refused.json"
STAY = "; the nearest photos alone stay"
LEAST_PRODUCTS = 20  # with LEAST_PHOTOS photos; fewer judge nothing
MOST_OTHERS = 20_000  # products beside them that hidden photos are compared with
KEPT = 3  # versions


@dataclass(frozen=True, slots=True)
class Recognised:
    """What came of it."""

    told: str  # one sentence for whoever trains
    folder: Path | None = None  # the version that answers; None: the nearest photos alone
    fresh: bool = False  # learnt now, not taken over from the last time
    report: Mapping[str, Any] = field(default_factory=dict)  # `RecognitionReport.as_dict`

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        version = None if self.folder is None else self.folder.name
        return {"version": version, "fresh": self.fresh, "told": self.told, "report": dict(self.report)}


def home(workspace: Workspace) -> Path:
    """Where the versions lie, and the pointer to the one that answers."""
    return workspace.features / "recogniser"


def learn_recogniser(
    workspace: Workspace, store: Store, *, seed: int = 0, progress: Progress | None = None
) -> Recognised:
    """Learn from the labelled photos there are, and let the result answer if it recognises hidden ones better.

    Photos are looked at once; the same photos, encoders and seed are learnt from once. InputError when the table of
    customers' photos cannot be read.
    """
    most = workspace.settings.train.recognise_photos
    if not most or setting_of(workspace, "image") == OFF:
        _withdraw(home(workspace))
        return Recognised("photos of customers are compared with the nearest ones: recognising is off")
    image, colour = table_of(workspace, "image"), colour_table(workspace)
    try:
        encoders = [encoder_in_use(workspace, name) for name in ("image", *(("colour",) if colour else ()))]
    except (ConfigurationError, MissingExtraError, ModelFileError) as error:  # models of recommendations need none
        return Recognised(f"products are not recognised in photos: {error}")
    photos = gather_photos(workspace, store, image, most=most, seed=seed)
    if len(photos.item_ids) < LEAST_PRODUCTS:
        _withdraw(home(workspace))
        return Recognised(
            f"{len(photos.item_ids)} products have {LEAST_PHOTOS} photos or more, {LEAST_PRODUCTS} are needed to learn "
            f"to recognise products; photos are compared with the nearest ones{_left_out(photos.unknown, 0)}"
        )
    return _learn_from(photos, workspace, encoders, (image, colour), seed, progress)


def _learn_from(
    photos: LabelledPhotos,
    workspace: Workspace,
    encoders: Sequence[Encoder],
    tables: tuple[FeatureTable, FeatureTable | None],
    seed: int,
    progress: Progress | None,
) -> Recognised:
    """Learn, judge, and let it answer if it gains. `tables`: of photos and of their colours."""
    reader = PhotoReader(encoders)
    named, unknown = len(photos.sources), photos.unknown
    rows, photos, stamps = look_at(workspace, reader, photos, home(workspace), progress)
    left_out = _left_out(unknown, named - len(photos.sources))
    fingerprint = sha256(orjson.dumps([REVISION, seed, reader.signature, photos.item_ids, stamps])).hexdigest()
    if len(photos.item_ids) < LEAST_PRODUCTS:
        _withdraw(home(workspace))
        return Recognised(f"too few photos can be read to learn to recognise products{left_out}")
    if (before := _taken_over(workspace, fingerprint)) is not None:
        return replace(before, told=before.told + left_out)
    if (refused := _refused(workspace, fingerprint)) is not None:
        _withdraw(home(workspace))
        return replace(refused, told=refused.told + left_out + STAY)
    shown = shown_in(encoders, reader)
    report = judge_recogniser(shown, rows, _others(photos, *tables, seed), seed=seed)
    told, figures = _sentence(report) + left_out, report.as_dict()
    if not report.gained:
        _withdraw(home(workspace))
        with replaced(home(workspace) / REFUSED, durable=True) as stream:
            stream.write(orjson.dumps({"report": figures, "fingerprint": fingerprint}))
        return Recognised(told + STAY, fresh=True, report=figures)
    recogniser = fit_recogniser(shown, photos.item_ids, rows, np.ones(len(rows), np.bool_), seed=seed)
    about = {"reader": reader.signature, "weight": report.weight, "report": figures, "fingerprint": fingerprint}
    return Recognised(told, _publish(home(workspace), recogniser, about), fresh=True, report=figures)


def _left_out(unknown: Sequence[str], unread: int) -> str:
    """What was not learnt from, as the end of a sentence."""
    said = ""
    if unknown:
        some = ", ".join(map(repr, unknown[:3])) + (", …" if len(unknown) > 3 else "")
        said += f"; train.customer_photos names {len(unknown)} products that the catalogue lacks ({some})"
    if unread:
        said += (
            f"; {unread} photos were left out: they cannot be read or copy another one, or too few of their product "
            "are left"
        )
    return said


def shown_in(encoders: Sequence[Encoder], reader: PhotoReader) -> Shown:
    """How `embed` pools photos and search compares them."""
    size = encoders[0].size
    blocks = dict(blocks_of(encoders[0]))
    if len(encoders) > 1:
        blocks["colour"] = slice(size, reader.size)

    def joined(vectors: Floats) -> Floats:
        return joined_photos(vectors[:, :size], vectors[:, size:] if len(encoders) > 1 else None)

    return Shown(reader.weights, lambda vectors, weights: pooled(vectors, weights, blocks), joined)


def current(workspace: Workspace) -> Path | None:
    """File of the version that answers; None when there is none. ModelFileError when the pointer is damaged."""
    pointer = home(workspace) / POINTER
    try:
        return home(workspace) / str(orjson.loads(pointer.read_bytes())["version"]) / FILE
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{pointer} cannot be read ({error}); train again: shoplens train") from error


def both_tables(image: FeatureTable, colour: FeatureTable | None, item_ids: Sequence[str]) -> Floats:
    """What `embed` made of products' photos, as a recogniser reads it. [n, numbers]"""
    seen = image.matrix(item_ids)[0]
    return seen if colour is None else np.concatenate([seen, colour.matrix(item_ids)[0]], axis=1)


def _others(photos: LabelledPhotos, image: FeatureTable, colour: FeatureTable | None, seed: int) -> Floats:
    learnt = set(photos.item_ids)
    ids = [one for one in sorted(image.ids) if one not in learnt]
    if len(ids) > MOST_OTHERS:
        ids = [ids[place] for place in np.random.default_rng(seed).choice(len(ids), MOST_OTHERS, replace=False)]
    return both_tables(image, colour, ids)


def _taken_over(workspace: Workspace, fingerprint: str) -> Recognised | None:
    """The version of the last time, when it was learnt from just this."""
    try:
        path = current(workspace)
        about = None if path is None else OpenRecogniser.load(path)[1]
    except ModelFileError:
        return None  # damaged: learn anew
    if path is None or about is None or about.get("fingerprint") != fingerprint:
        return None
    report: Any = about["report"]
    return Recognised(f"{_sentence(RecognitionReport(**report))} (learnt before)", path.parent, report=report)


def _refused(workspace: Workspace, fingerprint: str) -> Recognised | None:
    """What was judged the last time, when just this gained nothing."""
    try:
        about = orjson.loads((home(workspace) / REFUSED).read_bytes())
        if about["fingerprint"] != fingerprint:
            return None
        report = RecognitionReport(**about["report"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none, or damaged: judge anew
    return Recognised(f"{_sentence(report)} (judged before)", report=report.as_dict())


def _publish(home: Path, recogniser: OpenRecogniser, about: Mapping[str, object]) -> Path:
    version = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    recogniser.save(home / version / FILE, about)
    with replaced(home / POINTER, durable=True) as stream:
        stream.write(orjson.dumps({"version": version}))
    older = sorted((one.parent for one in home.glob(f"*/{FILE}")), reverse=True)[KEPT:]
    for folder in older:
        shutil.rmtree(folder, ignore_errors=True)
    return home / version


def _withdraw(home: Path) -> None:
    (home / POINTER).unlink(missing_ok=True)


def _sentence(report: RecognitionReport) -> str:
    return (
        f"{report.asked} hidden photos of {report.products} products: the right one comes first for "
        f"{report.recognised:.1%} (the nearest photos alone {report.nearest:.1%}), of products not learnt for "
        f"{report.unlearnt_recognised:.1%} ({report.unlearnt_nearest:.1%})"
    )
