"""All that training learnt about people in general. Nothing in it is about one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EventType
from shoplens.errors import BundleError
from shoplens.models.profile.affinity import ShopAverage
from shoplens.models.profile.fields import PredictedField
from shoplens.models.profile.forecasts import Churn, Due, NextCategory
from shoplens.models.profile.segments import Segment, Segments
from shoplens.models.profile.space import TasteSpace
from shoplens.models.profile.traits import PriceBands, TraitColumns

FILE, ARRAYS = "profile.json", "profile.npz"
SCORED = ("recency", "frequency", "monetary")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileModel:
    """Shop averages, price bands, predictions and segments."""

    act: EventType  # what makes a visit
    zone: str  # of the shop's clock
    currency: str
    columns: TraitColumns
    bands: PriceBands
    usual: npt.NDArray[np.float32]  # usual price by product row of the bundle; NaN unknown [n_items]
    average: ShopAverage
    edges: Mapping[str, Floats]  # of SCORED: inner edges of the fifths of the shop's people
    space: TasteSpace
    segments: Segments
    churn: Churn | None = None
    due: Due | None = None
    next_category: NextCategory | None = None
    fields: tuple[PredictedField, ...] = ()
    people: int = 0  # that it was learnt from

    def fifth(self, name: str, value: float) -> int:
        """1 to 5, 5 is best (for recency: the fewest days)."""
        edges = self.edges[name]
        place = (
            int(np.searchsorted(edges, value, side="right"))
            if name != "recency"
            else (len(edges) - int(np.searchsorted(edges, value, side="left")))
        )
        return place + 1

    def save(self, folder: Path) -> None:
        """Everything that `load` needs, into an existing, empty folder."""
        kept: dict[str, Any] = {
            "act": self.act.value,
            "zone": self.zone,
            "currency": self.currency,
            **self.columns.as_dict(),
            "bands": [[list(path), *edges] for path, edges in self.bands.edges.items()],
            "edges": {name: edges.tolist() for name, edges in self.edges.items()},
            "segments": [one.as_dict() for one in self.segments.groups],
            "churn": None if self.churn is None else self.churn.as_dict(),
            "due": None if self.due is None else self.due.as_dict(),
            "next_category": None if self.next_category is None else self.next_category.as_dict(),
            "fields": [one.as_dict() for one in self.fields],
            "people": self.people,
        }
        (folder / FILE).write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
        np.savez(
            folder / ARRAYS,
            allow_pickle=False,
            usual=self.usual,
            share=self.average.share,
            strength=self.average.strength,
            space_columns=self.space.columns,
            space_weight=self.space.weight,
            directions=self.space.directions,
            centres=self.segments.centres,
            segment_shares=self.segments.shares,
            segment_longest=np.array([self.segments.longest]),
        )

    @classmethod
    def load(cls, folder: Path) -> ProfileModel:
        """What `save` wrote; BundleError when it cannot be used. Never unpickles."""
        try:
            kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
            with np.load(folder / ARRAYS, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return cls._of(kept, arrays)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BundleError(f"{folder}: the model of profiles cannot be read ({error}); train again") from error

    @classmethod
    def _of(cls, kept: dict[str, Any], arrays: dict[str, Any]) -> ProfileModel:
        groups = tuple(Segment.of(one) for one in kept["segments"])
        longest = float(arrays["segment_longest"][0]) if "segment_longest" in arrays else np.inf  # older bundles
        return cls(
            act=EventType(kept["act"]),
            zone=kept["zone"],
            currency=kept["currency"],
            columns=TraitColumns.of([(field, value) for field, value in kept["traits"]]),
            bands=PriceBands({tuple(path): (low, high) for path, low, high in kept["bands"]}),
            usual=arrays["usual"],
            average=ShopAverage(arrays["share"], arrays["strength"]),
            edges={name: np.array(edges, np.float64) for name, edges in kept["edges"].items()},
            space=TasteSpace(arrays["space_columns"], arrays["space_weight"], arrays["directions"]),
            segments=Segments(groups, arrays["centres"], arrays["segment_shares"], longest),
            churn=None if kept["churn"] is None else Churn.of(kept["churn"]),
            due=None if kept["due"] is None else Due.of(kept["due"]),
            next_category=None if kept["next_category"] is None else NextCategory.of(kept["next_category"]),
            fields=tuple(PredictedField.of(one) for one in kept["fields"]),
            people=int(kept["people"]),
        )
