"""Who answers whom, written down: the arms of running experiments, and a log of what was shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from shoplens.apps.cart import Cart, CartQuestion, Completed
from shoplens.apps.home import Home, Shown
from shoplens.apps.similar import similar
from shoplens.domain.experiments import Arm, Experiment
from shoplens.recommend.pipeline import Answer
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf
from shoplens.service.experiments import Experiments
from shoplens.service.hot_swap import HotSwap
from shoplens.service.log_writer import LogWriter
from shoplens.store.base import ImpressionRecord


class Answers:
    """Recommendations as shoppers get them. `log` None: nothing is written down."""

    def __init__(
        self,
        home: Home,
        cart: Cart,
        swap: HotSwap,
        experiments: Experiments,
        log: LogWriter[ImpressionRecord] | None,
    ) -> None:
        self._home = home
        self._cart = cart
        self._swap = swap
        self._experiments = experiments
        self.log = log
        self.prepare()

    def prepare(self) -> None:
        """Have the bundles of running experiments ready; after experiments began or ended."""
        self._swap.keep(arm.bundle for one in self._experiments.running.values() for arm in one.arms if arm.bundle)

    def recommend(
        self, wish: Wish, user_id: str | None = None, session_id: str | None = None, *, scenario: str = "home"
    ) -> Shown:
        """The best products for a person or a guest's session."""
        arms = self.arms(user_id or session_id)
        shelf, wish = self._as_in(arms, wish)
        shown = self._home.recommend(shelf, wish, user_id, session_id)
        self.note(shown, "recommend", user_id, session_id, scenario=scenario, arms=arms)
        return shown

    def similar(self, item_id: str, wish: Wish, user_id: str | None = None, session_id: str | None = None) -> Shown:
        """Products like one product. NotFoundError for an unknown one."""
        arms = self.arms(user_id or session_id)
        shelf, wish = self._as_in(arms, wish)
        shown = Shown(*similar(shelf, item_id, wish))
        self.note(shown, "similar", user_id, session_id, arms=arms)
        return shown

    def complete(self, wish: Wish, question: CartQuestion) -> Completed:
        """What completes a cart."""
        user_id, session_id = question.user_id, question.session_id
        arms = self.arms(user_id or session_id)
        shelf, wish = self._as_in(arms, wish)
        completed = self._cart.complete(shelf, wish, question)
        self.note(Shown(completed.impression_id, completed.answer), "cart", user_id, session_id, arms=arms)
        return completed

    def arms(self, person: str | None) -> Mapping[str, Arm]:
        """Experiment → arm of a person, in experiments whose bundles are ready here."""
        running = self._experiments.running
        if person is None or not running:
            return {}
        return {
            name: arm for name, one in running.items() if self._ready(one) and (arm := one.arm_of(person)) is not None
        }

    def note(
        self,
        shown: Shown,
        route: str,
        user_id: str | None,
        session_id: str | None,
        *,
        scenario: str = "",
        arms: Mapping[str, Arm],
    ) -> None:
        """Write an answer down, beside the request."""
        if self.log is None:
            return
        answer: Answer = shown.answer
        self.log.put(
            ImpressionRecord(
                impression_id=shown.impression_id,
                timestamp=int(time.time() * 1e6),
                route=route,
                scenario=scenario,
                user_id=user_id,
                session_id=session_id,
                shown=tuple(one.item_id for one in answer.items),
                propensities=answer.propensities,
                model=answer.model,
                bundle=answer.bundle,
                fallback=answer.fallback,
                arms={name: arm.name for name, arm in arms.items()},
            )
        )

    def _as_in(self, arms: Mapping[str, Arm], wish: Wish) -> tuple[Shelf, Wish]:
        """What these arms answer from, and with which wishes. What a request says itself goes before."""
        shelf = self._swap.shelf
        for arm in arms.values():
            if arm.bundle is not None:
                shelf = self._swap.beside.get(arm.bundle, shelf)
            if arm.diversity is not None and wish.diversity == 0:
                wish = replace(wish, diversity=arm.diversity)
        return shelf, wish

    def _ready(self, experiment: Experiment) -> bool:
        return all(arm.bundle is None or arm.bundle in self._swap.beside for arm in experiment.arms)
