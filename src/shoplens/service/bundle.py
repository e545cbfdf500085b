"""`bundles/<version>/`: everything that a trained shop answers from, immutable, with a checksum on every file.

    manifest.json            what is here, from what, and the SHA-256 and size of every other file
    items.json               ids of products, row order
    people.npy               hashes of user ids, row order of the profiles that models learnt from
    calibration.json         what turns scores into probabilities, when training could tell
    models/<name>/…          whatever each model writes of itself
    vectors/                 vectors.npy: one fused vector a product; content.npz: how they were made
    index/                   nearest-neighbour index over them
    alignment/               the space of words and photos, when one was learnt
    recogniser/              which product a photo shows, when that was learnt
    cart/                    what completes a cart, when the log holds baskets
    profile/                 what profiles are worked out with; nothing in it is about one person

Prices, stock and titles are not here: they are read from the store, where they are never stale.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import orjson

from shoplens import __version__
from shoplens.domain.dataset import Modality
from shoplens.domain.events import EventType, EventWeights, event_weights, key_of_text
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import BundleError
from shoplens.models.base import Recommender
from shoplens.models.calibration import Calibration
from shoplens.models.cart import CartModel
from shoplens.models.profile import ProfileModel
from shoplens.recommend.content_space import ContentSpace, unit_rows
from shoplens.recommend.learned import Learned
from shoplens.registry import find
from shoplens.service.bundle_models import load_models, write_models

FORMAT = 1  # raise when an older reader would misunderstand
MANIFEST = "manifest.json"
ALIGNMENT = "alignment"  # folder
RECOGNISER = "recogniser"  # folder
CART = "cart"  # folder
PROFILE = "profile"  # folder
EXACT_BELOW = 20_000  # products; under this, looking at all of them is about as fast as a graph, and exact


def write_bundle(
    bundles: Path,
    *,
    items: Vocabulary,
    models: Mapping[str, Recommender],
    shipped: str,
    modalities: tuple[Modality, ...] = (),
    metrics: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    seed: int = 0,
    people: Vocabulary | None = None,
    calibration: Calibration | None = None,
    alignment: Path | None = None,
    recogniser: Path | None = None,
    cart: CartModel | None = None,
    profile: ProfileModel | None = None,
) -> Path:
    """Write one bundle and return its folder; nothing is visible before it is complete.

    `shipped` names the model that answers. `extra` goes into the manifest as it is; `extra["encoders"]` (modality →
    encoder version), `extra["event_weights"]` (event type → weight in training) and `extra["data_fingerprint"]` have a
    meaning. `people`: the users of the training data, so that models which read profiles find them again; only hashes
    of their ids are kept. `calibration` turns the shipped model's scores into probabilities. `alignment`, `recogniser`:
    folders of the versions that go along. `cart`: what completes a cart, `profile`: what profiles are worked out with,
    both over the same items. A bundle is used once it is promoted.
    """
    if shipped not in models:
        raise BundleError(f"the model to ship, {shipped!r}, is not among {', '.join(models)}")
    bundles.mkdir(parents=True, exist_ok=True)
    facts = dict(extra or {})
    building = bundles / f".building-{uuid.uuid4().hex}"
    building.mkdir()
    try:
        (building / "items.json").write_bytes(orjson.dumps(list(items.ids)))
        classes = write_models(building, models)
        if people is not None:
            np.save(building / "people.npy", np.array([key_of_text(name) for name in people.ids], np.int64))
        if calibration is not None:
            calibration.save(building)
        for name, version in ((ALIGNMENT, alignment), (RECOGNISER, recogniser)):
            if version is not None:
                shutil.copytree(version, building / name)
        for name, model in ((CART, cart), (PROFILE, profile)):
            if model is not None:
                (building / name).mkdir()
                model.save(building / name)
        size, maker = _write_vectors(building, items, models, modalities, facts.get("encoders") or {})
        manifest = _stamped(
            building,
            items=len(items),
            vector_size=size,
            vector_model=maker,
            modalities=[one.name for one in modalities],
            models=classes,
            shipped=shipped,
            metrics=dict(metrics or {}),
            extra=facts,
            seed=seed,
        )
        _write_manifest(building, manifest)
        _sync(building)
        target = bundles / str(manifest["version"])
        building.rename(target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    _sync_folder(bundles)
    return target


def _stamped(building: Path, *, extra: dict[str, Any], **said: Any) -> dict[str, Any]:
    """The manifest of a folder that is complete otherwise: what is said of it, its version, and every file's digest."""
    files = {name: _describe(building / name) for name in _files(building)}
    created = datetime.now(UTC)
    fingerprint = hashlib.sha256("".join(one["sha256"] for one in files.values()).encode()).hexdigest()
    return {
        "format": FORMAT,
        "version": f"{created:%Y%m%dT%H%M%S%f}"[:18] + f"-{fingerprint[:8]}",
        "shoplens": __version__,
        "created": created.isoformat(timespec="seconds"),
        "data_fingerprint": extra.pop("data_fingerprint", None) or fingerprint,
        **said,
        "extra": extra,
        "files": files,
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, its own digest and format checked; BundleError says what is wrong."""
    path = folder / MANIFEST
    try:
        manifest = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read ({error}); train again or roll back") from error
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise BundleError(f"{path} is not a bundle manifest")
    if manifest["format"] != FORMAT:
        raise BundleError(
            f"{folder} has format {manifest['format']}, this version of Shoplens reads {FORMAT}; train again"
        )
    if manifest.get("digest") != _digest(manifest):
        raise BundleError(f"{path} was altered after it was written; train again or roll back")
    if manifest.get("version") != folder.name:
        raise BundleError(f"{folder} holds version {manifest.get('version')}: the folder was renamed")
    return manifest


def verify_bundle(folder: Path) -> dict[str, Any]:
    """Check every file against the manifest and return it; BundleError names the first file that is wrong."""
    manifest = read_manifest(folder)
    listed: dict[str, Any] = manifest["files"]
    for name in listed:
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in name or name == MANIFEST:
            raise BundleError(f"{folder}: the manifest names {name!r}, which is outside the bundle")
    present = set(_files(folder))
    if missing := sorted(set(listed) - present):
        raise BundleError(f"{folder}: {missing[0]} is missing; train again or roll back")
    if surplus := sorted(present - set(listed) - {MANIFEST}):
        raise BundleError(f"{folder}: {surplus[0]} does not belong to the bundle; remove it")
    for name, expected in listed.items():
        if _describe(folder / name) != expected:
            raise BundleError(f"{folder}: {name} is damaged (checksum differs); train again or roll back")
    return manifest


def trained_at(version: str) -> float | None:
    """When a bundle was written, seconds since 1970, as its version begins with; None for another kind of name."""
    try:
        return datetime.strptime(version[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def open_bundle(folder: Path, *, classes: Mapping[str, type[Recommender]] | None = None) -> Learned:
    """Verify, then load. `classes` adds model classes of your own by the name in the manifest."""
    manifest = verify_bundle(folder)
    items = Vocabulary(orjson.loads((folder / "items.json").read_bytes()))
    if len(items) != manifest["items"]:
        raise BundleError(f"{folder}: {len(items)} ids where the manifest says {manifest['items']}")
    models = load_models(folder, manifest["models"], classes or {})
    if manifest["shipped"] not in models:
        raise BundleError(f"{folder}: the model that should answer, {manifest['shipped']!r}, is missing")
    vectors = index = content = None
    if manifest["vector_size"]:
        vectors = np.load(folder / "vectors" / "vectors.npy", allow_pickle=False)
        if vectors.shape != (len(items), manifest["vector_size"]):
            raise BundleError(f"{folder}: vectors of shape {vectors.shape} for {len(items)} products")
        index = find("indexes", _index_name(len(items))).load(folder / "index")
        if (folder / "vectors" / "content.npz").exists():
            content = ContentSpace.load(folder / "vectors")
    return Learned(
        version=manifest["version"],
        items=items,
        models=models,
        shipped=manifest["shipped"],
        vectors=vectors,
        index=index,
        content=content,
        vector_model=manifest["vector_model"],
        people=np.load(folder / "people.npy", allow_pickle=False) if (folder / "people.npy").exists() else None,
        metrics=manifest["metrics"],
        calibration=Calibration.load(folder),
        event_weights=trained_weights(manifest),
        cart=_load_cart(folder / CART, len(items)),
        profile=_load_profile(folder / PROFILE, len(items)),
    )


def _load_profile(folder: Path, items: int) -> ProfileModel | None:
    """None for bundles without one."""
    if not folder.is_dir():
        return None
    profile = ProfileModel.load(folder)
    if len(profile.usual) != items:
        raise BundleError(f"{folder}: prices of {len(profile.usual)} products in a bundle of {items}; train again")
    return profile


def _load_cart(folder: Path, items: int) -> CartModel | None:
    """None for bundles without one."""
    if not folder.is_dir():
        return None
    cart = CartModel.load(folder)
    if cart.n_items != items:
        raise BundleError(f"{folder}: a cart of {cart.n_items} products in a bundle of {items}; train again")
    return cart


def alignment_folder(folder: Path) -> Path | None:
    """Where a bundle keeps its space of words and photos, for `features.align.versions`; None when it has none."""
    kept = folder / ALIGNMENT
    return kept if kept.is_dir() else None


def trained_weights(manifest: Mapping[str, Any]) -> EventWeights:
    """What one event of each type counted when the bundle was trained; the defaults for bundles that don't say."""
    told: Mapping[str, float] = manifest["extra"].get("event_weights", {})
    return event_weights({name: weight for name, weight in told.items() if name in tuple(EventType)})


def _write_vectors(
    building: Path,
    items: Vocabulary,
    models: Mapping[str, Recommender],
    modalities: tuple[Modality, ...],
    encoders: Mapping[str, str],
) -> tuple[int, str | None]:
    """Fused vectors and their index; returns their width (0: there are none) and the name of the model that made them.

    A model that fuses content and behaviour, and can read products which come later, knows best. Without one the
    content alone is put side by side.
    """
    if not len(items):
        return 0, None
    maker = next((name for name, model in models.items() if hasattr(model, "encode_items")), None)
    space = None if maker is not None else ContentSpace.fit(modalities, encoders=encoders)
    if maker is not None:
        fusing: Any = models[maker]
        vectors = unit_rows(np.array(fusing.item_vectors, np.float32))
    elif space is not None and space.size:
        vectors = space.vectors(modalities, len(items))
    else:
        return 0, None
    folder = building / "vectors"
    folder.mkdir()
    np.save(folder / "vectors.npy", vectors, allow_pickle=False)
    if space is not None:
        space.save(folder)
    index_folder = building / "index"
    index_folder.mkdir()
    find("indexes", _index_name(len(items)))().build(vectors).save(index_folder)
    return int(vectors.shape[1]), maker


def _index_name(items: int) -> str:
    return "exact" if items < EXACT_BELOW else "hnsw"


def _files(folder: Path) -> list[str]:
    """All files under a folder, as POSIX paths, sorted; links are refused."""
    names = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise BundleError(f"{folder}: {path.name} is a link; a bundle holds plain files only")
        if path.is_file():
            names.append(path.relative_to(folder).as_posix())
    return names


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}


def _digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 over the manifest without its digest."""
    rest = {name: value for name, value in manifest.items() if name != "digest"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    plain = orjson.loads(orjson.dumps(manifest, option=options, default=str))  # as a reader will see it
    plain["digest"] = _digest(plain)
    (folder / MANIFEST).write_bytes(orjson.dumps(plain, option=orjson.OPT_INDENT_2))


def _sync(folder: Path) -> None:
    """Push all files to the disk before the rename makes them visible."""
    for name in _files(folder):
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
