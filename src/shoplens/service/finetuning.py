"""`shoplens train --finetune`: encoders that learn a shop's own photos and words, and answer only if that helps.

1. From the products of the learning side (`learning.finetune.sides`): the upper part of a network learns.
2. Export as an encoder version of its own; its vectors go to a table of their own, beside those in use.
3. Old and new are judged on the products of the other side. No better: network and table are deleted.
4. Better: the network stands in for the encoder that the settings name, `embed` completes its tables, and each is read
   from the moment it is complete. Whatever was killed before that goes on when the same is started again.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from filelock import FileLock, Timeout
from PIL import Image

from shoplens.compute.base import Executor
from shoplens.encoders.base import Encoder
from shoplens.encoders.efficientnet_graph import LITE0, LITE2
from shoplens.encoders.finetuned import open_finetuned
from shoplens.encoders.hub_device import choose_hardware
from shoplens.errors import ConfigurationError, InputError, StoreError
from shoplens.features.align.alignment import Photos
from shoplens.features.align.examples import Lessons, Material
from shoplens.features.align.glosses import glossary
from shoplens.features.align.lexicon import built_in
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import LEAST_PAIRS
from shoplens.features.current import InUse, read_current
from shoplens.features.embed import embed
from shoplens.features.inputs import PhotoInputs
from shoplens.features.table import FeatureTable, TableWriter, table_folder
from shoplens.learning.finetune.fitting import FitSettings, Fitted, fit
from shoplens.learning.finetune.judging import Contender, judge, sentence
from shoplens.learning.finetune.photos import SHARE, PhotoTask, PhotoTower, Seen
from shoplens.learning.finetune.sayings import Sayings
from shoplens.learning.finetune.sides import HELD_OUT, Rows, held_out, part
from shoplens.learning.finetune.words import TextTask, TextTower
from shoplens.service.alignment import colour_table, encoders_in_use, gather_lessons
from shoplens.service.embedding import embed_shop
from shoplens.service.encoders import FOUND, OFF, modalities_on, name_of, options_of, setting_of, table_of
from shoplens.service.finetuned import CHECKPOINT, UNFINISHED, Tuned, prune_models, read_tuned, write_tuned
from shoplens.service.media_sources import MediaSources
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

REVISION = 1  # of how it is learnt: another one learns anew from the same products
NETWORKS = {network.name: network for network in (LITE0, LITE2)}
BASES = {"image": tuple(NETWORKS), "text": ("e5-small",)}  # in the order in which they are fine-tuned
PHOTOS_READ = 64  # products between two looks into the store

Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much


@dataclass(frozen=True, slots=True)
class FineTuning:
    """What came of one modality."""

    modality: str
    told: str  # in words
    kept: bool  # whether the network of this run stands in for the encoder now
    encoder: str  # name under which the encoder in use opens
    fresh: bool = True  # learnt now, not known from the last time
    report: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def finetune_shop(
    workspace: Workspace,
    store: Store,
    modalities: Sequence[str],
    *,
    executor: Executor,
    settings: FitSettings | None = None,
    seed: int | None = None,
    members: int = 1,
    progress: Progress | None = None,
) -> list[FineTuning]:
    """Fine-tune the encoders of these modalities ("image", "text"), each of which may use what came of the one before.

    `settings.minutes` bound the learning of each; looking at photos once before, and judging after it, come on top.
    Products, settings and seed of the last time are not learnt from twice. ConfigurationError for encoders that cannot
    be fine-tuned, InputError where there are too few photos with words, StoreError while another process does the same.
    """
    for modality in modalities:
        _check(workspace, modality)
    tell = progress or _silent
    seed = workspace.settings.train.seed if seed is None else seed
    done = []
    with _alone(workspace):
        for modality in (name for name in BASES if name in modalities):
            run = _Run(workspace, store, modality, settings or FitSettings(), seed, members, executor, tell)
            done.append(run.known() or run.learn())
            _embed(workspace, store, modality, executor, tell)
    return done


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A network that was learnt: as an encoder, with its vectors of the products of the shop."""

    folder: Path
    encoder: Any
    table: Path
    fitted: Fitted


