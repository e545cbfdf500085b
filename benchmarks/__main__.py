"""Every benchmark, one after the other, each in a process of its own: `make bench`, or `python -m benchmarks [NAME…]`.

A name is the beginning of one or of several of: the scripts in benchmarks/speed and benchmarks/quality (each has
--help), `latency`, and the data sets below. Each prints JSON; the objects end up in report/bench.json. Data sets are
not part of the project: set SHOPLENS_BENCH to a folder with recommend/NAME/{train,valid}.csv to run `bench recommend`
and the training benchmarks on them too, and search/NAME/{products.csv,images.zip,…} for fine-tuning and `bench search`,
else that is left out and said. So is what is judged on the sample shop, unless `make demo` has made it.
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
KINDS = ("speed", "quality")
RUNNABLE = 'if __name__ == "__main__":'
SHOP = Path("demo-shop")  # where `shoplens demo` puts the sample shop
ON_THE_SHOP = ("sample_shop", "cart", "cart_answers", "profile")  # scripts that are given its folder
#: Run by another benchmark, some of them in an environment of their own.
DRIVEN = ("rectools_sasrec", "search_peers", "live_load", "implicit_service", "rectools_service")


def modules() -> list[str]:
    """The scripts that print a result: those with a command line of their own, by the module's name."""
    paths = [path for kind in KINDS for path in sorted((HERE / kind).glob("*.py"))]
    runnable = [path for path in paths if RUNNABLE in path.read_text(encoding="utf-8")]
    return [f"benchmarks.{path.parent.name}.{path.stem}" for path in runnable if path.stem not in DRIVEN]


def commands() -> dict[str, list[str]]:
    """Name → command line."""
    shoplens = [sys.executable, "-c", "from shoplens.cli import main; main()"]
    found = {module.rpartition(".")[2]: [sys.executable, "-m", module] for module in modules()}
    for name in ON_THE_SHOP:
        if (SHOP / "runs").is_dir():
            found[name].append(str(SHOP))
        else:
            del found[name]
            print(f"there is no shop in {SHOP} (make demo makes it): {name} is left out", file=sys.stderr)
    found["latency"] = [*shoplens, "bench", "latency", "--json"]
    gain, finetune, composition = (found.pop(name) for name in ("modality_gain", "finetune", "composition"))
    data = os.environ.get("SHOPLENS_BENCH")  # noqa: TID251 - a benchmark's own, not a setting of a shop
    for folder in sorted(Path(data, "recommend").glob("*/train.csv")) if data else []:
        name, given = folder.parent.name, ["--data", str(folder.parent)]
        found[f"recommend {name}"] = [*shoplens, "bench", "recommend", str(folder.parent), "--json"]
        found[f"recommend_train {name}"] = [*found["recommend_train"], *given]
        if (folder.parent / "features").is_dir():
            found[f"modality_gain {name}"] = [*gain, str(folder.parent)]
        with folder.open(encoding="utf-8") as file:
            ordered = "timestamp" in file.readline()
        if ordered:
            found[f"recommend_sequence {name}"] = [*found["recommend_sequence"], *given]
    search = [*shoplens, "bench", "search", "--json", "--task"]
    for photos in sorted(Path(data, "search").glob("*/images.zip")) if data else []:
        found[f"finetune {photos.parent.name}"] = [*finetune, str(photos.parent)]
        found[f"composition {photos.parent.name}"] = [*composition, str(photos.parent)]
        for task in ("text-photo", "text-title", "text-product"):
            found[f"search {photos.parent.name} {task}"] = [*search, task, str(photos.parent)]
    for photos in sorted(Path(data, "search").glob("*/photos-val.zip")) if data else []:
        found[f"search {photos.parent.name}"] = [*search, "photo-product", str(photos.parent)]
    if not data:
        print("SHOPLENS_BENCH is not set: bench recommend and bench search are left out", file=sys.stderr)
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
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode != 0 or not lines:
            failed.append(name)
            print(f"  failed with exit code {done.returncode}", file=sys.stderr)
            continue
        found = [json.loads(line) for line in lines]
        results[name] = found[0] if len(found) == 1 else found
        print(f"{name} ({time.perf_counter() - began:.0f} s): {json.dumps(results[name])}", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2), encoding="utf-8")
    print(f"{len(results)} passed, {len(failed)} failed; figures in {RESULTS}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
