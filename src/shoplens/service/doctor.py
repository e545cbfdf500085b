"""What is wrong with a workspace, and what to do about it."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shoplens.errors import MissingExtraError, ShoplensError
from shoplens.features.current import read_current
from shoplens.features.found_text import FoundTexts
from shoplens.features.table import FeatureTable
from shoplens.service.bundle import verify_bundle
from shoplens.service.bundle_pointer import current_version
from shoplens.service.delivery import how_to_sign
from shoplens.service.encoders import (
    FOUND,
    MODALITIES,
    OFF,
    encoder_of,
    has_media,
    modalities_on,
    recogniser_of,
    setting_of,
    table_of,
)
from shoplens.service.experiments import Experiments
from shoplens.service.extras import EXTRAS, installed
from shoplens.service.keyring import Keyring
from shoplens.service.oidc import Issuer
from shoplens.service.opinion_readers import check_tagger
from shoplens.service.scenario_settings import scenarios_of
from shoplens.service.search_rules import SearchRules
from shoplens.service.settings import FILE_NAME, without_secrets
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.faults import without_password
from shoplens.store.sql import open_store

MOST_NAMED = 5  # products in an advice
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


def findings_json(found: Sequence[Finding]) -> dict[str, Any]:
    """As it is told."""
    listed = [{"subject": one.subject, "state": one.state, "advice": one.advice} for one in found]
    return {"well": all(one.well for one in found), "findings": listed}


def examine(workspace: Workspace) -> Iterator[Finding]:
    """Look at everything, in the order in which a shop is built. Never raises a ShoplensError: that is a finding."""
    shop = (_store, _extras, _encoders, _vectors, _bundle, _scenarios, _rules, _experiments, _opinions)
    for look in (*shop, _server, _tokens, _disk):
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
        prices = list(_prices(store))
    finally:
        store.close()
    yield Finding("products", f"{real:,}", "" if real else "take in a feed: shoplens ingest products FILE")
    if products - real:
        state = f"{products - real:,} are known from events only"
        advice = "their feed is missing or their ids differ from the log's" if products - real > real / 10 else ""
        yield Finding("unknown products", state, advice)
    yield from prices
    yield Finding("events", f"{events:,}", "" if events else "take in a log: shoplens ingest events FILE")


def _prices(store: Store) -> Iterator[Finding]:
    """Something to say only where prices are in several currencies."""
    counts = Counter(
        one.currency for chunk in store.catalogue.scan() for one in chunk if one.currency and one.price is not None
    )
    if len(counts) < 2:
        return
    most, *others = sorted(counts, key=lambda name: (-counts[name], name))
    found = ", ".join(f"{count:,} in {name}" for name, count in counts.most_common())
    advice = f"filters, price bands and orders by price compare {most} alone; tell {', '.join(others)} in {most}"
    yield Finding("prices", found, advice)


def _extras(_workspace: Workspace) -> Iterator[Finding]:
    there = [name for name in EXTRAS if installed(name)]
    missing = [f"{name} ({what})" for name, (_, what) in EXTRAS.items() if not installed(name)]
    absent = f"; not installed: {', '.join(missing)}" if missing else ""
    yield Finding("optional parts", f"{', '.join(there) or 'none'}{absent}")


def _encoders(workspace: Workspace) -> Iterator[Finding]:
    wanted = _media(workspace)
    for modality in MODALITIES:
        subject = f"{modality} encoder"
        if setting_of(workspace, modality) == OFF:
            yield Finding(subject, "off")
            continue
        try:
            encoder = encoder_of(workspace, modality)
            state = f"{encoder.name} {encoder.version}"
            if modality in FOUND:
                recogniser = recogniser_of(workspace, modality)
                state = f"{recogniser.name} {recogniser.version} finds words, {state} reads them"
            yield Finding(subject, state)
        except MissingExtraError as error:  # only a shop with such media misses it
            yield Finding(subject, "left out", str(error) if modality in wanted else "")
        except ShoplensError as error:
            yield Finding(subject, "broken", str(error))


def _media(workspace: Workspace) -> set[str]:
    """Modalities that some product has."""
    try:
        store = open_store(workspace.database_url)
    except ShoplensError:  # the store has a finding of its own
        return set()
    try:
        found: set[str] = set()
        for chunk in store.catalogue.scan():
            left = [name for name in MODALITIES if name not in found]
            found.update(name for name in left if any(has_media(product, name) for product in chunk))
            if len(found) == len(MODALITIES):
                break
    except ShoplensError:
        return set()
    finally:
        store.close()
    return found


def _vectors(workspace: Workspace) -> Iterator[Finding]:
    current = read_current(workspace.features)
    for modality in modalities_on(workspace):
        table = table_of(workspace, modality)
        if modality != "text" and not table.size and modality not in current:
            continue  # no product has such media
        missing = modality == "text" and not len(table)
        yield Finding(
            f"{modality} vectors", f"{len(table):,} products", "encode them: shoplens embed" if missing else ""
        )
        refused = _refusals(workspace, modality, table)
        if refused:
            name, reason = next(iter(refused.items()))
            state = f"{len(refused):,} refused, the first: {name}: {reason}"
            yield Finding(
                f"{modality} inputs",
                state,
                "mend the feed or the files, then: shoplens embed (where a server was away: --retry)",
            )


def _refusals(workspace: Workspace, modality: str, table: FeatureTable) -> dict[str, str]:
    """Products whose media could not be used, and why."""
    chosen = read_current(workspace.features).get(modality)
    if modality not in FOUND or chosen is None:
        return table.refusals
    with FoundTexts(workspace.features, modality, chosen.reader) as kept:
        return kept.refusals()


def _bundle(workspace: Workspace) -> Iterator[Finding]:
    version = current_version(workspace.bundles)
    if version is None:
        yield Finding("bundle", "none", "train one: shoplens train")
        return
    verify_bundle(workspace.bundles / version)
    yield Finding("bundle", f"{version}, every checksum is right")


def _scenarios(workspace: Workspace) -> Iterator[Finding]:
    """Those of the shop's own settings; `scenarios_of` refuses what is based on nothing."""
    found = scenarios_of(workspace.settings.scenario)
    own = [found[name] for name in workspace.settings.scenario]
    yield Finding("scenarios", f"{len(own)} of the shop's own, {len(found)} in all")
    pins = {item_id: one.name for one in reversed(own) for item_id in one.pin}
    if not pins:
        return
    store = open_store(workspace.database_url)
    try:
        known = store.catalogue.get(list(pins))
    finally:
        store.close()
    missing = sorted(f"{item_id} (scenario.{name})" for item_id, name in pins.items() if item_id not in known)
    if missing:
        state = f"{len(missing)} of {len(pins)} are of products that the shop does not have"
        named = ", ".join(missing[:MOST_NAMED]) + (", …" if len(missing) > MOST_NAMED else "")
        yield Finding("pins", state, f"mend rules.pin in {FILE_NAME}, or take the products in: {named}")