class _Run:
    """One modality."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        modality: str,
        settings: FitSettings,
        seed: int,
        members: int,
        executor: Executor,
        tell: Progress,
    ) -> None:
        self.workspace, self.store, self.modality = workspace, store, modality
        self.settings, self.seed, self.members = settings, seed, members
        self.executor, self.tell = executor, tell
        self.base = setting_of(workspace, modality)
        self.colour = colour_table(workspace)
        image = table_of(workspace, "image")
        self.gathered = gather_lessons(store, image, self.colour, np.random.default_rng(seed))
        self.lessons: Lessons = self.gathered.lessons
        self.held: Rows = held_out(self.lessons.titles, self.lessons.values)
        least = int(LEAST_PAIRS / (1 - HELD_OUT)) + 1
        if self.lessons.pairs < least:
            raise InputError(
                f"{self.lessons.pairs} products have a photo and words; fine-tuning takes {least}. "
                "Run `shoplens embed` if there are more, or go on with the encoders as they are"
            )
        other = setting_of(workspace, "text" if modality == "image" else "image")
        what = [REVISION, modality, self.base, other, workspace.settings.encoders.precision, seed, members]
        what += [asdict(settings), self.gathered.identity]
        self.fingerprint = hashlib.sha256(orjson.dumps(what)).hexdigest()
        self.before = read_tuned(workspace.models).get(modality)
        self.state = workspace.models / UNFINISHED / f"{modality}{CHECKPOINT}"

    def known(self) -> FineTuning | None:
        """What came of it the last time, when that was just this."""
        before = self.before
        if before is None or before.fingerprint != self.fingerprint or before.base != self.base:
            return None
        name = name_of(self.workspace, self.modality)
        kept = bool(before.report.get("judgement", {}).get("better"))
        return FineTuning(
            self.modality, f"{before.told} (learnt before)", kept, name, fresh=False, report=dict(before.report)
        )

    def learn(self) -> FineTuning:
        """Learn, judge, keep or throw away."""
        reads, looks = encoders_in_use(self.workspace)
        reader = Reader(reads, glossary=glossary())
        fitted, candidate = self._fit(reader)
        report: dict[str, Any] = {"fit": asdict(fitted)}
        if candidate is None:
            told = f"{self.modality}: learning helped no product that checks; the encoder stays as it is"
            return self._end(told, "", report)
        verdict = judge(
            Contender(reader, looks, self.lessons),
            self._contender(candidate, reader, looks),
            self.held,
            seed=self.seed,
            titles=self.modality == "text",
            members=self.members,
            tell=self.tell,
        )
        report["judgement"] = verdict.as_dict()
        told = f"{self.modality}: {sentence(report['judgement'])}"
        if verdict.better:
            return self._end(f"{told}; the fine-tuned encoder answers", candidate.folder.name, report)
        self._discard(candidate)
        return self._end(f"{told}; no clear gain, the fine-tuned encoder was discarded", "", report)

    def _contender(self, candidate: _Candidate, reader: Reader, looks: Encoder) -> Contender:
        """Its own vectors on its side, on the other those of the encoder in use."""
        if self.modality == "text":
            return Contender(Reader(candidate.encoder, glossary=glossary()), looks, self.lessons)
        vectors = FeatureTable(candidate.table).matrix(self.gathered.item_ids)[0]
        photos = Photos(vectors, self.lessons.photos.colour)
        return Contender(reader, candidate.encoder, replace(self.lessons, photos=photos))

    def _fit(self, reader: Reader) -> tuple[Fitted, _Candidate | None]:
        """Learn the upper part and export it; None where nothing helped."""
        random = np.random.default_rng(self.seed)
        learning = np.flatnonzero(~self.held)
        material = Material.gather(part(self.lessons, ~self.held), built_in(), reader, random, self.tell)
        sayings = Sayings.gather(material, random)
        ids = [self.gathered.item_ids[row] for row in learning]
        if self.modality == "image":
            return self._fit_photos(material, sayings, ids)
        return self._fit_words(material, sayings)

    def _fit_photos(self, material: Material, sayings: Sayings, ids: list[str]) -> tuple[Fitted, _Candidate | None]:
        hardware = choose_hardware(self.workspace.settings.encoders.device, "fp32")  # convolutions gain nothing
        tower = PhotoTower(NETWORKS[self.base])
        chosen = [ids[row] for row in sayings.photos]
        with MediaSources(self.workspace) as sources:
            photos = self._photos(chosen, PhotoInputs(sources.photos, most=1))
            seen = Seen.look(tower, photos, len(chosen), self._under("look at photos"))
        task = PhotoTask(tower, seen, sayings, material.lessons.photos.colour, hardware=hardware, seed=self.seed)
        fitted = self._run(task, hardware)
        if not fitted.learnt:
            return fitted, None
        tower.soften(SHARE)
        return fitted, self._candidate(tower.export(self.workspace.models, seen), fitted)

    def _fit_words(self, material: Material, sayings: Sayings) -> tuple[Fitted, _Candidate | None]:
        encoders = self.workspace.settings.encoders
        hardware = choose_hardware(encoders.device, "fast")
        tower = TextTower()
        looks = material.inputs
        tell = self._under("read titles and phrases, lower layers")
        task = TextTask(tower, sayings, looks, hardware=hardware, seed=self.seed, tell=tell)
        fitted = self._run(task, hardware)
        if not fitted.learnt:
            return fitted, None
        return fitted, self._candidate(tower.export(self.workspace.models, encoders.precision), fitted)

    def _run(self, task: Any, hardware: Any) -> Fitted:
        return fit(
            task,
            self.settings,
            hardware=hardware,
            seed=self.seed,
            state=self.state,
            fingerprint=self.fingerprint,
            tell=self._under(f"fine-tune {self.modality}, epochs"),
        )

    def _candidate(self, folder: Path, fitted: Fitted) -> _Candidate:
        """As an encoder; of photos also the vectors of all products, which are judged by them."""
        encoder = open_finetuned(folder, options_of(self.workspace, self.modality, threads=1))
        place = table_folder(self.workspace.features, self.modality, encoder.name, encoder.version)
        if self.modality == "image":
            self._look(encoder, place)
        return _Candidate(folder, encoder, place, fitted)

    def _look(self, encoder: Encoder, place: Path) -> None:
        """Vectors of the products that learn and judge, in the table that `embed` completes later."""
        ids = self.gathered.item_ids
        chunks = (
            list(self.store.catalogue.get(ids[begin : begin + PHOTOS_READ]).values())
            for begin in range(0, len(ids), PHOTOS_READ)
        )
        with MediaSources(self.workspace) as sources, TableWriter(place, encoder.size) as table:
            embed(
                chunks,
                table,
                encoder,
                sources.inputs("image"),
                executor=self.executor,
                batch=sources.batch("image"),
                complete=False,
                progress=lambda done: self.tell("look at photos anew", done, len(ids)),
            )

    def _photos(self, ids: Sequence[str], inputs: PhotoInputs) -> Iterator[Image.Image]:
        """The first photo of each product."""
        for begin in range(0, len(ids), PHOTOS_READ):
            products = self.store.catalogue.get(ids[begin : begin + PHOTOS_READ])
            for item_id in ids[begin : begin + PHOTOS_READ]:
                loaded = inputs.load(products[item_id]) if item_id in products else None
                if loaded is None or not loaded.inputs:
                    why = "; ".join(loaded.refused) if loaded is not None else "it left the catalogue"
                    raise InputError(f"the photo of {item_id} cannot be read any longer ({why}); run: shoplens embed")
                yield loaded.inputs[0]

    def _discard(self, candidate: _Candidate) -> None:
        """As if it had never been."""
        shutil.rmtree(candidate.folder, ignore_errors=True)
        shutil.rmtree(candidate.table, ignore_errors=True)

    def _end(self, told: str, folder: str, report: dict[str, Any]) -> FineTuning:
        """Write down what came of it; without a new network the one of before goes on standing in."""
        kept = bool(folder)
        if not kept and self.before is not None and self.before.base == self.base:
            folder = self.before.folder
        write_tuned(self.workspace.models, self.modality, Tuned(self.base, folder, self.fingerprint, told, report))
        self.state.unlink(missing_ok=True)
        return FineTuning(self.modality, told, kept, name_of(self.workspace, self.modality), report=report)

    def _under(self, what: str) -> Callable[[int, int], None]:
        return lambda done, total: self.tell(what, done, total)


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """One process fine-tunes in a workspace; StoreError for a second one."""
    folder = workspace.models / UNFINISHED
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout as error:
        raise StoreError(f"another process is fine-tuning in {workspace.root}; wait until it has ended") from error


def _check(workspace: Workspace, modality: str) -> None:
    """ConfigurationError unless the encoder of a modality can be fine-tuned."""
    if modality not in BASES:
        raise ConfigurationError(f"no encoder of {modality!r} can be fine-tuned; write text, image or text,image")
    for name in BASES:
        if setting_of(workspace, name) == OFF:
            raise ConfigurationError(f"encoders.{name} is off; fine-tuning takes photos and words")
    base = setting_of(workspace, modality)
    if base not in BASES[modality]:
        known = " or ".join(BASES[modality])
        raise ConfigurationError(f"encoders.{modality} = {base!r} cannot be fine-tuned; {known} can")


def _embed(workspace: Workspace, store: Store, modality: str, executor: Executor, tell: Progress) -> None:
    """Complete the tables of everything that the encoder reads, unless they are."""
    current = read_current(workspace.features)
    readers = (modality, *FOUND) if modality == "text" else (modality, "video")
    on = modalities_on(workspace)
    todo = [one for one in readers if one in current and one in on and _stale(workspace, one, modality, current)]
    if todo:
        embed_shop(
            workspace, store, executor=executor, modalities=todo,
            progress=lambda name, done: tell(f"embed {name} anew", done, 0),
        )  # fmt: skip
        prune_models(workspace)


def _stale(workspace: Workspace, one: str, modality: str, current: Mapping[str, InUse]) -> bool:
    """Whether the table in use was made with another encoder than the one that stands in now."""
    made = current[one].photo if one == "video" else current[one].setting
    return made != name_of(workspace, modality)


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody is watching."""
