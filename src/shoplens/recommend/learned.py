"""What training hands to serving: models over one vocabulary of products, and one vector a product."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Modality
from shoplens.domain.events import EVENT_WEIGHTS, EventWeights
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import InputError
from shoplens.models.base import Recommender
from shoplens.models.calibration import Calibration
from shoplens.models.cart import CartModel
from shoplens.models.profile import ProfileModel
from shoplens.recommend.content_space import ContentSpace, unit_rows
from shoplens.retrieval.base import Index

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Learned:
    """Models that were trained together. Row k of everything is `items.ids[k]`."""

    version: str
    items: Vocabulary
    models: Mapping[str, Recommender]
    shipped: str  # which of `models` answers
    vectors: npt.NDArray[np.float32] | None = None  # fused, unit length or zero, [n_items, size]
    index: Index | None = None  # over `vectors`
    content: ContentSpace | None = None  # how the vector of a new product is made from its content, unless:
    vector_model: str | None = None  # the model whose `item_vectors` and `encode_items` make `vectors`
    people: npt.NDArray[np.int64] | None = None  # key_of_text(user_id) of each profile row; ids are not kept here
    metrics: Mapping[str, object] = field(default_factory=dict)
    calibration: Calibration | None = None  # of the scores of `shipped`; None: answers give them as they are
    cart: CartModel | None = None  # what completes a cart; None when no baskets were learnt from
    profile: ProfileModel | None = None  # what profiles are worked out with; None when nobody ever acted
    event_weights: EventWeights = field(default_factory=lambda: EVENT_WEIGHTS)  # what one event counted in training

    @property
    def model(self) -> Recommender:
        """The model that answers."""
        return self.models[self.shipped]

    def profile_rows(self) -> dict[int, int]:
        """key_of_text(user_id) → row in the profiles that the models were trained with."""
        return {} if self.people is None else {key: row for row, key in enumerate(self.people.tolist())}

    def encode(self, modalities: Sequence[Modality], n: int) -> npt.NDArray[np.float32] | None:
        """Vectors of n new products in the space of `vectors`, unit length or zero; None when there is none."""
        if not modalities or self.vectors is None:
            return None
        if self.vector_model is not None:
            encoder: Any = self.models[self.vector_model]
            try:
                return unit_rows(np.array(encoder.encode_items(modalities), np.float32))
            except InputError as error:  # another encoder since training: category and brand decide until the next one
                log.warning("new products cannot be compared by content: %s", error)
                return None
        return self.content.vectors(modalities, n) if self.content is not None else None
