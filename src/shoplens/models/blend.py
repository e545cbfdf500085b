"""Several models, one ranking: a weighted sum of z-scores, person by person; products without sales apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories, Interactions, TrainingData
from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.base import Recommender, Scores
from shoplens.models.blended import Blended, GroundOf, Part
from shoplens.models.on_demand import Added, Ground, OnDemand, score_one
from shoplens.registry import find

#: How far the other models speak for a member that cannot judge a product that sells (it has no text, say). 0: the
#: product counts as average there, which still buries it, since what wins is far above average. 1: the others alone
#: decide, which floods the top with products that one noisy model likes. Half way lets good ones through and keeps the
#: doubt.
VOUCHING = 0.5

UNSOLD_FILE = "unsold.npy"
FLAT = 1e-6  # of the largest score: a deviation below is rounding

Mask = npt.NDArray[np.bool_]


class Blend:
    """Σ weight · z over its members, z = (score − mean) / standard deviation over the products that member can judge.

    A member may say that it is `same_for_all`: then its z-scores are kept. It may have a property `scorable`, bool
    [n_items]: the products it has any ground to judge. Popularity knows
    nothing of a product that nobody has bought; there its z is replaced by `VOUCHING` times the weighted mean z of the
    members that do know. Members without the property judge everything. A member whose scores are all equal (no
    history, no opinion) adds 0. The scores of a single member that judges everything
    are passed on as they are.

    With an `offset`, products that nobody has bought are ranked among themselves first: by the plain mean z of the
    members that can judge them. The weights say whom to believe about products that sell; about the others the
    members learnt less, each something else, and the mean of all ranks them better than the weights do. Since their z
    is built from content alone it never reaches the heights of products that many histories point at, however right
    it is; the offset, in standard deviations, makes up for that. See `learning.newcomers` for how it is chosen.
    """

    name = "blend"

    def __init__(
        self,
        models: Mapping[str, Recommender],
        weights: Mapping[str, float],
        *,
        offset: float | None = None,
        unsold: Mask | None = None,
    ) -> None:
        """`offset` takes effect for the products in `unsold`, bool [n_items], see `unsold_products`."""
        unknown = sorted(set(weights) - set(models))
        if unknown:
            raise ConfigurationError(f"weights for models that are not in the blend: {', '.join(unknown)}")
        if any(weight < 0 or not np.isfinite(weight) for weight in weights.values()):
            raise ConfigurationError("weights of a blend must be finite and at least 0")
        if offset is not None and not np.isfinite(offset):
            raise ConfigurationError("the offset of a blend must be finite")
        self.models = dict(models)
        self.weights = {name: float(weights.get(name, 0.0)) for name in models}
        if not any(self.weights.values()):
            raise ConfigurationError("a blend needs at least one model with a weight above 0")
        self.offset = offset
        self.unsold = unsold
        self._known: dict[str, npt.NDArray[np.float32] | None] = {}  # 1 where the member can judge; None: everywhere
        self._numbers: dict[str, int] = {}  # of products that the member can judge, where it cannot judge all
        self._factors: dict[str, npt.NDArray[np.float32]] = {}  # see `_factor`
        self._fixed: Scores | None = None  # what is the same in everybody's scores
        self._for_all: Ground | None = None  # the same in one dimension
        self._parts: dict[str, Part] = {}
        self._grounds: dict[str, GroundOf] = {}
        self._prepare()

    @property
    def scorable(self) -> npt.NDArray[np.bool_]:
        """Products that at least one member with a weight can judge. [n_items]"""
        masks = [self._mask(name) for name in self._active()]
        known = [mask for mask in masks if mask is not None]
        if not known:
            return np.zeros(0, np.bool_)
        everywhere: npt.NDArray[np.bool_] = np.ones(len(known[0]), np.bool_)
        return everywhere if len(known) < len(masks) else np.logical_or.reduce(known)

    def fit(self, data: TrainingData) -> Self:
        """Fit every member on the same data; the weights and the offset stay."""
        for model in self.models.values():
            model.fit(data)
        self.unsold = None if self.offset is None else unsold_products(data.interactions)
        self._prepare()
        return self

    def score(self, histories: Histories) -> Scores:
        """See the class; float32 [len(histories), n_items]."""
        if len(histories) == 1 and not self._passed_on(self._active()):
            return self._added_up(histories)
        return self.combine({name: self.models[name].score(histories) for name in self._active()})

    def _added_up(self, history: Histories) -> Scores:
        """`combine` for one person, with as few passes over the catalogue as there are: what is the same for everybody
        was added up before."""
        if self._fixed is None:
            self._fixed = self._for_everybody(history)
        total: Scores | None = None
        for name in self._personal():
            said = self.standardise(name, self.models[name].score(history))
            said *= self._factor(name)
            total = said if total is None else np.add(total, said, out=total)
        if total is None:
            return self._fixed.copy()
        return total if self._fixed.size == 1 else np.add(total, self._fixed, out=total)

    def score_one(self, history: Histories) -> OnDemand | npt.NDArray[np.float32]:
        """The same scores for one person, for those products alone that are asked for, where a single member listens to
        the history."""
        active, personal = self._active(), self._personal()
        if self._passed_on(active):
            return score_one(self.models[active[0]], history)
        if len(personal) != 1:
            together: Scores = self._added_up(history)[0]
            return together
        if self._fixed is None:
            self._fixed = self._for_everybody(history)
        (name,) = personal
        said = score_one(self.models[name], history)
        if not isinstance(said, (np.ndarray, Added)):
            said = said.all()
        n_items = len(said.common if isinstance(said, Added) else said)
        part = self._part_of(name, n_items)
        ground = self._ground_of(name, part, said.common) if isinstance(said, Added) else None
        scale = part.z_scale(said, ground)
        if scale is None:  # nearly all the same: this needs passes over everything
            everything: Scores = self._added_up(history)[0]
            return everything
        return Blended(part, said, self._common(n_items), scale, ground)

    def _personal(self) -> list[str]:
        """Active members that listen to the history."""
        return [name for name in self._active() if not getattr(self.models[name], "same_for_all", False)]

    def _common(self, n_items: int) -> Ground:
        """What is the same for everybody, always the same array."""
        if self._for_all is None:
            assert self._fixed is not None
            whole = np.full(n_items, self._fixed[0, 0], np.float32) if self._fixed.size == 1 else self._fixed[0]
            self._for_all = Ground.of(whole)
        return self._for_all

    def _part_of(self, name: str, n_items: int) -> Part:
        """What does not depend on who asks."""
        part = self._parts.get(name)
        if part is None:
            known = self._known[name]
            factor = np.full(n_items, self._factor(name), np.float32)
            if known is not None:
                factor *= known
            number = self._numbers.get(name, n_items)
            part = self._parts[name] = Part(known, max(number, 1), factor, float(factor.sum(dtype=np.float64)))
        return part

    def _ground_of(self, name: str, part: Part, values: npt.NDArray[np.float32]) -> GroundOf:
        found = self._grounds.get(name)
        if found is None or found.ground is not values:
            found = self._grounds[name] = GroundOf.of(part, values)
        return found

    def _for_everybody(self, history: Histories) -> Scores:
        """What members that answer everybody alike add, and the offset. [1, n_items]; [1, 1] where that is nothing."""
        total = np.zeros((1, 1), np.float32)
        personal = self._personal()
        for name in self._active():
            if name not in personal:
                total = total + self.standardise(name, self.models[name].score(history)) * self._factor(name)
        if self._raised is not None and self.unsold is not None:
            total = np.broadcast_to(total, (1, len(self.unsold))).copy()
            total[:, self._raised] += np.float32(self.offset or 0.0)
        return total

    def _factor(self, name: str) -> npt.NDArray[np.float32] | np.float32:
        """By what one member's z-scores are multiplied: its weight and the lift, or the part of the unsold.
        [n_items], or one number for all."""
        if self._lift is None and self._raised is None:
            return np.float32(self.weights[name])
        known = self._factors.get(name)
        if known is None:
            if self._lift is not None:
                known = self._lift * np.float32(self.weights[name])
            else:
                assert self.unsold is not None
                known = np.full(len(self.unsold), self.weights[name], np.float32)
            if self._raised is not None:
                known[self._raised] = self._part
            self._factors[name] = known
        return known

    def _passed_on(self, active: list[str]) -> bool:
        """Whether the scores of a single member are given as they are."""
        return len(active) == 1 and self._raised is None and self._known[active[0]] is None

    def combine(self, scores: Mapping[str, Scores]) -> Scores:
        """Blend scores that were computed elsewhere, one entry for each member with a weight above 0."""
        active = self._active()
        if self._passed_on(active):
            return np.array(scores[active[0]], np.float32)
        return self.add_up({name: self.standardise(name, scores[name]) for name in active})

    def add_up(self, standard: Mapping[str, Scores]) -> Scores:
        """The blend of z-scores, one entry for each member with a weight above 0, which are left as they are."""
        active = self._active()
        total: Scores = standard[active[0]] * self._factor(active[0])
        for name in active[1:]:
            total += standard[name] * self._factor(name)
        if self._raised is not None:
            total[:, self._raised] += np.float32(self.offset or 0.0)
        return total

    def standardise(self, name: str, scores: Scores) -> Scores:
        """z-scores of one member as a new array; 0 where it cannot judge."""
        return z_scores(scores, self._known[name], self._numbers.get(name))

    def save(self, folder: Path) -> None:
        """Each member in a subfolder of its name; members need a name in the registry."""
        kinds = {name: model.name for name, model in self.models.items()}
        for name, model in self.models.items():
            (folder / name).mkdir()
            model.save(folder / name)
        config = {"models": kinds, "weights": self.weights, "offset": self.offset}
        if self.unsold is not None:
            np.save(folder / UNSOLD_FILE, self.unsold, allow_pickle=False)
        (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Recommender.load`."""
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            kinds, weights, offset = dict(config["models"]), dict(config["weights"]), config.get("offset")
            unsold = None if offset is None else np.load(folder / UNSOLD_FILE, allow_pickle=False)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BundleError(f"{folder}: the blend cannot be read ({error}); train again") from error
        if any(Path(name).name != name or name in {"", ".", ".."} for name in kinds):
            raise BundleError(f"{folder}: the blend names members outside its folder; train again")
        models = {name: find("models", kind).load(folder / name) for name, kind in kinds.items()}
        return cls(models, weights, offset=offset, unsold=unsold)

    def _active(self) -> list[str]:
        return [name for name, weight in self.weights.items() if weight > 0]

    def _mask(self, name: str) -> Mask | None:
        """What a member can judge; None when it judges everything."""
        mask: Mask | None = getattr(self.models[name], "scorable", None)
        return mask if mask is not None and len(mask) else None

    def _prepare(self) -> None:
        """What does not depend on the person: masks, the factor by which the knowing members vouch, and which
        products without sales are raised."""
        self._known, self._numbers = {}, {}
        self._fixed = self._for_all = None
        self._factors, self._parts, self._grounds = {}, {}, {}
        self._lift: npt.NDArray[np.float32] | None = None  # [n_items]
        self._raised: npt.NDArray[np.int64] | None = None  # rows of unsold products that some member can judge
        self._part: npt.NDArray[np.float32] = np.zeros(0, np.float32)  # 1 / number of members that can, for each
        all_weight = sum(self.weights.values())
        knowing: npt.NDArray[np.float32] | None = None  # weight of the members that can judge each product
        for name in self.models:
            mask = self._mask(name)
            partial = mask is not None and not mask.all() and bool(mask.any())
            self._known[name] = mask.astype(np.float32) if mask is not None and partial else None
            if mask is not None and partial:
                self._numbers[name] = int(mask.sum())
        for name in self._active():
            known = self._known[name]
            if known is not None:
                knowing = np.full(len(known), all_weight, np.float32) if knowing is None else knowing
                knowing -= np.float32(self.weights[name]) * (1 - known)
        if knowing is not None:
            # Σ_known w z + VOUCHING · (Σ_unknown w) · Σ_known w z / Σ_known w
            missing = all_weight - knowing
            self._lift = np.where(knowing > 1e-6, 1 + VOUCHING * missing / np.maximum(knowing, 1e-6), 1)
            self._lift = self._lift.astype(np.float32)
        if self.offset is not None and self.unsold is not None:
            masks = [self._mask(name) for name in self._active()]
            judges = np.sum([np.ones(len(self.unsold)) if mask is None else mask for mask in masks], axis=0)
            rows = np.flatnonzero(self.unsold & (judges > 0))
            if len(rows):
                self._raised, self._part = rows, (1 / judges[rows]).astype(np.float32)


