"""A blend's scores of one person, worked out for those products alone that are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.models.on_demand import Added, Ground, Rows, Take, Values

SURE = 0.1  # share of the mean square that a variance must be to be told from sums of float32


@dataclass(frozen=True, slots=True)
class Part:
    """How one member enters a blend, whoever asks."""

    known: Values | None  # 1 where the member can judge, else 0; None: everywhere. [n_items]
    number: int  # of products that it can judge
    factor: Values  # what its z-scores are multiplied by, 0 where it cannot judge. [n_items]
    weight: float  # of all factors

    def z_scale(self, said: Values | Added, ground: GroundOf | None) -> tuple[np.float32, np.float32] | None:
        """Mean, and 1 / standard deviation, of a member's scores over what it can judge; None where sums of float32 do
        not tell them well enough. `ground`: that of a member that said little."""
        if ground is not None and isinstance(said, Added):
            total, squares = ground.moments(self, said)
        else:
            scores = said.all() if isinstance(said, Added) else said
            judged = scores if self.known is None else scores * self.known
            total, squares = float(judged.sum()), float(np.vdot(judged, scores))
        mean, square = total / self.number, squares / self.number
        variance = square - mean * mean
        if not variance > SURE * square:
            return None
        return np.float32(mean), np.float32(1 / np.sqrt(variance))


class Blended:
    """Σ factor · (score − mean) / deviation of one member, on top of what is the same for everybody."""

    def __init__(
        self,
        part: Part,
        said: Values | Added,
        fixed: Ground,
        scale: tuple[np.float32, np.float32],
        ground: GroundOf | None = None,
    ) -> None:
        """`said`: the member's scores; `fixed`: what is the same for everybody; `scale`: see Part; `ground`: of the
        member, when it said little."""
        self._part, self._said, self._fixed, self._ground = part, said, fixed, ground
        self._mean, self._by = scale
        self.common = fixed.values
        self.spoken = said.spoken if isinstance(said, Added) else None
        self.slack = ground.slack(scale) if ground is not None else 0.0

    def at(self, rows: Rows, take: Take | None = None) -> Values:
        """See OnDemand."""
        said, factor, fixed = self._said, self._part.factor, self.common
        scores = said.at(rows, take) if isinstance(said, Added) else said.take(rows)
        if take is not None:
            return self._blend(scores, take(factor), take(fixed))
        return self._blend(scores, factor.take(rows), fixed.take(rows))

    def all(self) -> Values:
        """See OnDemand."""
        scores = self._said.all() if isinstance(self._said, Added) else self._said.copy()
        return self._blend(scores, self._part.factor, self.common)

    def mean(self) -> float:
        """See OnDemand."""
        factor, said = self._part.factor, self._said
        if self._ground is not None and isinstance(said, Added):
            heard = self._ground.heard + float(np.dot(factor[said.spoken], said.added))
        else:
            heard = float(np.dot(factor, said if isinstance(said, np.ndarray) else said.all()))
        return self._fixed.mean + float(self._by) * (heard - float(self._mean) * self._part.weight) / len(factor)

    def _blend(self, scores: Values, factor: Values, fixed: Values) -> Values:
        """In place, in the order of the blend's own passes."""
        scores -= self._mean
        scores *= self._by
        scores *= factor
        scores += fixed
        return scores


@dataclass(frozen=True, slots=True)
class GroundOf:
    """What a part's moments are over the ground of a member that speaks of few products, see `Added`."""

    ground: Values
    total: float
    squares: float
    heard: float  # Σ factor · ground
    highest: float  # the largest factor · ground
    factors: tuple[float, float]  # lowest and highest

    @classmethod
    def of(cls, part: Part, ground: Values) -> GroundOf:
        """Passes over the catalogue, done once."""
        judged = ground if part.known is None else ground * part.known
        heard = part.factor * ground
        return cls(
            ground,
            float(judged.sum(dtype=np.float64)),
            float(np.vdot(judged.astype(np.float64), ground.astype(np.float64))),
            float(heard.sum(dtype=np.float64)),
            float(heard.max(initial=0.0)),
            (float(part.factor.min(initial=0.0)), float(part.factor.max(initial=0.0))),
        )

    def moments(self, part: Part, added: Added) -> tuple[float, float]:
        """Sum and sum of squares of the member's scores, by what it adds."""
        more: npt.NDArray[np.float64] = added.added.astype(np.float64)
        judged = more if part.known is None else more * part.known[added.spoken]
        ground = self.ground[added.spoken]
        return self.total + float(judged.sum()), self.squares + float(np.vdot(judged, more + 2 * ground))

    def slack(self, scale: tuple[np.float32, np.float32]) -> float:
        """What the member gives at most to products of which it says nothing."""
        mean, by = float(scale[0]), float(scale[1])
        lowest, highest = self.factors
        return (self.highest - mean * (lowest if mean > 0 else highest)) * by
