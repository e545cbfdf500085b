"""Training and answering speed of Shoplens' transformer beside RecTools' SASRec on the same sequences.

    python -m benchmarks.speed.recommend_sequence [--data FOLDER] [--rounds 2] [--peer-python PATH]

FOLDER holds train.csv and valid.csv; only train.csv is learnt from. Without it sequences are made up, in the shape of
Amazon Beauty. Both have the same width, layers, heads, sequence length and number of sequences a step, on all cores;
quality is not judged here. Shoplens is measured twice: as it is used (a catalogue above 8,192 products is sampled),
and with the whole catalogue as candidates, which is what SASRec's default loss does. The first are whole epochs. An
epoch of the second is extrapolated from a tenth of the people (--whole-share), and the peer's from --steps steps,
because they take minutes. One person's top 20 is asked of the transformer, of our linear model and of the peer. Sides
alternate; ratios are peer's time / ours, round by round. RecTools runs in an environment of its own, made on first use
under ~/.cache/shoplens/benchmarks; without network it is left out and the result says so. One JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.peer_environment import peer_python
from benchmarks.speed.spread import ratios, spread
from benchmarks.speed.synthetic import sequences
from shoplens.domain.dataset import Interactions, TrainingData
from shoplens.learning.benchmark_data import read_benchmark
from shoplens.learning.top import top_items
from shoplens.models.base import Recommender
from shoplens.models.fusion import Fusion, FusionConfig
from shoplens.models.linear import Linear

TOP = 20
PEER = Path(__file__).with_name("rectools_sasrec.py")
VARIANTS = ("as_used", "whole_catalogue")  # the second is extrapolated


def epoch_seconds(data: Interactions, wanted: argparse.Namespace) -> tuple[dict[str, float], Fusion]:
    """Seconds of one epoch of each variant, and the network as it is used."""
    model = fitted(data, wanted, "as_used")
    people = np.random.default_rng(wanted.seed).random(len(data.users)) < wanted.whole_share
    some = data.take(people[data.user])
    sampled = fitted(some, wanted, "whole_catalogue")
    seconds = [float(np.mean([one["seconds"] for one in fit.history])) for fit in (model, sampled)]
    return dict(zip(VARIANTS, (seconds[0], seconds[1] * len(data) / len(some)), strict=True)), model


def fitted(data: Interactions, wanted: argparse.Namespace, variant: str) -> Fusion:
    """Our network after `--epochs` epochs."""
    tokens = np.bincount(data.user)
    mean = float(np.minimum(tokens[tokens > 0], wanted.length).mean())
    whole: dict[str, Any] = {"full_softmax": len(data.items)} if variant == "whole_catalogue" else {}
    config = FusionConfig(
        history="transformer",
        embedding_size=wanted.dim,
        layers=wanted.layers,
        heads=wanted.heads,
        max_events=wanted.length,
        batch_tokens=max(1, round(wanted.batch * mean)),  # packed: this many tokens are `batch` sequences
        epochs=wanted.epochs,
        validation_people=0,
        seed=wanted.seed,
        **whole,
    )
    return Fusion(config).fit(TrainingData(data))


def one_person_ms(model: Recommender, data: Interactions, requests: int) -> list[float]:
    """Milliseconds of single requests: the best 20 products that the person does not have."""
    histories, result = data.histories(), []
    for person in range(min(requests + 2, len(histories))):
        one = histories.take(person, person + 1)
        began = time.perf_counter()
        scores = model.score(one)
        scores[:, one.item] = -np.inf
        top_items(scores, TOP)
        result.append(1e3 * (time.perf_counter() - began))
    return result[2:]


def ask_peer(python: Path, events: Path, wanted: argparse.Namespace) -> dict[str, Any]:
    """One run of RecTools' SASRec."""
    shape = {name: getattr(wanted, name) for name in ("dim", "layers", "heads", "length", "batch", "steps", "requests")}
    options = [text for name, value in shape.items() for text in (f"--{name}", str(value))]
    done = subprocess.run(
        [str(python), str(PEER), "--events", str(events), "--loss", wanted.peer_loss, *options],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def write_events(data: Interactions, path: Path) -> None:
    """The file that the peer reads: rows as ids, one second an event, in each person's order."""
    order = np.lexsort((data.timestamp, data.user))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("user_id", "item_id", "datetime"))
        writer.writerows(zip(data.user[order].tolist(), data.item[order].tolist(), range(len(order)), strict=True))


