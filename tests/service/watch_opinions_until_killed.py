"""Watches a growing file; run by test_opinions_kill, which kills it. Arguments: workspace, file, what is followed."""

from __future__ import annotations

import sys
from pathlib import Path

from shoplens.ingest.report import IngestReport
from shoplens.service import opinion_sources
from shoplens.service.opinion_sources import SourceOptions
from shoplens.service.opinion_watch import Watched, watch
from shoplens.service.runtime import Runtime


def main() -> None:
    folder, file, follow = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "follow"
    opinion_sources.BATCH = 40  # many turns, so that a kill falls into one

    def tell(now: Watched) -> None:
        print(now.posts, flush=True)

    with Runtime.open(folder) as shop, IngestReport() as report:
        print("ready", flush=True)
        watch(shop.opinions, [file], options=SourceOptions("made up"), report=report, follow=follow, tell=tell)


if __name__ == "__main__":
    main()
