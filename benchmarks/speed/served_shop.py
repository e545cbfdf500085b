"""The synthetic shop of benchmarks that ask a service: built for them, and kept where that is wanted."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shoplens.testing.large_shop import LargeShop
from shoplens.testing.large_shop_served import make_served


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `served` reads."""
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=20_000, help="with 20 events each")
    parser.add_argument("--keep", type=Path, help="build the shop here and use it again next time")


@contextmanager
def served(wanted: argparse.Namespace) -> Iterator[tuple[LargeShop, Path]]:
    """The shop and its folder, ready to be served."""
    shop = LargeShop(wanted.products, wanted.people, seed=0)
    with tempfile.TemporaryDirectory(prefix="shoplens-served-") as temporary:
        folder = wanted.keep if wanted.keep is not None else Path(temporary)
        make_served(shop, folder, lambda said: print(said, file=sys.stderr, flush=True))
        yield shop, folder
