"""ŷ = M(x, a, p) in [0, 1]: how probable it is that a person chooses a product, or how they would rate it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from shoplens.domain.dataset import Modality
from shoplens.encoders.hub_device import learning_device
from shoplens.errors import BundleError, ConfigurationError, InputError
from shoplens.models.fusion.batches import Floats
from shoplens.models.fusion.content import Axes, Content
from shoplens.models.fusion.network import FusionNetwork, ProfileShape
from shoplens.models.fusion.pointwise_config import PointwiseConfig
from shoplens.models.fusion.pointwise_rows import Fields, Past, Rows
from shoplens.models.fusion.pointwise_training import Judge, PointwiseNetwork, PointwiseTrainer, Progress, Steps
from shoplens.models.fusion.recommender import Fusion
from shoplens.models.fusion.training import seeded

FORMAT = 1  # of the saved state


class Pointwise:
    """A probability for any person and product, from the towers of `Fusion` and a head of its own.

    People are what they liked before and their profile; products are their content and, once judged, their id. People
    and products that come later need no training.
    """

    name = "pointwise"

    def __init__(
        self,
        config: PointwiseConfig | None = None,
        *,
        progress: Progress | None = None,
        steps: Steps | None = None,
        checkpoint: Path | None = None,
        **settings: Any,
    ) -> None:
        """`settings` override single fields of the configuration. `checkpoint`: file to go on from after a kill."""
        self.config = PointwiseConfig.from_dict({**(config or PointwiseConfig()).to_dict(), **settings})
        self.progress, self.steps, self.checkpoint = progress, steps, checkpoint
        self.history: list[dict[str, float]] = []  # one entry an epoch, see `Progress`
        self.axes: tuple[Axes, ...] = ()
        self.calibration = (1.0, 0.0)  # probability = sigmoid(slope · logit + level)
        self._judge: Judge | None = None
        self._past: Past | None = None

    # Learning.

    def fit(
        self,
        rows: Rows,
        valid: Rows | None = None,
        *,
        n_users: int,
        n_items: int,
        modalities: Sequence[Modality] = (),
        profile: ProfileShape | None = None,
        context: ProfileShape | None = None,
        rating: bool = False,
        body: Fusion | None = None,
    ) -> Self:
        """Learn from judged rows; keeps the weights of the epoch with the best validation.

        `rating`: labels are ratings scaled to [0, 1] rather than yes and no. `body`: a fitted Fusion of the same
        catalogue and modalities, whose towers go on learning under this head. InputError when rows do not fit.
        """
        self._check(rows, n_users, n_items, rating)
        config = self.config
        device = learning_device(config.device)
        self._profile, self._context = profile or ProfileShape(), context or ProfileShape()
        self._n_users, self._n_items, self._rating = n_users, n_items, rating
        liked_above = float(rows.label.mean()) if rating else 0.5
        self._past = Past(rows, n_users=n_users, n_items=n_items, liked_above=liked_above, seed=config.seed)
        self._timed = self._past.timed
        known = np.bincount(rows.item, minlength=n_items) > 0
        id_place = np.where(known, np.cumsum(known) - 1, -1).astype(np.int64)
        present = tuple(one for one in modalities if one.present.any())
        if body is None:
            self.axes = tuple(Axes.learn(one, config.recipe.content_rank, config.seed) for one in present)
        else:
            id_place, self.axes = self._take_over(body, present)
        self._id_place = id_place
        contents = [Content.read(one, axes) for one, axes in zip(present, self.axes, strict=True)]
        with seeded(config.seed, device):
            network = self._network(int(id_place.max(initial=-1)) + 1)
            if body is None:
                torch.nn.init.normal_(network.body.items.ids.weight, std=0.1 * self.config.body.embedding_size**-0.5)
        if body is not None:
            network.body.load_state_dict(body.network.state_dict())
        base = float(np.clip(rows.label.mean(), 0.01, 0.99))
        torch.nn.init.constant_(network.head.bias, math.log(base / (1 - base)))  # starts as the base rate
        judge = Judge(network, torch.from_numpy(id_place), contents, self.config, device)
        trainer = PointwiseTrainer(judge, rows, valid, self._past, rating=rating)
        trainer.run(self.progress, self.checkpoint, self.steps)
        self.history = trainer.history
        self._keep(judge)
        self._calibrate(rows if valid is None or not len(valid) else valid)
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)
        return self

    def _check(self, rows: Rows, n_users: int, n_items: int, rating: bool) -> None:
        """InputError for what cannot be learnt from."""
        if not len(rows):
            raise InputError("there is no row to learn from")
        if len(rows.label) != len(rows) or not np.isfinite(rows.label).all():
            raise InputError("every row needs a label that is a number")
        if rows.label.min() < 0 or rows.label.max() > 1:
            raise InputError("labels must be scaled to [0, 1]")
        if rows.user.min() < 0 or rows.user.max() >= n_users or rows.item.min() < 0 or rows.item.max() >= n_items:
            raise InputError("rows to learn from name people or products that are not in the vocabularies")
        if rows.label.min() == rows.label.max():
            raise InputError(f"all labels are the same ({rows.label[0]:g}); there is nothing to tell apart")
        if rating and self.config.loss != "mse":
            raise ConfigurationError(
                f"loss {self.config.loss!r} needs labels of 0 and 1; ratings are learnt with 'mse'"
            )

    def _take_over(self, body: Fusion, present: Sequence[Modality]) -> tuple[Any, tuple[Axes, ...]]:
        """Id places and axes of another fit, so that its weights mean the same here; its configuration is taken too."""
        if tuple(one.name for one in present) != tuple(axes.name for axes in body.axes):
            raise InputError("the body has learnt from other modalities: " + ", ".join(axes.name for axes in body.axes))
        known = body._mask[:, 0].numpy()
        if len(known) != self._n_items:
            raise InputError(f"the body knows {len(known)} products, these rows are about {self._n_items}")
        self.config = replace(self.config, body=body.used)
        self._profile, self._timed = body._shape, body.network.people.moment is not None
        return np.where(known, np.cumsum(known) - 1, -1).astype(np.int64), body.axes

    def _network(self, n_ids: int) -> PointwiseNetwork:
        ranks = [axes.basis.shape[1] for axes in self.axes]
        body = FusionNetwork(self.config.body, n_ids, ranks, self._profile, timed=self._timed)
        return PointwiseNetwork(body, self.config, self._context)

    def _keep(self, judge: Judge) -> None:
        """What answers need, on the CPU."""
        judge.network.cpu().eval()
        judge.device = torch.device("cpu")
        judge.id_place, judge.contents = judge.id_place.cpu(), [one.to(judge.device) for one in judge.contents]
        self._judge = judge
        self._vectors = judge.all_item_vectors()

    def _calibrate(self, rows: Rows) -> None:
        """After BPR: level and slope that make a probability of the score (Platt, 1999), by Newton's method."""
        self.calibration = (1.0, 0.0)
        if self.config.loss != "bpr":
            return
        score = self.logits(rows).astype(np.float64)
        spread, middle = float(score.std()) or 1.0, float(score.mean())
        design = np.stack([(score - middle) / spread, np.ones(len(score))], 1)
        weight = np.zeros(2)
        for _ in range(30):
            p = 1 / (1 + np.exp(-design @ weight))
            curve = (design * (p * (1 - p))[:, None]).T @ design + 1e-3 * np.eye(2)
            weight -= np.linalg.solve(curve, design.T @ (p - rows.label) + 1e-3 * weight)
        self.calibration = (float(weight[0] / spread), float(weight[1] - weight[0] * middle / spread))

    def remember(self, rows: Rows) -> None:
        """Take in later judgements as history, so that the next answers know them. Nothing is learnt."""
        if len(rows):
            self._past = self.past.and_then(rows)

    # Answering.

    @property
    def judge(self) -> Judge:
        """Network and inputs; ConfigurationError before `fit`."""
        if self._judge is None:
            raise ConfigurationError("the pointwise estimator has not been fitted; call fit first")
        return self._judge

    @property
    def past(self) -> Past:
        """What is remembered; ConfigurationError before `fit`."""
        if self._past is None:
            raise ConfigurationError("the pointwise estimator has not been fitted; call fit first")
        return self._past

    def logits(self, rows: Rows, newcomers: Floats | None = None) -> Floats:
        """Uncalibrated answers. [n]. `newcomers`: vectors of products n_items, n_items + 1, …: see `encode_items`."""
        judge = self.judge
        vectors = self._vectors if newcomers is None else torch.cat([self._vectors, torch.from_numpy(newcomers)])
        if len(rows) and int(rows.item.max()) >= len(vectors):
            raise InputError(f"row of product {int(rows.item.max())}, but there are vectors of {len(vectors)} only")
        profile, context = self._whole(rows.profile, self._profile, len(rows)), rows.context
        context = self._whole(context, self._context, len(rows))
        return judge.answer(vectors, replace(rows, profile=profile, context=context), self.past)

    @staticmethod
    def _whole(fields: Fields, shape: ProfileShape, n: int) -> Fields:
        """The fields, or "unknown" everywhere when none are given; InputError when they are others."""
        if not len(fields.codes) and not len(fields.numbers):
            unknown = np.full((n, shape.numeric), np.nan, np.float32)
            return Fields(np.zeros((n, len(shape.categories)), np.int64), unknown)
        if (fields.codes.shape, fields.numbers.shape) != ((n, len(shape.categories)), (n, shape.numeric)):
            raise InputError("the rows have other fields than the ones that were learnt from")
        return fields

    def predict(self, rows: Rows, newcomers: Floats | None = None) -> Floats:
        """Probability, or rating on the scale of 0 to 1, of each row. float32 [n], in [0, 1]."""
        slope, level = self.calibration
        scaled = torch.from_numpy(self.logits(rows, newcomers)) * slope + level
        return np.asarray(scaled.sigmoid().numpy(), np.float32)

    @torch.inference_mode()
    def encode_items(self, modalities: Sequence[Modality], n: int) -> Floats:
        """Vectors of n products that came after training, from their content alone. [n, embedding_size + 1]."""
        given = {one.name: one for one in modalities}
        contents = []
        for axes in self.axes:
            absent = Modality(axes.name, np.zeros((n, len(axes.mean)), np.float32), np.zeros(n, np.bool_))
            contents.append(Content.read(given.get(axes.name, absent), axes))
        tower = self.judge.network.body.items
        parts, mask = tower.parts(torch.arange(n), torch.full((n,), -1), contents)
        return np.asarray(tower.combine(parts, mask).float().numpy(), np.float32)

    # Keeping.

    def state(self) -> dict[str, Any]:
        """All that `from_state` needs: tensors and plain values only, so that no pickle has to be trusted."""
        past = self.past
        return {
            "format": FORMAT,
            "config": self.config.to_dict(),
            "weights": self.judge.network.state_dict(),
            "vectors": self._vectors,
            "id_place": torch.from_numpy(self._id_place),
            "axes": [
                {"name": one.name, "mean": torch.from_numpy(one.mean), "basis": torch.from_numpy(one.basis)}
                for one in self.axes
            ],
            "profile": {"categories": list(self._profile.categories), "numeric": self._profile.numeric},
            "context": {"categories": list(self._context.categories), "numeric": self._context.numeric},
            "sizes": [self._n_users, self._n_items],
            "rating": self._rating,
            "timed": self._timed,
            "calibration": list(self.calibration),
            "history": self.history,
            "past": {
                "liked_above": past.liked_above,
                "prior": past.prior,
                **{
                    name: torch.from_numpy(np.ascontiguousarray(getattr(past.rows, name)))
                    for name in ("user", "item", "label", "time")
                },
            },
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The reverse of `state`; BundleError when something is missing or does not fit together."""
        try:
            if state["format"] != FORMAT:
                raise BundleError(f"the model is of format {state['format']}, this version reads {FORMAT}")
            model = cls(PointwiseConfig.from_dict(state["config"]))
            model._restore(state)
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, ConfigurationError) as error:
            raise BundleError(f"this is not a whole pointwise model: {error}") from error
        return model

    def _restore(self, state: dict[str, Any]) -> None:
        self._n_users, self._n_items = state["sizes"]
        self._timed = state["timed"]
        self._rating, self.calibration = state["rating"], (state["calibration"][0], state["calibration"][1])
        self.history = state["history"]
        self._profile, self._context = (
            ProfileShape(tuple(state[name]["categories"]), state[name]["numeric"]) for name in ("profile", "context")
        )
        self.axes = tuple(Axes(one["name"], one["mean"].numpy(), one["basis"].numpy()) for one in state["axes"])
        self._id_place = state["id_place"].numpy()
        with seeded(0, torch.device("cpu")):
            network = self._network(int(self._id_place.max(initial=-1)) + 1)
        network.load_state_dict(state["weights"])
        cpu = torch.device("cpu")
        # What is left of the contents is in the vectors: a loaded model answers, it does not go on learning.
        self._judge = Judge(network.eval(), state["id_place"], (), self.config, cpu)
        self._vectors = state["vectors"]
        past = state["past"]
        rows = Rows(*(past[name].numpy() for name in ("user", "item", "label", "time")))
        self._past = Past(
            rows,
            n_users=self._n_users,
            n_items=self._n_items,
            liked_above=past["liked_above"],
            seed=self.config.seed,
        )
        self._past.prior = past["prior"]
