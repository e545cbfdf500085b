"""The opinion monitor: how well tone is read, how soon planted surges are found, and how often there is a false alarm.

    SHOPLENS_BENCH=DIR python -m benchmarks.quality.opinions [--data NAME] [--replays 60] [--years 10] [--vectors]
        [--plot FILE]

DIR/classify/{phrasebank,online_shopping_zh}/train.csv. Each is cut in two by a hash of the text: tone models are
trained on one part, replays are made of what they say of the other (see `opinion_replays`: rhythm, topics and surges
are built).
Thresholds of the charts that stand beside are set on replays of their own, so that they too raise one false alarm a
year; the plain z-test at three standard deviations is shown as it is commonly used. Prints one JSON object; intervals
are 95 %: Wilson's for shares, exact Poisson for false alarms, bootstrap for medians.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2

from benchmarks.quality.opinion_replays import HOUR, Chart, Planted, Replay, Said, alarms_of_monitor, build, judged
from shoplens.apps.opinions.surges import DAY, SurgeSettings
from shoplens.apps.opinions.tone import ReadsTone, ToneByExamples, ToneByModel, ToneByWords
from shoplens.apps.opinions.vectors import Vectors
from shoplens.domain.opinions import wilson
from shoplens.models.classifier.linear import LinearClassifier

DATASETS = ("phrasebank", "online_shopping_zh")
NEGATIVE = 2  # column of tones
MOST_TRAIN, MOST_TEST = 4_000, 3_000
SIZES = {  # what a day of the topic is like: negative share, times as many posts
    "share .2 to .4": (0.4, 1.0),
    "share .2 to .6": (0.6, 1.0),
    "share .2 to .8": (0.8, 1.0),
    "share .2 to .6, twice the posts": (0.6, 2.0),
    "three times the posts": (0.2, 3.0),
}
DAYS, PER_DAY = 35, 300.0
CALM_DAYS = 73  # of a replay without a surge: a fifth of a year
ALARMS_PER_YEAR = 1.0


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, default=60, help="of each size and data set")
    parser.add_argument("--years", type=int, default=10, help="without a surge, for false alarms")
    parser.add_argument("--data", action="append", choices=DATASETS, help="one of the data sets; repeat for several")
    parser.add_argument("--vectors", action="store_true", help="read tones with the text encoder too (minutes)")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    bench = os.environ.get("SHOPLENS_BENCH")  # noqa: TID251 where the data are, not a setting
    if not bench:
        sys.exit("set SHOPLENS_BENCH to the folder that holds classify/")
    result: dict[str, Any] = {
        "usual_share": 0.2,
        "posts_a_day": PER_DAY,
        "days": DAYS,
        "surge_hours": 24,
        "built": True,
    }
    for number, name in enumerate(given.data or DATASETS):
        said, tones = read_tones(Path(bench) / "classify" / name / "train.csv", vectors=given.vectors, seed=given.seed)
        began = time.perf_counter()
        figures, example = surges(said, given.replays, given.years, given.seed)
        result[name] = {"tone": tones, **figures, "seconds": round(time.perf_counter() - began, 1)}
        print(name, json.dumps(result[name]), file=sys.stderr, flush=True)
        if given.plot is not None and number == 0:
            draw(figures, example, given.plot)
    print(json.dumps(result))


def read_tones(file: Path, *, vectors: bool, seed: int) -> tuple[Said, dict[str, Any]]:
    """What the trained model says of held-out texts, and how each way of reading tone does on them."""
    texts, labels = load(file)
    first = np.array([_hash(text) % 2 == 0 for text in texts])
    random = np.random.default_rng(seed)
    train, test = (
        random.permutation(np.flatnonzero(part))[:most] for part, most in ((first, MOST_TRAIN), (~first, MOST_TEST))
    )
    encoder = _encoder() if vectors else None
    model = LinearClassifier.fit([texts[k] for k in train], [labels[k] for k in train], encoder=encoder, seed=seed)
    ways: dict[str, ReadsTone] = {"words": ToneByWords(), "trained": ToneByModel(model)}
    if encoder is not None:
        ways["examples"] = ToneByExamples(encoder)
    asked, truth = [texts[k] for k in test], np.array([labels[k] for k in test])
    names = np.array(["positive", "neutral", "negative"])
    known = np.isin(names, truth)
    told: dict[str, Any] = {"trained_on": len(train), "judged_on": len(test)}
    values, counts = np.unique(truth, return_counts=True)
    told["majority"] = {"accuracy": round(float(counts.max() / len(truth)), 4)}
    said: dict[str, Any] = {}
    for way, reader in ways.items():
        likely = reader.tones(asked)
        said[way] = likely
        own = np.where(known, likely, -1.0)  # only tones that the labels know: these reviews know no neutral
        told[way] = _tone_figures(names[own.argmax(axis=1)], truth, values, likely)
    read = said["trained"].argmax(axis=1) == NEGATIVE
    return Said(read[truth != "negative"], read[truth == "negative"]), told


def surges(said: Said, replays: int, years: int, seed: int) -> tuple[dict[str, Any], Replay]:
    """Every detector on the same replays."""
    settings = SurgeSettings(alarms_per_year=ALARMS_PER_YEAR)
    calm, calibration = (
        [build(said, seed + part + k, days=CALM_DAYS, per_day=PER_DAY, planted=None) for k in range(5 * years)]
        for part in (10_000, 20_000)
    )
    detectors: dict[str, Any] = {"monitor": lambda replay: alarms_of_monitor(replay, settings)}
    detectors["EWMA chart, calibrated"] = calibrated(0.1, calibration, years).alarms
    detectors["z-test an hour, calibrated"] = calibrated(1.0, calibration, years).alarms
    detectors["z-test an hour, 3 sigma"] = Chart(1.0, 3.0).alarms
    told: dict[str, Any] = {"replays": replays, "calm_years": years, "detectors": {}}
    planted = {
        size: [_planted(said, seed + k, share, times) for k in range(replays)] for size, (share, times) in SIZES.items()
    }
    for name, alarms in detectors.items():
        false = sum(judged(one, alarms(one))[1] for one in calm)
        found = {size: [judged(one, alarms(one)) for one in some] for size, some in planted.items()}
        told["detectors"][name] = {
            "false_alarms_a_year": round(false / years, 3),
            "false_alarms_95": [round(bound, 3) for bound in poisson(false, years)],
            **{size: _delays([first for first, _ in some]) for size, some in found.items()},
        }
    return told, planted["share .2 to .6"][0]


def calibrated(weight: float, calm: Sequence[Replay], years: int) -> Chart:
    """The lowest limit at which a chart raises no more than the stated false alarms on replays without a surge."""
    counted = [(one, one.windows(HOUR)) for one in calm]
    for limit in np.arange(2.5, 12.0, 0.25):
        chart = Chart(weight, float(limit))
        if sum(judged(one, chart.of_hours(hours))[1] for one, hours in counted) <= ALARMS_PER_YEAR * years:
            break
    return chart


def draw(figures: dict[str, Any], example: Replay, file: Path) -> None:
    """One replay with what was found in it, and how many surges of each size were found how soon."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    page, (above, below) = plt.subplots(2, 1, figsize=(9, 7))
    quarter = DAY // 4
    shares = [counts.get("topic:one") for counts in example.windows(quarter)]
    days = [place / 4 for place, one in enumerate(shares) if one is not None]
    above.plot(days, [one.share for one in shares if one is not None], lw=0.8, label="negative share of the topic, 6 h")
    assert example.planted is not None
    start, length = example.planted.start / DAY, example.planted.length / DAY
    above.axvspan(start, start + length, color="tab:red", alpha=0.2, label="planted surge")
    for number, end in enumerate(alarms_of_monitor(example, SurgeSettings(alarms_per_year=ALARMS_PER_YEAR))):
        above.axvline(end / DAY, color="tab:red", ls="--", label="alarm" if not number else None)
    above.set(xlabel="day", ylabel="share", title="One replay (built: rhythm, topic and surge; real: texts and tones)")
    above.legend(loc="upper left", fontsize=8)
    width = 0.2
    for number, (name, told) in enumerate(figures["detectors"].items()):
        places = np.arange(len(SIZES)) + width * number
        label = f"{name} ({told['false_alarms_a_year']:g} false a year)"
        below.bar(places, [told[size]["found"] for size in SIZES], width, label=label)
    below.set_xticks(np.arange(len(SIZES)) + 1.5 * width, [size.replace(", ", ",\n") for size in SIZES], fontsize=8)
    below.set(ylabel="surges found", ylim=(0, 1.35))
    below.legend(fontsize=8, ncols=2)
    page.tight_layout()
    page.savefig(file, dpi=110)
    plt.close(page)


