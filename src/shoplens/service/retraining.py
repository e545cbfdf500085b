"""One training of the schedule, in a process of its own: `python -m shoplens.service.retraining ROOT SINCE`.

It learns from what happened before SINCE (microseconds), judges the result on what came since, learns how clicks order
search results, and prints one line of JSON. Whoever started it decides what to do. Its memory is its own, and may be
limited: a training that wants more ends, and nobody else notices.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from shoplens.service.workspace import Workspace
    from shoplens.store.base import Store


def main() -> None:
    """Train, judge, print."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("root", type=Path)
    given.add_argument("since", type=int)
    given.add_argument("--memory-mb", type=int, default=None)
    asked = given.parse_args()
    if asked.memory_mb is not None:
        limit_memory(asked.memory_mb)
    sys.stdout.write(orjson.dumps(retrain(asked.root, asked.since)).decode() + "\n")


def limit_memory(megabytes: int) -> None:
    """Of this process: what it may keep for itself. Mapped files do not count, they can be read again."""
    try:
        import resource
    except ModuleNotFoundError:  # not on Windows
        return
    size = megabytes << 20
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def retrain(root: Path, since: int) -> dict[str, Any]:
    """What became of it: `version` and the verdict, or `error`; `later`: why it could not even begin."""
    from shoplens.errors import ConflictError, ShoplensError

    try:
        from shoplens.service.runtime import Runtime  # here: with little memory even this is too much
        from shoplens.service.training import train_shop

        with Runtime.open(root) as shop:
            done = train_shop(shop.workspace, shop.store, before=since, ship=False)
            verdict = shop.bundles.judge(done.version, since).as_dict()
            return {"version": done.version, "verdict": verdict, "clicks": clicks_of(shop.workspace, shop.store)}
    except ConflictError as error:
        return {"later": str(error)}
    except ShoplensError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "it wanted more memory than schedule.memory_mb allows"}


def clicks_of(workspace: Workspace, store: Store) -> str:
    """Learn from clicks on search results, and say in a sentence what came of it: judged by itself, whatever becomes of
    the bundle. "" where nobody searched."""
    from shoplens.errors import ShoplensError
    from shoplens.service.search_learning import learn_from_clicks

    try:
        return learn_from_clicks(workspace, store).told if store.searches.count() else ""
    except ShoplensError as error:
        return f"nothing was learnt from clicks: {error}"


if __name__ == "__main__":
    main()
