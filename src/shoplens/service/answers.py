"""Who answers whom, written down: the arms of running experiments, and a log of what was shown."""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from shoplens.apps.cart import Cart, CartQuestion, Completed
from shoplens.apps.home import Home, Shown
from shoplens.apps.similar import similar
from shoplens.domain.experiments import Arm, Experiment
from shoplens.errors import ShoplensError, StoreError
from shoplens.recommend.pipeline import Answer, without_model
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf
from shoplens.recommend.unknown import with_unknown
from shoplens.recommend.wish_json import wish_json
from shoplens.service.error_watch import ErrorWatch
from shoplens.service.experiments import Experiments
from shoplens.service.exposure import Exposure
from shoplens.service.hot_swap import HotSwap
from shoplens.service.log_writer import LogWriter
from shoplens.store.records import ImpressionRecord

log = logging.getLogger(__name__)
MOST_NAMES = 100_000  # people whose name in experiments is kept in memory
NAME_SECONDS = 10.0  # for which it is taken as it was; another process may have signed somebody in

Given = TypeVar("Given")


class Answers:
    """Recommendations as shoppers get them. `log` None: nothing is written down."""

    def __init__(
        self,
        home: Home,
        cart: Cart,
        swap: HotSwap,
        experiments: Experiments,
        log: LogWriter[ImpressionRecord] | None,
        *,
        exposure: Exposure,
        known_as: Callable[[str], str],
    ) -> None:
        """`known_as`: by which name a person who signed in is drawn in experiments."""
        self._home = home
        self._cart = cart
        self._swap = swap
        self._experiments = experiments
        self.log = log
        self._exposure = exposure
        self._known_as = known_as
        self._names: dict[str, tuple[float, str]] = {}  # user_id → until when it is known, the name
        self.errors = ErrorWatch()
        self.candidates: Counter[tuple[str, str]] = Counter()  # (scenario, source) → proposed so far
        self.prepare()

    def prepare(self) -> None:
        """Have the bundles of running experiments ready; after experiments began or ended."""
        self._swap.keep(arm.bundle for one in self._experiments.running.values() for arm in one.arms if arm.bundle)

    def recommend(
        self, wish: Wish, user_id: str | None = None, session_id: str | None = None, *, noted: bool = True
    ) -> Shown:
        """The best products for a person or a guest's session. `Runtime.wish` makes a wish of a scenario. `noted`:
        whether it was really shown, so that it is written down and caps know of it."""
        arms = self.arms(user_id, session_id)
        shelf, wish = self._as_in(arms, wish, user_id, session_id)
        shown = self._answered(
            shelf,
            lambda: self._home.recommend(shelf, wish, user_id, session_id),
            lambda: Shown(secrets.token_hex(12), without_model(shelf, wish)),
        )
        shown = replace(shown, answer=with_unknown(shown.answer, shelf, (wish.viewing, *wish.cart), wish.language))
        for source, count in shown.answer.candidates.items():
            self.candidates[wish.scenario, source] += count
        if noted:
            self.note(shown, "recommend", user_id, session_id, scenario=wish.scenario, arms=arms, wish=wish)
        return shown

    def _answered(self, shelf: Shelf, answer: Callable[[], Given], otherwise: Callable[[], Given]) -> Given:
        """The answer; a model that fails costs its answer, not the request."""
        try:
            given = answer()
        except ShoplensError:
            raise
        except Exception:
            log.exception("bundle %s failed to answer", shelf.version)
            self.errors.failed(shelf.version)
            return otherwise()
        self.errors.answered(shelf.version)
        return given

    def similar(
        self,
        item_id: str,
        wish: Wish,
        user_id: str | None = None,
        session_id: str | None = None,
        *,
        noted: bool = True,
    ) -> Shown:
        """Products like one product. NotFoundError for an unknown one."""
        arms = self.arms(user_id, session_id)
        shelf, wish = self._as_in(arms, wish, user_id, session_id)
        shown = self._answered(
            shelf,
            lambda: Shown(*similar(shelf, item_id, wish)),
            lambda: Shown(secrets.token_hex(12), without_model(shelf, replace(wish, viewing=item_id))),
        )
        if noted:
            self.note(shown, "similar", user_id, session_id, scenario=wish.scenario, arms=arms, wish=wish)
        return shown

    def complete(self, wish: Wish, question: CartQuestion, *, noted: bool = True) -> Completed:
        """What completes a cart. `Runtime.cart_wish` makes a wish of a scenario."""
        user_id, session_id = question.user_id, question.session_id
        arms = self.arms(user_id, session_id)
        shelf, wish = self._as_in(arms, wish, user_id, session_id)
        completed = self._answered(
            shelf,
            lambda: self._cart.complete(shelf, wish, question),
            lambda: Completed(
                secrets.token_hex(12),
                without_model(shelf, replace(wish, cart=question.items, viewing=question.viewing)),
                ("popular", "new"),
            ),
        )
        answer = with_unknown(completed.answer, shelf, (question.viewing, *question.items), wish.language)
        completed = replace(completed, answer=answer)
        if noted:
            shown = Shown(completed.impression_id, completed.answer)
            self.note(shown, "cart", user_id, session_id, scenario=wish.scenario, arms=arms, wish=wish)
        return completed

    def arms(self, user_id: str | None, session_id: str | None = None) -> Mapping[str, Arm]:
        """Experiment → arm of a person, in experiments whose bundles are ready here. Who signed in stays in the arm of
        the session that they came from."""
        running = self._experiments.running
        person = session_id if user_id is None else user_id
        if person is None or not running:
            return {}
        if user_id is not None:
            person = self._name(user_id)
        return {
            name: arm for name, one in running.items() if self._ready(one) and (arm := one.arm_of(person)) is not None
        }

    def signed_in(self, user_id: str) -> None:
        """Somebody just did: look their name up again."""
        self._names.pop(user_id, None)

    def forget(self, who: str) -> None:
        """Nothing of this person, or guest's session, stays in memory."""
        self._names.pop(who, None)
        self._exposure.forget(who)

    def forget_everybody(self) -> None:
        """Nothing by person stays in memory."""
        self._names.clear()
        self._exposure.forget_everybody()

    def _name(self, user_id: str) -> str:
        now = time.monotonic()
        kept = self._names.get(user_id)
        if kept is not None and now < kept[0]:
            return kept[1]
        try:
            name = self._known_as(user_id)
        except StoreError:  # the store is away: the answer goes on, under the person's own name
            return user_id
        if len(self._names) >= MOST_NAMES:
            self._names.clear()
        self._names[user_id] = now + NAME_SECONDS, name
        return name

    def note(
        self,
        shown: Shown,
        route: str,
        user_id: str | None,
        session_id: str | None,
        *,
        scenario: str = "",
        arms: Mapping[str, Arm],
        wish: Wish | None = None,
    ) -> None:
        """Write an answer down, beside the request."""
        answer: Answer = shown.answer
        moment, who = int(time.time() * 1e6), user_id or session_id
        if who is not None and wish is not None and wish.cap is not None:
            self._exposure.note(who, shown.impression_id, moment, [one.item_id for one in answer.items])
        if self.log is None:
            return
        self.log.put(
            ImpressionRecord(
                impression_id=shown.impression_id,
                timestamp=moment,
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
                wish=wish_json(wish) if wish is not None and answer.propensities else None,
                score=sum(one.score for one in answer.items) / len(answer.items) if answer.items else None,
            )
        )

    def _as_in(
        self, arms: Mapping[str, Arm], wish: Wish, user_id: str | None, session_id: str | None
    ) -> tuple[Shelf, Wish]:
        """What these arms answer from, and with which wishes: what a request says itself goes before, and a cap knows
        what the person was shown."""
        shelf = self._swap.shelf
        wishes = self._experiments.wishes
        for experiment, arm in arms.items():
            if arm.bundle is not None:
                shelf = self._swap.beside.get(arm.bundle, shelf)
            changes = wishes.get((experiment, arm.name))
            if changes is not None:
                wish = changes.over(wish)
        if wish.cap is not None:
            wish = replace(wish, shown=self._exposure.shown(wish.cap, user_id, session_id))
        return shelf, wish

    def _ready(self, experiment: Experiment) -> bool:
        return all(arm.bundle is None or arm.bundle in self._swap.beside for arm in experiment.arms)