def measured(data: Interactions, wanted: argparse.Namespace, python: Path | None) -> dict[str, Any]:
    """All rounds, side by side."""
    epochs: dict[str, list[float]] = {name: [] for name in VARIANTS}
    ours_ms, linear_ms, peers = [], [], []
    linear = Linear(select=False).fit(TrainingData(data))
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.csv"
        write_events(data, events)
        for turn in range(wanted.rounds):
            seconds, model = epoch_seconds(data, wanted)
            for variant in VARIANTS:
                epochs[variant].append(seconds[variant])
            ours_ms.append(one_person_ms(model, data, wanted.requests))
            linear_ms.append(one_person_ms(linear, data, wanted.requests))
            print(f"round {turn + 1}: ours {epochs}", file=sys.stderr, flush=True)
            if python is not None:
                peers.append(ask_peer(python, events, wanted))
                print(f"round {turn + 1}: peer {peers[-1]['epoch_s_extrapolated']:.1f} s", file=sys.stderr, flush=True)
    result: dict[str, Any] = {
        "shoplens": {
            **{f"epoch_s_{name}": spread(values) for name, values in epochs.items()},
            "one_person_ms": spread([float(np.median(one)) for one in ours_ms]),
            "one_person_p99_ms": spread([float(np.percentile(one, 99)) for one in ours_ms]),
            "one_person_linear_ms": spread([float(np.median(one)) for one in linear_ms]),
        }
    }
    if peers:
        epoch = [one["epoch_s_extrapolated"] for one in peers]
        medians = [float(np.median(one["one_person_ms"])) for one in peers]
        result["rectools"] = {
            "epoch_s_extrapolated": spread(epoch),
            "steps_measured_a_round": peers[0]["steps_measured"],
            "steps_an_epoch": peers[0]["steps_an_epoch"],
            "one_person_ms": spread(medians),
        }
        result["ratios"] = {f"epochs_a_second_{name}": ratios(epoch, values) for name, values in epochs.items()}
        for name, found in (("one_person", ours_ms), ("one_person_linear", linear_ms)):
            result["ratios"][name] = ratios(medians, [float(np.median(one)) for one in found])
    return result


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="benchmark folder with train.csv and valid.csv")
    parser.add_argument("--people", type=int, default=22_000)
    parser.add_argument("--products", type=int, default=12_000)
    parser.add_argument("--each", type=float, default=8.9, help="events a person")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=1, help="of ours, a round")
    parser.add_argument("--steps", type=int, default=12, help="of the peer, a round")
    parser.add_argument("--whole-share", type=float, default=0.1, help="of the people, for the whole catalogue")
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--dim", type=int, default=96)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--length", type=int, default=50)
    parser.add_argument("--batch", type=int, default=128, help="sequences a step")
    parser.add_argument("--peer-loss", default="softmax", help="RecTools' default is the softmax over all products")
    parser.add_argument("--peer-python", type=Path, help="interpreter of an environment that has RecTools")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    if wanted.data is None:
        data, name = sequences(wanted.people, wanted.products, wanted.each, wanted.seed), "synthetic: shape of Beauty"
    else:
        with tempfile.TemporaryDirectory() as cache:
            found = read_benchmark(wanted.data, cache=Path(cache))
        data, name = found.train, found.name
    python, missing = wanted.peer_python, "not asked for" if wanted.no_peer else None
    if python is None and not wanted.no_peer:
        try:
            python = peer_python("rectools")
        except (OSError, subprocess.CalledProcessError) as error:
            missing = f"RecTools could not be installed, ours stands alone: {error}"
            print(missing, file=sys.stderr)
    shape = {key: getattr(wanted, key) for key in ("dim", "layers", "heads", "length", "batch")}
    result = {
        "benchmark": "recommend_sequence",
        "data": name,
        "people": len(data.users),
        "products": len(data.items),
        "events": len(data),
        **shape,
        **({} if missing is None else {"peer_missing": missing}),
        **measured(data, wanted, None if missing else python),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
