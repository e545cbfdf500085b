"""Every benchmark, one after the other, each in a process of its own: `make bench`, or `python -m benchmarks [NAME…]`.

Each prints one JSON object; all end up in report/bench.json. `bench recommend` needs data that are not part of the
project: set SHOPLENS_BENCH to a folder with recommend/NAME/{train,valid}.csv, else it is left out and said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = Path("report") / "bench.json"


def commands() -> dict[str, list[str]]:
    """Name → command line."""
    shoplens = [sys.executable, "-c", "from shoplens.cli import main; main()"]
    found = {path.stem: [sys.executable, str(path)] for path in sorted((HERE / "speed").glob("*.py"))}
    found["latency"] = [*shoplens, "bench", "latency", "--json"]
    data = os.environ.get("SHOPLENS_BENCH")  # noqa: TID251 - a benchmark's own, not a setting of a shop
    for folder in sorted(Path(data, "recommend").glob("*/train.csv")) if data else []:
        found[f"recommend {folder.parent.name}"] = [*shoplens, "bench", "recommend", str(folder.parent), "--json"]
    if not data:
        print("SHOPLENS_BENCH is not set: bench recommend is left out", file=sys.stderr)
    return found


def main(wanted: list[str]) -> int:
    """Run those whose name begins with one of `wanted` (default: all); 1 when any failed."""
    results: dict[str, object] = {}
    failed = []
    for name, command in commands().items():
        if wanted and not any(name.startswith(one) for one in wanted):
            continue
        print(f"— {name}", file=sys.stderr, flush=True)
        began = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
        if done.returncode != 0 or not last.startswith("{"):
            failed.append(name)
            print(f"  failed with exit code {done.returncode}", file=sys.stderr)
            continue
        results[name] = json.loads(last)
        print(f"{name} ({time.perf_counter() - began:.0f} s): {last}", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2), encoding="utf-8")
    print(f"{len(results)} passed, {len(failed)} failed; figures in {RESULTS}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
