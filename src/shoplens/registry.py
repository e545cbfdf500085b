"""Name → where it lives and which extra installs it. Outsiders add their own through entry points.

A package that declares

    [project.entry-points."shoplens.encoders"]
    mine = "my_package.encoders:MyEncoder"

makes `mine` usable wherever a built-in name is.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from shoplens.errors import ConfigurationError, MissingExtraError


@dataclass(frozen=True, slots=True)
class Part:
    """Where one exchangeable part lives."""

    target: str  # "module:Class"
    extra: str | None = None  # the extra that installs what it needs


#: kind → name → part. A name that ends in a colon is written with something after it: "hub:BAAI/bge-m3".
PARTS: dict[str, dict[str, Part]] = {
    "encoders": {
        "e5-small": Part("shoplens.encoders.text:E5Encoder"),
        "hashed-ngrams": Part("shoplens.encoders.hashed:HashedNgramEncoder"),
        "efficientnet-lite0": Part("shoplens.encoders.image:EfficientNetLite0"),
        "efficientnet-lite2": Part("shoplens.encoders.image:EfficientNetLite2"),
        "colour": Part("shoplens.encoders.colour:ColourEncoder"),
        "frames": Part("shoplens.encoders.video:VideoEncoder"),
        "whisper-base": Part("shoplens.encoders.audio:WhisperAudioEncoder", "speech"),
        "whisper:": Part("shoplens.encoders.audio:WhisperAudioEncoder", "speech"),
        "hub:": Part("shoplens.encoders.hub:HubEncoder", "hub"),
        "finetuned:": Part("shoplens.encoders.finetuned:FineTuned"),
        "endpoint:": Part("shoplens.encoders.endpoint:EndpointEncoder"),
    },
    "recognisers": {
        "rapidocr": Part("shoplens.encoders.ocr:RapidOcrReader"),
        "whisper-base": Part("shoplens.encoders.speech:WhisperRecogniser", "speech"),
        "whisper:": Part("shoplens.encoders.speech:WhisperRecogniser", "speech"),
    },
    "models": {
        "popularity": Part("shoplens.models.popularity:Popularity"),
        "item-knn": Part("shoplens.models.item_knn:ItemKNN"),
        "linear": Part("shoplens.models.linear:Linear"),
        "fusion": Part("shoplens.models.fusion:Fusion"),
        "content-ranker": Part("shoplens.models.content_ranker:ContentRanker"),
    },
    "indexes": {
        "exact": Part("shoplens.retrieval.exact:ExactIndex"),
        "codes": Part("shoplens.retrieval.codes:CodesIndex"),
        "hnsw": Part("shoplens.retrieval.hnsw:HnswIndex"),
    },
}


def names(kind: str) -> list[str]:
    """All known names of a kind, built-in first."""
    outside = [point.name for point in entry_points(group=f"shoplens.{kind}")]
    return [*PARTS[kind], *(name for name in outside if name not in PARTS[kind])]


def find(kind: str, name: str) -> Any:
    """The class behind a name. ConfigurationError when there is none, MissingExtraError when its package is missing."""
    part = PARTS[kind].get(name)
    if part is None:
        for point in entry_points(group=f"shoplens.{kind}", name=name):
            return point.load()
        raise ConfigurationError(f"no {kind} named {name!r}; known: {', '.join(names(kind))}")
    module, _, attribute = part.target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if part.extra is None or (error.name or "").startswith("shoplens"):
            raise
        raise MissingExtraError(f"{kind} {name!r}", part.extra) from error
