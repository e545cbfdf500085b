"""Alignments on disk: `features/alignment/<version>/`, versions side by side, and which one answers.

    alignment.json           facets, blend, what it was learnt with, the report, and the SHA-256 of the numbers
    numbers.safetensors      everything that was learnt
    ../current.json          the version that answers, replaced as a whole by one rename

A version is written next to the others and only then named: whoever reads meanwhile reads the one before.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from safetensors import SafetensorError
from safetensors.numpy import load as load_numbers
from safetensors.numpy import save as save_numbers

from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans
from shoplens.errors import ModelFileError, NotFoundError
from shoplens.features.align.alignment import Alignment, Blend
from shoplens.features.align.contrastive import Space
from shoplens.features.align.facets import Facet
from shoplens.features.align.glosses import glossary
from shoplens.features.align.networks import Floats, Network, Scaling
from shoplens.features.align.reading import Reader

FORMAT = 1
FACTS = "alignment.json"
NUMBERS = "numbers.safetensors"
POINTER = "current.json"
KEPT = 3  # versions that `prune` leaves, the current one among them


@dataclass(frozen=True, slots=True)
class Learnt:
    """Which encoders' vectors an alignment was learnt from, "name/version": it reads no others."""

    text: str
    image: str
    colour: str = ""  # "" = without


def save_alignment(folder: Path, alignment: Alignment, learnt: Learnt, report: Mapping[str, Any]) -> None:
    """Write the two files of one version into a folder of its own (which must not exist yet), whole or not at all."""
    arrays = _arrays(alignment)
    numbers = save_numbers(arrays)
    facts = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "learnt_from": asdict(learnt),
        "facets": [facet.as_dict() for facet in alignment.facets],
        "blend": asdict(alignment.blend),
        "networks": {"photo": len(alignment.photo_networks), "text": len(alignment.text_networks)},
        "colour_size": alignment.colour_size,
        "one_network": alignment.one_network,
        "dictionary": alignment.reader.glossary is not None,
        "report": dict(report),
        "sha256": hashlib.sha256(numbers).hexdigest(),
    }
    facts = orjson.loads(orjson.dumps(facts, option=orjson.OPT_SERIALIZE_NUMPY))  # as a reader will see it
    facts["digest"] = _digest(facts)
    building = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    building.mkdir(parents=True)
    try:
        _write(building / NUMBERS, numbers)
        _write(building / FACTS, orjson.dumps(facts, option=orjson.OPT_INDENT_2))
        building.rename(folder)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def read_facts(folder: Path) -> dict[str, Any]:
    """What `alignment.json` says, checked. ModelFileError when it is missing, altered or of another version."""
    path = folder / FACTS
    try:
        facts = orjson.loads(path.read_bytes())
        if facts["format"] != FORMAT:
            raise ModelFileError(
                f"{path} has format {facts['format']}, this version of Shoplens reads {FORMAT}; {AGAIN}"
            )
        if facts["digest"] != _digest(facts):
            raise ModelFileError(f"{path} was altered after it was written; {AGAIN}")
    except FileNotFoundError:
        raise ModelFileError(f"{folder} holds no alignment; {AGAIN}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path} cannot be read ({error}); {AGAIN}") from error
    return dict(facts)


AGAIN = "train again: shoplens train"


def learnt_from(folder: Path) -> Learnt:
    """Which encoders' vectors it reads."""
    return Learnt(**read_facts(folder)["learnt_from"])


def load_alignment(folder: Path, encoder: TextEncoder) -> Alignment:
    """What `save_alignment` wrote. ModelFileError when a file is missing or altered, or `encoder` is another one."""
    facts = read_facts(folder)
    wanted, given = facts["learnt_from"]["text"], f"{encoder.name}/{encoder.version}"
    if wanted != given:
        raise ModelFileError(f"{folder} was learnt with texts read by {wanted}, not {given}; {AGAIN}")
    try:
        content = (folder / NUMBERS).read_bytes()
    except OSError as error:
        raise ModelFileError(f"{folder / NUMBERS} cannot be read ({error}); {AGAIN}") from error
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise ModelFileError(f"{folder / NUMBERS} is damaged or was altered; {AGAIN}")
    try:
        arrays: dict[str, Floats] = load_numbers(content)
        many = facts["networks"]
        return Alignment(
            facets=tuple(Facet.from_dict(one) for one in facts["facets"]),
            scaling=Scaling(arrays["scaling.mean"], arrays["scaling.deviation"]),
            photo_networks=tuple(Network.read(f"photo.{place}", arrays) for place in range(many["photo"])),
            text_networks=tuple(Network.read(f"text.{place}", arrays) for place in range(many["text"])),
            space=Space(arrays["space.photo"], arrays["space.text"]),
            blend=Blend(**{**facts["blend"], "facets": tuple(facts["blend"]["facets"])}),
            colour_size=facts["colour_size"],
            one_network=facts["one_network"],
            reader=Reader(
                encoder,
                glossary=glossary() if facts["dictionary"] else None,
                means=LanguageMeans(arrays["means"]) if "means" in arrays else None,
            ),
        )
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{folder} cannot be used ({error}); {AGAIN}") from error


def publish(home: Path, alignment: Alignment, learnt: Learnt, report: Mapping[str, Any]) -> str:
    """Save a new version under `home` and let it answer from now on. Returns its name."""
    home.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(b"".join(values.tobytes() for values in _arrays(alignment).values())).hexdigest()
    version = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"[:18] + f"-{digest[:8]}"
    save_alignment(home / version, alignment, learnt, report)
    switch(home, version)
    return version


def switch(home: Path, version: str) -> None:
    """Let a version answer, after checking its facts. NotFoundError when there is none of that name."""
    folder = home / version
    if not version or folder.parent != home or version.startswith(".") or not folder.is_dir():
        raise NotFoundError(f"no alignment {version!r} in {home}")
    read_facts(folder)
    partial = home / f".{POINTER}-{uuid.uuid4().hex}"
    _write(partial, orjson.dumps({"version": version}))
    partial.replace(home / POINTER)


def current(home: Path) -> Path | None:
    """Folder of the version that answers; None before the first. ModelFileError when the pointer is damaged."""
    try:
        version = str(orjson.loads((home / POINTER).read_bytes())["version"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{home / POINTER} cannot be read ({error}); {AGAIN}") from error
    return home / version


def withdraw(home: Path) -> None:
    """From now on none answers (what was learnt is no better than the bridge any longer)."""
    (home / POINTER).unlink(missing_ok=True)


def prune(home: Path, keep: int = KEPT) -> None:
    """Delete all but the latest versions; the current one stays in any case."""
    answering = current(home)
    versions = sorted((one for one in home.iterdir() if (one / FACTS).is_file()), reverse=True)
    for folder in versions[keep:]:
        if folder != answering:
            shutil.rmtree(folder)


def _arrays(alignment: Alignment) -> dict[str, Floats]:
    """Everything that was learnt, by name, contiguous."""
    arrays: dict[str, Floats] = {
        "scaling.mean": alignment.scaling.mean,
        "scaling.deviation": alignment.scaling.deviation,
        "space.photo": alignment.space.photo,
        "space.text": alignment.space.text,
    }
    if alignment.reader.means is not None:
        arrays["means"] = alignment.reader.means.means
    for kind, networks in (("photo", alignment.photo_networks), ("text", alignment.text_networks)):
        for place, network in enumerate(networks):
            arrays |= network.arrays(f"{kind}.{place}")
    return {name: np.ascontiguousarray(arrays[name], np.float32) for name in sorted(arrays)}


def _digest(facts: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in facts.items() if name != "digest"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
