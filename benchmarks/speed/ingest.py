"""Events a second from Parquet and CSV into a new SQLite store, and the memory it takes as the file grows.

The whole path that `shoplens ingest events` takes: read, clean, report, store. One JSON object on stdout. Each run has
a process of its own, so that its peak memory is its own. `--rows` changes the largest file (default: 2 million).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KINDS = ("parquet", "csv")
PEOPLE, PRODUCTS = 100_000, 50_000
SEED = 0


def make(path: Path, rows: int) -> None:
    """A log as shops have them: by time, a few very active people, a few very popular products."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED)
    person = (PEOPLE * rng.random(rows) ** 2).astype(np.int64)
    product = (PRODUCTS * rng.random(rows) ** 3).astype(np.int64)
    table = pl.DataFrame(
        {
            "user_id": pl.Series(person).cast(pl.String),
            "item_id": pl.Series(product).cast(pl.String),
            "event_type": np.array(["view", "view", "view", "cart", "purchase"])[rng.integers(0, 5, rows)],
            "timestamp": 1_700_000_000 + np.arange(rows),
            "quantity": rng.integers(1, 4, rows),
            "price": np.round(rng.lognormal(2.5, 0.2, rows), 2),
        }
    )
    if path.suffix == ".parquet":
        table.write_parquet(path)
    else:
        table.write_csv(path)


def measure(path: Path) -> None:
    """Take a file in and print what it took."""
    from shoplens.service.intake import ingest_events
    from shoplens.store.sql import open_store

    store = open_store(f"sqlite:///{path.with_suffix('.sqlite')}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    processor, began = time.process_time(), time.perf_counter()
    done = ingest_events(store, str(path), report_path=path.with_suffix(".jsonl"))
    seconds = time.perf_counter() - began
    result = {
        "rows": done["rows"],
        "stored": done["stored"],
        "rows_per_second": round(done["rows"] / seconds),
        "rows_per_processor_second": round(done["rows"] / (time.process_time() - processor)),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "rss_before_mb": round(before),
        "database_mb": round(path.with_suffix(".sqlite").stat().st_size / 2**20),
    }
    store.close()
    print(json.dumps(result))


def main() -> None:
    """Make each file, take it in, compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=2_000_000)
    options.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.make:
        make(chosen.make, chosen.rows)
        return
    if chosen.measure:
        measure(chosen.measure)
        return
    result: dict[str, object] = {"task": "ingest events", "seed": SEED}
    for kind in KINDS:
        runs = []
        for rows in (chosen.rows // 4, chosen.rows // 2, chosen.rows):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"events.{kind}"
                this = [sys.executable, __file__]
                subprocess.run([*this, "--make", str(path), "--rows", str(rows)], check=True)
                done = subprocess.run([*this, "--measure", str(path)], check=True, stdout=subprocess.PIPE, text=True)
                runs.append(json.loads(done.stdout))
                print(f"{kind}: {runs[-1]}", file=sys.stderr)
        result[kind] = runs
    print(json.dumps(result))


if __name__ == "__main__":
    main()