def load(file: Path) -> tuple[list[str], list[str]]:
    """Texts and labels, each text once."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["text"].strip("\ufeff "): row["label"] for row in csv.DictReader(stream)}
    return list(rows), list(rows.values())


def poisson(events: int, years: float) -> tuple[float, float]:
    """Exact 95 % interval of a rate (Garwood 1936)."""
    low = chi2.ppf(0.025, 2 * events) / 2 / years if events else 0.0
    return float(low), float(chi2.ppf(0.975, 2 * events + 2) / 2 / years)


def _planted(said: Said, seed: int, share: float, times: float) -> Replay:
    start = int(np.random.default_rng(seed + 77).uniform(24, 32) * DAY)
    return build(said, seed, days=DAYS, per_day=PER_DAY, planted=Planted(start, DAY, share, times))


def _delays(delays: Sequence[float | None]) -> dict[str, Any]:
    found = np.array([one for one in delays if one is not None])
    told: dict[str, Any] = {"found": round(len(found) / len(delays), 4)}
    told["found_95"] = [round(bound, 4) for bound in wilson(len(found), len(delays))]
    if len(found):
        random = np.random.default_rng(0)
        medians = np.median(random.choice(found, (1_000, len(found))), axis=1)
        told["median_hours"] = round(float(np.median(found)), 2)
        told["median_hours_95"] = [round(float(bound), 2) for bound in np.quantile(medians, (0.025, 0.975))]
    return told


def _tone_figures(said: Any, truth: Any, values: Any, likely: Any) -> dict[str, Any]:
    right = said == truth
    low, high = wilson(int(right.sum()), len(right))
    f1 = [
        2 * np.sum((said == one) & (truth == one)) / max(np.sum(said == one) + np.sum(truth == one), 1)
        for one in values
    ]
    sure = likely.max(axis=1)
    bins = np.minimum((sure * 10).astype(int), 9)
    gap = sum(abs(sure[bins == k].mean() - right[bins == k].mean()) * np.mean(bins == k) for k in np.unique(bins))
    return {
        "accuracy": round(float(right.mean()), 4),
        "accuracy_95": [round(low, 4), round(high, 4)],
        "macro_f1": round(float(np.mean(f1)), 4),
        "calibration_error": round(float(gap), 4),
    }


def _encoder() -> Vectors:
    from shoplens.encoders.text import E5Encoder

    return Vectors(E5Encoder(Path.home() / ".cache" / "shoplens" / "models"), most=20_000)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


if __name__ == "__main__":
    main()
