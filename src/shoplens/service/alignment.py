"""The shop's own space of words and photos: learnt by `train` from what `embed` wrote, in `features/alignment/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from shoplens.encoders.base import Encoder, TextEncoder
from shoplens.errors import ConfigurationError, MissingExtraError, ModelFileError
from shoplens.features.align import versions
from shoplens.features.align.alignment import Alignment, Photos
from shoplens.features.align.bridge import Bridge, bridge_of, one_network
from shoplens.features.align.examples import MOST_PRODUCTS, Lessons, Progress
from shoplens.features.align.facets import Described, described
from shoplens.features.align.glosses import glossary
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import LEAST_PAIRS, train_alignment
from shoplens.features.table import FeatureTable
from shoplens.learning.finetune.sides import held_out
from shoplens.service.bridging import open_bridge
from shoplens.service.encoders import OFF, encoder_in_use, setting_of, table_of
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

REVISION = 1  # of how it is learnt: another one learns anew from the same products


@dataclass(frozen=True, slots=True)
class Aligned:
    """What came of it."""

    told: str  # one sentence for whoever trains
    folder: Path | None = None  # the version that answers; None: photos are found through the bridge alone
    fresh: bool = False  # learnt now, not taken over from the last time
    report: Mapping[str, Any] = field(default_factory=dict)  # `AlignmentReport.as_dict`

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        version = None if self.folder is None else self.folder.name
        return {"version": version, "fresh": self.fresh, "told": self.told, "report": dict(self.report)}


def home(workspace: Workspace) -> Path:
    """Where the versions lie, and the pointer to the one that answers."""
    return workspace.features / "alignment"


def align_shop(workspace: Workspace, store: Store, *, seed: int = 0, progress: Progress | None = None) -> Aligned:
    """Learn from the products that have photo vectors and words, and let the result answer if it finds held-out photos
    better than the untrained bridge does. Products, encoders and seed of the last time are learnt from once only.
    """
    prepared = _prepare(workspace, store, seed)
    if isinstance(prepared, Aligned):
        return prepared
    reads, looks = prepared.reads, prepared.looks
    reader = Reader(reads, glossary=glossary())
    alignment, report = train_alignment(
        prepared.lessons,
        reader,
        bridge_of(looks, reader),
        one_network=one_network(looks, reads),
        seed=seed,
        held_out=_unseen(prepared),
        progress=progress,
    )
    told, figures = _sentence(report.as_dict()), report.as_dict()
    if not report.gained:
        versions.withdraw(home(workspace))
        return Aligned(f"{told}; the untrained bridge stays", report=figures, fresh=True)
    version = versions.publish(
        home(workspace), alignment, prepared.learnt, figures | {"fingerprint": prepared.fingerprint}
    )
    versions.prune(home(workspace))
    return Aligned(told, home(workspace) / version, fresh=True, report=figures)


def load_current(workspace: Workspace, reads: TextEncoder | None = None) -> Alignment | None:
    """The alignment that answers, None when there is none (yet). `reads`: the encoder of texts, when it is open."""
    folder = versions.current(home(workspace))
    if folder is None:
        return None
    return versions.load_alignment(folder, reads if reads is not None else encoders_in_use(workspace)[0])


def bridge_in_use(workspace: Workspace) -> Bridge | None:
    """What finds photos by words before anything was learnt; None where the photo encoder says nothing in words."""
    reads, looks = encoders_in_use(workspace)
    return open_bridge(workspace.features, looks, Reader(reads, glossary=glossary()))


def photos_of(workspace: Workspace, item_ids: list[str]) -> tuple[Photos, Any]:
    """What the encoders said of products' photos, and which have one (bool [products])."""
    colour = colour_table(workspace)
    vectors, present = table_of(workspace, "image").matrix(item_ids)
    return Photos(vectors, None if colour is None else colour.matrix(item_ids)[0]), present


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Everything that is learnt from."""

    lessons: Lessons
    reads: TextEncoder
    looks: Encoder
    learnt: versions.Learnt
    fingerprint: str  # of all of it


def _prepare(workspace: Workspace, store: Store, seed: int) -> _Prepared | Aligned:
    """What to learn from; or what is the case already: nothing to learn from, nothing new."""
    if OFF in (setting_of(workspace, "text"), setting_of(workspace, "image")):
        return Aligned("words and photos are not compared: an encoder is off")
    image, colour = table_of(workspace, "image"), colour_table(workspace)
    gathered = gather_lessons(store, image, colour, np.random.default_rng(seed))
    lessons, identity = gathered.lessons, gathered.identity
    if lessons.pairs < LEAST_PAIRS:
        return Aligned(_too_few(lessons.pairs))
    try:
        reads, looks = encoders_in_use(workspace)
    except (ConfigurationError, ModelFileError) as error:  # a model of recommendations needs neither
        return Aligned(f"words and photos are not compared: {error}")
    learnt = versions.Learnt(_named(reads), _named(looks), "" if colour is None else colour.folder.name)
    fingerprint = sha256(orjson.dumps([REVISION, seed, identity, asdict(learnt)])).hexdigest()
    return _taken_over(workspace, fingerprint) or _Prepared(lessons, reads, looks, learnt, fingerprint)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Products that something can be learnt from."""

    item_ids: list[str]
    lessons: Lessons  # in that order
    identity: str  # digest of everything they say and show


