"""Which bundle answers in a running shop, and what is known of the others: promoted, taken back, judged, replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shoplens.errors import BundleError
from shoplens.service import bundle_pointer, journal
from shoplens.service.bundle import read_manifest
from shoplens.service.hot_swap import HotSwap
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

if TYPE_CHECKING:
    from shoplens.service.gate import Verdict
    from shoplens.service.replay import Replay


class BundleLife:
    """`flush`: writes down which answers were given, as far as that waits."""

    def __init__(self, workspace: Workspace, store: Store, swap: HotSwap, flush: Callable[[], object]) -> None:
        self._workspace, self._store, self._swap, self._flush = workspace, store, swap, flush
        self._folder = workspace.bundles

    def promote(self, version: str) -> str | None:
        """Let a bundle answer; returns the one before. BundleError when it cannot be used: then nothing changes."""
        before = bundle_pointer.promote(self._folder, version)
        self._swap.follow()
        if (problem := self._swap.problem) is not None:
            if before is not None:
                bundle_pointer.rollback(self._folder, version)
                self._swap.follow()
            raise BundleError(problem)
        journal.note_by_hand(self._folder, "promoted", version, before)
        return before

    def rollback(self, version: str | None = None) -> str:
        """Return to the bundle before the current one (which must be `version`, when given)."""
        left = version or bundle_pointer.current_version(self._folder)
        now = bundle_pointer.rollback(self._folder, version)
        journal.note_by_hand(self._folder, "rolled_back", left, now)
        self._swap.follow()
        if self._swap.problem is not None:
            raise BundleError(self._swap.problem)
        return now

    def judge(self, version: str, since: int | None = None) -> Verdict:
        """What people did from `since` (microseconds) on says about a bundle, beside the one that answers; by default
        from where neither has learnt. NotFoundError, BundleError for one that cannot be used."""
        from shoplens.service.gate import judge

        bundle_pointer.bundle_folder(self._folder, version)
        self._swap.follow()
        candidate, current = self._swap.shelf_of(version), self._swap.shelf
        if since is None:
            since = 1 + max(self._last_event(one.version) for one in (candidate, current))
        settings = self._workspace.settings
        return judge(
            self._store,
            candidate,
            current,
            since,
            settings.schedule,
            repeat=settings.train.repeat,
            limit=settings.train.max_history,
        )

    def replay(self, version: str, *, days: float = 28.0, places: int = 1, reward: str = "click") -> Replay:
        """What a bundle would have earned where others answered, from the places that were left to chance after it was
        trained. NotFoundError, BundleError; InputError when no answer can be used."""
        from shoplens.service.replay import replay

        bundle_pointer.bundle_folder(self._folder, version)
        self._flush()
        settings = self._workspace.settings
        return replay(
            self._store,
            self._swap.shelf_of(version),
            since=self._last_event(version),
            places=places,
            reward=reward,
            days=days,
            window_days=settings.impressions.window_days,
            settle_minutes=settings.schedule.settle_minutes,
            limit=settings.train.max_history,
        )

    def _last_event(self, version: str | None) -> int:
        """The last moment that a bundle learnt from; -1 where it does not say."""
        if version is None:
            return -1
        return int(read_manifest(self._folder / version)["extra"].get("last_event", -1))