def _rules(workspace: Workspace) -> Iterator[Finding]:
    """Of search: files that cannot be read are refused by `SearchRules`; pins of unknown products do nothing."""
    store = open_store(workspace.database_url)
    try:
        rules = SearchRules(workspace, store)
        told, written = len(rules.list()), sum(file.rules for file in rules.files())
        yield Finding("rules", f"{told} told, {written} in files")
        pins = {item_id for rule in rules.curation.rules for _, item_id in rule.pins}
        missing = sorted(pins - store.catalogue.get(list(pins)).keys())
    finally:
        store.close()
    if missing:
        named = ", ".join(missing[:MOST_NAMED]) + (", …" if len(missing) > MOST_NAMED else "")
        state = f"{len(missing)} of {len(pins)} pins are of products that the shop does not have"
        yield Finding("curation", state, f"see shoplens rules list curation, or take the products in: {named}")


def _experiments(workspace: Workspace) -> Iterator[Finding]:
    known = Experiments(workspace.root, workspace.bundles)
    if known.problem is not None:
        yield Finding("experiments", "broken", known.problem)
        return
    missing = sorted(
        f"{name} wants {arm.bundle}"
        for name, one in known.running.items()
        for arm in one.arms
        if arm.bundle is not None and not (workspace.bundles / arm.bundle).is_dir()
    )
    advice = f"{', '.join(missing)}, which is gone: shoplens experiments stop NAME" if missing else ""
    yield Finding("experiments", f"{len(known.running)} running", advice)


def _server(workspace: Workspace) -> Iterator[Finding]:
    server = workspace.settings.server
    keyring = Keyring(workspace.root)
    closed = bool(server.api_keys) or workspace.settings.oidc.issuer is not None or keyring.begun
    exposed = server.host not in ("127.0.0.1", "localhost", "::1") and not closed
    advice = "anybody who reaches it may read and write: shoplens keys create NAME" if exposed else ""
    if keyring.begun and not keyring and not server.api_keys and workspace.settings.oidc.issuer is None:
        advice = "no key is left, so it answers nobody: shoplens keys create NAME"
    yield Finding("server", f"{server.host}:{server.port}, {len(server.api_keys) + len(keyring)} API keys", advice)
    if "*" in server.cors_origins and not closed:
        yield Finding(
            "other origins", "any", "any page that somebody opens may use this shop; name yours, or make keys"
        )
    file = workspace.root / FILE_NAME
    written = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if isinstance(url := written.get("database_url"), str) and without_password(url) == url:
        del written["database_url"]  # a socket's path or a user's name is no secret
    if written != without_secrets(written) and file.stat().st_mode & 0o044:
        yield Finding("secrets", f"{FILE_NAME} is readable by others", f"chmod 600 {file}, or use the environment")
    if server.workers > (os.cpu_count() or 1):
        yield Finding(
            "workers", f"{server.workers} on {os.cpu_count()} cores", "more than cores make all of them slower"
        )


def _tokens(workspace: Workspace) -> Iterator[Finding]:
    if workspace.settings.oidc.issuer is not None:
        keys = Issuer(workspace.settings.oidc).look()
        yield Finding("tokens", f"of {workspace.settings.oidc.issuer}, which has {keys} keys")


def _opinions(workspace: Workspace) -> Iterator[Finding]:
    settings = workspace.settings
    told = {"alerts": settings.opinions.webhook, "handovers": settings.assistant.webhook}
    for what, webhook in told.items():
        if webhook.url and not (webhook.secret and webhook.secret.get_secret_value()):
            yield Finding(what, "posted unsigned", how_to_sign("opinions" if what == "alerts" else "assistant"))
    check_tagger(workspace)
    if workspace.settings.opinions.tagger:
        yield Finding("opinions", f"names are found by {workspace.settings.opinions.tagger}")


def _disk(workspace: Workspace) -> Iterator[Finding]:
    free = shutil.disk_usage(workspace.root).free / 1e9
    yield Finding("disk", f"{free:.1f} GB free", "" if free > LEAST_DISK_GB else "make room before the next training")
