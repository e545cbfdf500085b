"""Words find photos before anything was learnt: the bridge between the encoders in use, and what is kept of it on disk.

    features/bridge/<text encoder>.npz      names of the classes that photo encoders know, as that encoder reads them

Reading these names takes ten seconds, so it is done once. The file can be deleted at any time.
"""

from __future__ import annotations

import logging
import threading
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import orjson

from shoplens.encoders.base import Encoder
from shoplens.encoders.centring import LanguageMeans
from shoplens.errors import ShoplensError
from shoplens.features.align.bridge import (
    Bridge,
    ClassNameBridge,
    ClassNames,
    OneNetworkBridge,
    knows_classes,
    one_network,
    texts_of_names,
)
from shoplens.features.align.reading import Reader
from shoplens.files import replaced
from shoplens.retrieval.blend import Blend

log = logging.getLogger(__name__)
FOLDER = "bridge"
#: How much looks count through names of classes, see `retrieval.blend`. On 2,356 fashion titles NDCG@10 without them is
#: .845 (English) and .820 (Chinese), with this .840 and .821, with what looks count for otherwise .813 and .790: they
#: find what no title names, and are a poor judge of what titles do name.
WEIGHT = 0.05
REVISION = "1"  # of how photos are put into the bridge's space: graphs of vectors made otherwise are not used


def open_bridge(features: Path, looks: Encoder, reader: Reader) -> Bridge | None:
    """The bridge between an encoder of photos and `reader`'s of texts; None where photos say nothing in words.

    `features`: the workspace's folder of features, where what takes long is kept. `reader`: with the glossary that
    queries are read through; its means are not used.
    """
    reader = reader.centred_by(None)
    if one_network(looks, reader.encoder):
        return OneNetworkBridge(reader)
    return ClassNameBridge(looks, reader, _names(features, reader)) if knows_classes(looks) else None


def bridge_blend(bridge: Bridge | None) -> Blend | None:
    """What signals weigh while this bridge answers; None: as they do everywhere."""
    return Blend({"": {"looks": WEIGHT}}) if isinstance(bridge, ClassNameBridge) else None


def bridge_name(looks: Encoder, reader: Reader) -> str:
    """Names the space of `open_bridge` among the origins of vectors."""
    kind = "network" if one_network(looks, reader.encoder) else "classes"
    return f"bridge-{REVISION}-{kind}-{reader.encoder.name}-{reader.encoder.version}"


class HeldBridge:
    """The bridge that answers now. Call it from one thread."""

    def __init__(self, features: Path) -> None:
        self._features = features
        self._name = ""
        self._between: tuple[Encoder, Encoder] | None = None
        self._bridge: Bridge | None = None
        self._opening: threading.Thread | None = None

    def between(self, looks: Encoder, reader: Reader, *, wait: bool) -> tuple[Bridge, str] | None:
        """The bridge and its name; None where there is none, or, without `wait`, none yet."""
        if self._opening is not None and self._opening.is_alive():
            if not wait:
                return None
            self._opening.join()
        if self._between != (looks, reader.encoder):
            self._between, self._bridge, self._name = (looks, reader.encoder), None, bridge_name(looks, reader)
            if not wait:
                self._opening = threading.Thread(
                    target=self._open, args=(looks, reader), name="shoplens-bridge", daemon=True
                )
                self._opening.start()
                return None
            self._open(looks, reader)
        return None if self._bridge is None else (self._bridge, self._name)

    def _open(self, looks: Encoder, reader: Reader) -> None:
        try:
            self._bridge = open_bridge(self._features, looks, reader)
        except ShoplensError as error:
            log.warning("photos are not found by words: %s", error)


def _names(features: Path, reader: Reader) -> ClassNames:
    """Kept ones where they were made of the same texts, else read now and kept."""
    path = features / FOLDER / f"{reader.encoder.name}-{reader.encoder.version}.npz".replace("/", "_")
    texts = texts_of_names()
    meant = [[text, *reader.english(text)] for text in texts]
    digest = sha256(orjson.dumps([REVISION, reader.encoder.size, meant])).hexdigest()
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as kept:
                if str(kept["digest"]) == digest:
                    return ClassNames(kept["vectors"], LanguageMeans(kept["means"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("%s is made again: %s", path, error)
    names = ClassNames.read_by(reader)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as stream:
            np.savez(
                stream, allow_pickle=False, digest=np.array(digest), vectors=names.vectors, means=names.means.means
            )
    except OSError as error:  # it answers all the same
        log.warning("%s is made again at the next start: %s", path, error)
    return names
