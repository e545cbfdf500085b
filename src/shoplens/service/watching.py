"""Follows what other processes change, in a thread: the catalogue, the bundle that answers, keys, experiments, people
who are forgotten, what people say; and takes back bundles whose answers fail."""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

from shoplens.errors import ShoplensError
from shoplens.service.answers import Answers
from shoplens.service.experiments import Experiments
from shoplens.service.hot_swap import HotSwap
from shoplens.service.keyring import Keyring
from shoplens.service.trouble import Trouble
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

log = logging.getLogger(__name__)
FOLLOW_EVERY = 0.5  # seconds between looks at the store for other processes' changes of the catalogue
LOOK_EVERY = 1.0  # seconds between looks at everything else


class Watched(Protocol):
    """A running shop, as far as it is looked after here; see `Runtime`."""

    workspace: Workspace
    store: Store
    swap: HotSwap
    keyring: Keyring
    experiments: Experiments
    answers: Answers

    def follow(self) -> int:
        """Take in what other processes changed in the catalogue."""
        ...

    def follow_embedding(self) -> None:
        """Take in new vectors."""
        ...

    def follow_trends(self) -> None:
        """Take in what other processes' events say is wanted."""
        ...

    def follow_opinions(self) -> None:
        """Take in what is said about products."""
        ...

    def warm_assistant(self) -> None:
        """Read documents and intents before the first customer asks."""
        ...

    def forget_everybody(self) -> None:
        """Give up what is remembered by person."""
        ...


class Watching:
    """Of one running shop; `start` begins, `close` ends."""

    def __init__(self, shop: Watched) -> None:
        self._shop = shop
        self._erased = shop.store.erasures.last()
        self._again = False  # whether what is kept by person goes once more
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = Trouble(log, "looking for changes failed")

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._thread is not None

    def start(self) -> None:
        """Look again and again, until `close`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="shoplens-watch", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End, after the look that is being taken."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def look(self) -> None:
        """One look at everything but the catalogue."""
        shop = self._shop
        shop.swap.follow()
        self._take_back_what_fails()
        shop.keyring.follow()
        if shop.experiments.follow():
            shop.answers.prepare()
        self._follow_erasures()
        shop.follow_trends()
        shop.follow_opinions()
        shop.follow_embedding()

    def _run(self) -> None:
        self._shop.warm_assistant()
        due = time.monotonic()
        while not self._stop.wait(min(FOLLOW_EVERY, LOOK_EVERY)):
            try:
                self._shop.follow()
                if time.monotonic() >= due:
                    due = time.monotonic() + LOOK_EVERY
                    self.look()
                self._trouble.over()
            except ShoplensError as error:  # the store is away: the answers go on, the next look tries again
                self._trouble.met(error)

    def _take_back_what_fails(self) -> None:
        """A bundle that fails too often gives way to the one before, and experiments that let it answer end, for all
        processes."""
        shop = self._shop
        if not shop.workspace.settings.schedule.rollback:
            return
        for version in shop.answers.errors.failing():
            shop.answers.errors.forget(version)
            self._end_experiments(version)
            if version == shop.swap.shelf.version:
                from shoplens.service.schedule import roll_back

                roll_back(shop.workspace.bundles, version, "its answers failed")
                shop.swap.follow()

    def _end_experiments(self, version: str) -> None:
        """Without one of its arms an experiment compares nothing, so everybody gets the shop as it is."""
        shop = self._shop
        for name, experiment in shop.experiments.running.items():
            arms = [arm.name for arm in experiment.arms if arm.bundle == version]
            if not arms:
                continue
            why = f"the answers of bundle {version} (arm {', '.join(arms)}) failed"
            try:
                shop.experiments.stop(name, why)
            except ShoplensError as error:
                log.error("experiment %s should end (%s), but %s", name, why, error)
            else:
                log.error("experiment %s ended: %s", name, why)
        shop.answers.prepare()

    def _follow_erasures(self) -> None:
        """Another process forgot somebody: the record does not say whom, so what is kept by person here goes; and once
        more a look later, since an answer that was under way may have brought some back."""
        last = self._shop.store.erasures.last()
        if last != self._erased or self._again:
            self._again = last != self._erased
            self._shop.forget_everybody()
            self._erased = last
