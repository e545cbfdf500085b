"""Recognising the products of a catalogue that goes on changing, learnt from those of which there are several photos.

The discriminant of `recognise_discriminant`, cut in two: what is the same for all products (what differs between photos
of one thing, and how far its catalogue photo lets expect what customers take), and a vector a product. A product that
was learnt has one of its photos; any other, also one that came after training, gets one from the vector that `embed`
made of its photos anyway. So all are compared on one scale, and a dot product ranks them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import orjson
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from shoplens.errors import ModelFileError
from shoplens.features.recognise_discriminant import CLIP, PICTURE_COUNTS, Covariance, plain_means

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]

FORMAT = "1"
SAMPLE = 500  # views that tell what usual scores are
AGAIN = "train again: shoplens train"


@dataclass(frozen=True, slots=True, eq=False)
class OpenRecogniser:
    """Vectors of products and questions; the dot product is the score, comparable within one photo."""

    mean: Floats  # [size]
    scale: Floats  # [size], the weight of each number over its standard deviation
    limit: Floats  # [size], what a scaled number may be at most
    centre: Floats  # [size], mean product
    inverse: Floats  # [size, size], of the covariance within products
    picture_mean: Floats  # [size], of catalogue photos, scaled
    carried: float  # how much of a catalogue photo's difference from the others is seen in customers' photos too
    typical: float  # squared length of a learnt product
    usual: tuple[float, float]  # mean and spread of a learnt product's scores on photos of others
    sample: Floats  # [SAMPLE, size], scaled views
    products: Mapping[str, Floats]  # learnt ones: the mean of their photos, drawn towards their picture [size]

    @classmethod
    def fit(
        cls, views: Floats, labels: Rows, item_ids: list[str], pictures: Floats, weights: Floats, *, seed: int = 0
    ) -> Self:
        """From views of photos [cuts, n, size] and the product of each [n]; `pictures` [products, size]: what `embed`
        made of the catalogue's photos of these products; `weights` [size], see `PhotoReader`."""
        rows, labels = np.concatenate(list(views)), np.tile(labels, len(views))
        mean = rows.mean(0)
        scale = weights / (rows.std(0) + 1e-6 * max(float(np.abs(rows).max()), 1e-6))
        limit = CLIP * weights
        scaled = np.clip((rows - mean) * scale, -limit, limit)
        shown = np.clip((pictures - mean) * scale, -limit, limit)
        means, counts = plain_means(scaled, labels, len(item_ids)), np.bincount(labels, minlength=len(item_ids))
        seen = counts > 0
        centre, picture_mean = means[seen].mean(0), shown[seen].mean(0)
        away = shown - picture_mean
        carried = float((away[seen] * (means[seen] - centre)).sum() / max(float((away[seen] ** 2).sum()), 1e-9))
        carried = max(carried, 0.0)
        counted = counts[:, None] / len(views)
        drawn = (means * counted + PICTURE_COUNTS * (centre + carried * away)) / (counted + PICTURE_COUNTS)
        solve = Covariance(scaled - means[labels])
        inverse = np.asarray(solve(np.eye(len(mean), dtype=np.float32)), np.float32)
        some = np.random.default_rng(seed).permutation(len(scaled))[:SAMPLE]
        kept = {item_ids[place]: drawn[place].astype(np.float32) for place in np.flatnonzero(seen).tolist()}
        fitted = cls(
            mean, scale, limit, centre, inverse, picture_mean, carried, 1.0, (0.0, 1.0), scaled[some], kept
        )  # fmt: skip
        known = fitted._from(np.stack(list(kept.values())) - centre, 1.0)
        squared = ((np.stack(list(kept.values())) - centre) * known[:, :-1]).sum(1)
        scores = scaled[some] @ known[:, :-1].T + known[:, -1]
        other = labels[some][:, None] != np.flatnonzero(seen)
        usual = float(scores[other].mean()), float(scores[other].std()) + 1e-6
        return cls(
            mean, scale, limit, centre, inverse, picture_mean, carried, float(np.median(squared)), usual,
            scaled[some], kept,
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Numbers of a product's vector."""
        return len(self.mean) + 1

    def questions(self, views: Floats) -> Floats:
        """Photos as `PhotoReader.read` gives them [cuts, photos, numbers]. [photos, size]"""
        scaled = self._scaled(views).sum(0)
        asked: Floats = np.concatenate([scaled, np.full((len(scaled), 1), len(views), np.float32)], axis=1)
        return asked.astype(np.float32)

    def product_vectors(self, item_ids: list[str], pictures: Floats) -> Floats:
        """Of products with their catalogue vectors [n, numbers] (those of `fit`'s encoders). [n, size]"""
        vectors = np.zeros((len(item_ids), self.size), np.float32)
        strange = np.array([one not in self.products for one in item_ids], np.bool_)
        if not strange.all():
            known = np.stack([self.products[one] for one in item_ids if one in self.products])
            vectors[~strange] = self._from(known - self.centre, 1.0)
        if strange.any():
            vectors[strange] = self._strangers(pictures[strange])
        return vectors

    def _strangers(self, pictures: Floats) -> Floats:
        """Products without labelled photos score on photos of anything as the others do, in mean and spread."""
        away = self.carried * (self._scaled(pictures) - self.picture_mean)
        squared = np.maximum(((away @ self.inverse) * away).sum(1), 1e-9)
        vectors = self._from(away, np.sqrt(self.typical / squared)[:, None])
        scores = self.sample @ vectors[:, :-1].T + vectors[:, -1]
        factor = self.usual[1] / (scores.std(0) + 1e-6)
        vectors *= factor[:, None].astype(np.float32)
        vectors[:, -1] += self.usual[0] - scores.mean(0) * factor
        return vectors

    def _from(self, away: Floats, stretch: float | Floats) -> Floats:
        """Weights and bias of products so far from the centre. [n, size]"""
        solved = (away @ self.inverse) * stretch
        squared = (away * stretch * solved).sum(1)
        bias = -0.5 * squared - solved @ self.centre
        together: Floats = np.concatenate([solved, bias[:, None]], axis=1).astype(np.float32)
        return together

    def _scaled(self, rows: Floats) -> Floats:
        scaled: Floats = np.clip((rows - self.mean) * self.scale, -self.limit, self.limit)
        return scaled

    def save(self, path: Path, about: Mapping[str, object]) -> None:
        """One file of plain arrays, with `about` (JSON) in it."""
        arrays = {name: np.ascontiguousarray(getattr(self, name), np.float32) for name in ARRAYS}
        arrays["products"] = np.stack(list(self.products.values()))
        numbers = {"carried": self.carried, "typical": self.typical, "usual": self.usual, "ids": list(self.products)}
        told = orjson.dumps({"about": dict(about), **numbers}, option=orjson.OPT_SORT_KEYS).decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        save_file(arrays, partial, {"format": FORMAT, "told": told, "checksum": _checksum(told, arrays)})
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> tuple[Self, dict[str, object]]:
        """What `save` wrote, and `about`. ModelFileError when the file is damaged, altered or of another version."""
        try:
            with safe_open(path, "np") as file:
                said = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except (OSError, SafetensorError, ValueError) as error:
            raise ModelFileError(f"{path} cannot be read ({error}); {AGAIN}") from error
        if said.get("format") != FORMAT:
            raise ModelFileError(f"{path} is of format {said.get('format')}, this version reads {FORMAT}; {AGAIN}")
        if said.get("checksum") != _checksum(said.get("told", ""), arrays):
            raise ModelFileError(f"{path} was altered after it was written; {AGAIN}")
        told = orjson.loads(said["told"])
        products = dict(zip(told["ids"], arrays.pop("products"), strict=True))
        usual = (float(told["usual"][0]), float(told["usual"][1]))
        loaded = cls(**arrays, carried=told["carried"], typical=told["typical"], usual=usual, products=products)
        return loaded, told["about"]


ARRAYS = ("mean", "scale", "limit", "centre", "inverse", "picture_mean", "sample")


def _checksum(told: str, arrays: Mapping[str, Floats]) -> str:
    """SHA-256 over everything that the file says."""
    digest = hashlib.sha256(told.encode())
    for name in sorted(arrays):
        digest.update(f"\n{name} {arrays[name].dtype} {arrays[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
