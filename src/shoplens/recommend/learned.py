"""What training hands to serving: models over one vocabulary of products, and one vector a product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from shoplens.domain.vocabulary import Vocabulary
from shoplens.models.base import Recommender
from shoplens.recommend.content_space import ContentSpace
from shoplens.retrieval.base import Index


@dataclass(frozen=True, slots=True)
class Learned:
    """Models that were trained together. Row k of everything is `items.ids[k]`."""

    version: str
    items: Vocabulary
    models: Mapping[str, Recommender]
    shipped: str  # which of `models` answers
    vectors: npt.NDArray[np.float32] | None = None  # fused, unit length or zero, [n_items, size]
    index: Index | None = None  # over `vectors`
    content: ContentSpace | None = None  # how the vector of a new product is made from its content
    metrics: Mapping[str, object] = field(default_factory=dict)

    @property
    def model(self) -> Recommender:
        """The model that answers."""
        return self.models[self.shipped]
