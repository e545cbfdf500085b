"""The sample shop, end to end: a real grocery and a photo department in one workspace."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from shoplens.compute.local import LocalExecutor
from shoplens.ingest.samples import SampleFiles
from shoplens.ingest.samples.grocery import prepare_grocery
from shoplens.ingest.samples.photos import prepare_photos
from shoplens.recommend.facts import CatalogueFacts
from shoplens.service import bundle_pointer
from shoplens.service.assistant_learning import learn_assistant
from shoplens.service.embedding import embed_shop
from shoplens.service.intake import REPORT_FILE, ingest_events, ingest_people, ingest_products
from shoplens.service.opinions import OpinionService
from shoplens.service.sample_support import add_sample_support, sample_dialogues
from shoplens.service.sample_support.opinions import add_sample_opinions
from shoplens.service.search_words import SearchWords
from shoplens.service.training import Training, train_shop
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store

SUMMARY = "sample-shop.json"  # written last: a workspace that has it is complete
Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much (0 = unknown)


@dataclass(slots=True)
class SampleShop:
    """What building the sample shop did."""

    seconds: dict[str, float] = field(default_factory=dict)  # by stage
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)  # by stage: what came in, what was refused
    notes: list[str] = field(default_factory=list)  # sentences for the screen
    training: Training | None = None

    @property
    def peak_memory_mb(self) -> float:
        """Most memory this process had at once, in megabytes."""
        unit = 1 if sys.platform == "darwin" else 1024  # getrusage: bytes there, kilobytes elsewhere
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def is_built(workspace: Workspace) -> bool:
    """Whether an earlier run finished here and left a bundle that answers."""
    return (workspace.root / SUMMARY).exists() and bundle_pointer.current_version(workspace.bundles) is not None


def read_summary(workspace: Workspace) -> dict[str, Any]:
    """What the run that built this shop measured."""
    summary: dict[str, Any] = orjson.loads((workspace.root / SUMMARY).read_bytes())
    return summary


def build_sample_shop(
    workspace: Workspace, *, report: Path, progress: Progress, say: Callable[[str], None]
) -> SampleShop:
    """Prepare, take in, embed, train, evaluate; copies the report to `report`. A stopped run is resumed."""
    shop = SampleShop()
    files = workspace.root / "sample"
    began = time.perf_counter()

    def stage(name: str, did: dict[str, Any] | None = None) -> None:
        nonlocal began
        now = time.perf_counter()
        shop.seconds[name] = round(now - began, 2)
        began = now
        if did is not None:
            shop.counts[name] = did

    progress("unpack the sample data", 0, 1)
    grocery = prepare_grocery(files / "grocery")
    photos = prepare_photos(files / "photos", files / "npm")
    progress("unpack the sample data", 1, 1)
    if isinstance(photos, str):
        shop.notes.append(photos)
        say(photos)
    stage("unpack")
    store = open_store(workspace.database_url)
    try:
        _ingest(workspace, store, grocery, photos, progress, stage)
        products = store.catalogue.count()
        reports = embed_shop(
            workspace,
            store,
            executor=LocalExecutor(),
            progress=lambda modality, done: progress(f"embed {modality}", done, products),
        )
        stage(
            "embed",
            {name: {"encoded": one.encoded, "reused": one.reused, "vectors": one.vectors, "missing": one.missing}
             for name, one in reports.items()},
        )  # fmt: skip
        SearchWords(workspace, store).sync(lambda done, of: progress("index words for search", done, of))
        stage("index words")
        add_sample_support(workspace)
        learned = learn_assistant(workspace, store, sample_dialogues(), progress=progress)
        stage("teach the assistant", {"dialogues": learned.read["accepted"], "intents": len(learned.saved.labels)})
        progress("count made-up opinions", 0, 0)
        said = add_sample_opinions(OpinionService(workspace, store, CatalogueFacts()), store)
        stage("opinions (made up)", said)
        shop.training = train_shop(workspace, store, progress=progress)
        stage("train and evaluate")
    finally:
        store.close()
    report.mkdir(parents=True, exist_ok=True)
    shutil.copytree(shop.training.report, report, dirs_exist_ok=True)
    summary = {
        "seconds": {**shop.seconds, **{f"train: {name}": took for name, took in shop.training.seconds.items()}},
        "peak_memory_mb": round(shop.peak_memory_mb),
        "counts": shop.counts,
        "notes": shop.notes,
        "bundle": shop.training.version,
        "weights": dict(shop.training.weights),
        "test": {name: one.as_dict() for name, one in shop.training.test.items()},
    }
    (workspace.root / SUMMARY).write_bytes(
        orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
    )
    return shop


def _ingest(
    workspace: Workspace,
    store: Store,
    grocery: SampleFiles,
    photos: SampleFiles | str,
    progress: Progress,
    stage: Callable[[str, dict[str, Any] | None], None],
) -> None:
    """Products, people, events, through the same readers as anybody's files."""
    report = workspace.root / REPORT_FILE

    def tell(what: str) -> Callable[[str, int], None]:
        return lambda _file, rows: progress(what, rows, 0)

    did = ingest_products(store, str(grocery.products), report_path=report, progress=tell("take in products"))
    stage("products", did)
    if isinstance(photos, SampleFiles):
        did = ingest_products(
            store, str(photos.products), report_path=report, progress=tell("take in photo department")
        )
        stage("photo department", did)
    if grocery.people is not None:
        did = ingest_people(store, str(grocery.people), report_path=report, progress=tell("take in people"))
        stage("people", did)
    if grocery.events is not None:
        did = ingest_events(store, str(grocery.events), report_path=report, progress=tell("take in purchases"))
        stage("events", did)
