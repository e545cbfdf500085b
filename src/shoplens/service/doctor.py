"""What is wrong with a workspace, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shoplens.errors import ShoplensError
from shoplens.service.bundle import verify_bundle
from shoplens.service.bundle_pointer import current_version
from shoplens.service.encoders import encoder_of, modalities_on, table_of
from shoplens.service.settings import Workspace
from shoplens.store.sql import open_store

LEAST_DISK_GB = 2.0  # a training of 100,000 products writes about half of that


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` is empty when all is well."""

    subject: str
    state: str
    advice: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing needs doing."""
        return not self.advice


def examine(workspace: Workspace) -> Iterator[Finding]:
    """Look at everything, in the order in which a shop is built. Never raises a ShoplensError: that is a finding."""
    for look in (_store, _encoders, _vectors, _bundle, _server, _disk):
        yield from _safely(look, workspace)


def _safely(look: Callable[[Workspace], Iterator[Finding]], workspace: Workspace) -> Iterator[Finding]:
    try:
        yield from look(workspace)
    except ShoplensError as error:
        yield Finding(look.__name__.strip("_"), "broken", str(error))


def _store(workspace: Workspace) -> Iterator[Finding]:
    store = open_store(workspace.database_url)
    try:
        store.ping()
        products, events = store.catalogue.count(), store.events.count()
        real = store.catalogue.count(stubs=False)
    finally:
        store.close()
    yield Finding("products", f"{real:,}", "" if real else "take in a feed: shoplens ingest products FILE")
    if products - real:
        state = f"{products - real:,} are known from events only"
        advice = "their feed is missing or their ids differ from the log's" if products - real > real / 10 else ""
        yield Finding("unknown products", state, advice)
    yield Finding("events", f"{events:,}", "" if events else "take in a log: shoplens ingest events FILE")


def _encoders(workspace: Workspace) -> Iterator[Finding]:
    for modality in modalities_on(workspace):
        encoder = encoder_of(workspace, modality)
        yield Finding(f"{modality} encoder", f"{encoder.name} {encoder.version}")


def _vectors(workspace: Workspace) -> Iterator[Finding]:
    for modality in modalities_on(workspace):
        table = table_of(workspace, modality)
        missing = modality == "text" and not len(table)
        yield Finding(
            f"{modality} vectors", f"{len(table):,} products", "encode them: shoplens embed" if missing else ""
        )
        if table.refusals:
            name, reason = next(iter(table.refusals.items()))
            state = f"{len(table.refusals):,} refused, the first: {name}: {reason}"
            yield Finding(f"{modality} inputs", state, "mend the feed, then: shoplens embed")


def _bundle(workspace: Workspace) -> Iterator[Finding]:
    version = current_version(workspace.bundles)
    if version is None:
        yield Finding("bundle", "none", "train one: shoplens train")
        return
    verify_bundle(workspace.bundles / version)
    yield Finding("bundle", f"{version}, every checksum is right")


def _server(workspace: Workspace) -> Iterator[Finding]:
    server = workspace.settings.server
    exposed = server.host not in ("127.0.0.1", "localhost", "::1") and not server.api_keys
    advice = "anybody who reaches it may read and write: set server.api_keys" if exposed else ""
    yield Finding("server", f"{server.host}:{server.port}, {len(server.api_keys)} API keys", advice)


def _disk(workspace: Workspace) -> Iterator[Finding]:
    free = shutil.disk_usage(workspace.root).free / 1e9
    yield Finding("disk", f"{free:.1f} GB free", "" if free > LEAST_DISK_GB else "make room before the next training")