def gather_lessons(
    store: Store, image: FeatureTable, colour: FeatureTable | None, random: np.random.Generator
) -> Gathered:
    """Products with words, at most MOST_PRODUCTS, those with a photo first; and a digest of everything they say."""
    ids: list[str] = []
    titles: list[str] = []
    values: list[Described] = []
    digest = sha256()
    for chunk in store.catalogue.scan():
        for product in chunk:
            said = described(product)
            if product.stub or not (product.title or said):
                continue
            ids.append(product.item_id)
            titles.append(product.title)
            values.append(said)
            seen = image.digest(product.item_id) or b""
            digest.update(orjson.dumps([product.item_id, product.title, said, seen.hex()], option=orjson.OPT_SORT_KEYS))
    has = np.array([name in image for name in ids], bool)
    if len(ids) > MOST_PRODUCTS:
        rows = np.sort(np.lexsort((random.random(len(ids)), ~has))[:MOST_PRODUCTS])
        ids, titles, values = ([part[row] for row in rows] for part in (ids, titles, values))
    vectors, present = image.matrix(ids)
    photos = Photos(vectors, None if colour is None else colour.matrix(ids)[0])
    return Gathered(ids, Lessons(photos, present, titles, values), digest.hexdigest())


def _unseen(prepared: _Prepared) -> Any:
    """Products that validation gets where an encoder was fine-tuned: those that it never saw. None: no matter which."""
    tuned = any("+" in one.version for one in (prepared.reads, prepared.looks))
    return held_out(prepared.lessons.titles, prepared.lessons.values) if tuned else None


def _taken_over(workspace: Workspace, fingerprint: str) -> Aligned | None:
    """The version of the last time, when it was learnt from just this."""
    try:
        folder = versions.current(home(workspace))
        report = None if folder is None else versions.read_facts(folder)["report"]
    except ModelFileError:
        return None  # damaged: learn anew
    if folder is None or report is None or report.get("fingerprint") != fingerprint:
        return None
    return Aligned(f"{_sentence(report)} (learnt before)", folder, report=report)


def encoders_in_use(workspace: Workspace) -> tuple[TextEncoder, Encoder]:
    """Of texts and of photos."""
    reads = encoder_in_use(workspace, "text")
    if not isinstance(reads, TextEncoder):
        raise ConfigurationError(f"encoders.text = {reads.name!r} cannot read what shoppers type")
    return reads, encoder_in_use(workspace, "image")


def colour_table(workspace: Workspace) -> FeatureTable | None:
    """Colour signatures, where there are any."""
    try:
        table = table_of(workspace, "colour")
    except (ConfigurationError, MissingExtraError):
        return None
    return table if len(table) else None


def _named(encoder: Encoder) -> str:
    return f"{encoder.name}/{encoder.version}"


def _too_few(pairs: int) -> str:
    return (
        f"{pairs} products have a photo and words, {LEAST_PAIRS} are needed to learn what photos show; "
        "until then they are found through the names of the classes that the photo encoder knows"
    )


def _sentence(report: Mapping[str, Any]) -> str:
    """What was gained, in words."""
    kinds = {"en": "English phrases", "zh": "Chinese phrases", "title": "titles"}
    parts = []
    for kind, name in kinds.items():
        if kind in report["aligned"]:
            before = report["bridge"].get(kind)
            was = f" (untrained {before['ndcg@10']:.3f})" if before else ""
            parts.append(f"{name} {report['aligned'][kind]['ndcg@10']:.3f}{was}")
    return f"photos of {report['held_out']:,} held-out products found by words, NDCG@10: {', '.join(parts)}"