def unsold_products(interactions: Interactions) -> Mask:
    """Products that nobody showed a preference for, so that models of behaviour know nothing of them. [n_items]"""
    liked = np.bincount(interactions.item[interactions.weight > 0], minlength=len(interactions.items))
    return np.asarray(liked == 0, np.bool_)


def z_scores(scores: Scores, known: npt.NDArray[np.float32] | None, number: int | None = None) -> Scores:
    """(score − mean) / standard deviation of each person [n_people, n_items], over the `known` products (1, else 0,
    [n_items]; None: all), of which there are `number`; 0 elsewhere, and where all scores are equal. A new array."""
    if known is None:
        number = max(1, scores.shape[1])
        mean = scores.mean(axis=1, dtype=np.float64).astype(np.float32)
        centred = scores - mean[:, None]
    else:
        number = max(1, int(known.sum()) if number is None else number)
        mean = scores @ known / np.float32(number)
        centred = scores - mean[:, None]
        centred *= known
    deviation = np.sqrt(np.einsum("pi,pi->p", centred, centred, dtype=np.float32) / np.float32(number))
    # No score is further from the mean than √number deviations: most people need no pass for the largest.
    flat = _flat(deviation, np.abs(mean) + np.float32(number**0.5) * deviation)
    if flat.any():
        doubtful = scores[flat]
        largest = np.maximum(doubtful.max(axis=1, initial=0), -doubtful.min(axis=1, initial=0))
        flat[flat] = _flat(deviation[flat], largest)
    centred *= np.where(flat, 0, 1 / np.where(flat, 1, deviation)).astype(np.float32)[:, None]
    standard: Scores = centred
    return standard


def _flat(deviation: npt.NDArray[np.float32], largest: npt.NDArray[np.float32]) -> Mask:
    """Whose scores differ by rounding alone. [n_people]"""
    flat: Mask = deviation <= FLAT * np.maximum(largest, 1e-30)
    return flat
