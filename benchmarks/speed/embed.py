"""Titles and photos a second, beside sentence-transformers and plain loops; a second run; memory as a catalogue grows.

    python -m benchmarks.speed.embed [--titles 2000] [--photos 128] [--repetitions 5] [--memory 1000 10000 100000]

All on one core, on the very same weights, taking turns, so that a busy machine slows all alike; ratios are taken turn
by turn. Seconds of titles and photos are the processor's, those of the second run the clock's. The peers of `shoplens`
(as installed: matrices of bfloat16 where the processor has units for them, else the graph in int8) for titles:
`shoplens_few`, 8 titles a call, which the graph always reads; `shoplens_fp32`; `sentence_transformers`, torch fp32 in
batches of 32, which it sorts by length; `onnxruntime_batches`, the same fp32 graph in batches of 32 as they come,
padded; `onnxruntime_one`, one title a call. For photos: torch fp32 in batches of 16, and the graph photo by photo; all
prepare photos in the same way, decoding is nobody's. `second_run` embeds a catalogue into an empty table, then again.
`memory` embeds catalogues of growing size, each in a process of its own, with the encoder without weights, whose own
memory does not hide the rest. Products and photos are made up. Prints a table on stderr and one JSON object on stdout.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.spread import ratios, spread
from benchmarks.speed.synthetic_products import photos, products, titles

MODELS = Path.home() / ".cache" / "shoplens" / "models"
NAIVE_BATCH = 32
FEW = 8  # titles of a call that is read by the graph
PHOTO_BATCH = 16
WARM_UP = 64
Encode = Callable[[Sequence[Any]], Any]


def text_encoders(cache: Path, folder: Path) -> dict[str, Encode]:
    """Name → what makes vectors of titles [n, 384]."""
    from sentence_transformers import SentenceTransformer

    from benchmarks.speed.e5_folder import write_e5_folder
    from shoplens.encoders.model_cache import prepare
    from shoplens.encoders.session import open_session
    from shoplens.encoders.text import E5Encoder, conversion

    write_e5_folder(folder, cache)
    peer = SentenceTransformer(str(folder / "model"), device="cpu", local_files_only=True)
    int8, fp32 = (E5Encoder(cache, precision=precision, threads=1) for precision in ("int8", "fp32"))
    session = open_session(prepare(cache, conversion("fp32")).file("model.onnx"), 1)

    def plain(batch: int) -> Encode:
        def encode(texts: Sequence[str]) -> Any:
            made = []
            for start in range(0, len(texts), batch):
                rows = fp32.tokens(texts[start : start + batch])
                ids = np.ones((len(rows), max(map(len, rows))), np.int64)
                mask = np.zeros_like(ids)
                for place, row in enumerate(rows):
                    ids[place, : len(row)], mask[place, : len(row)] = row, 1
                made.append(session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0])
            return np.concatenate(made)

        return encode

    def few(texts: Sequence[str]) -> Any:
        return np.concatenate([int8.encode(texts[start : start + FEW]) for start in range(0, len(texts), FEW)])

    return {
        "shoplens": int8.encode,
        "shoplens_few": few,
        "shoplens_fp32": fp32.encode,
        "sentence_transformers": lambda texts: peer.encode(list(texts), prompt_name="passage", batch_size=NAIVE_BATCH),
        "onnxruntime_batches": plain(NAIVE_BATCH),
        "onnxruntime_one": plain(1),
    }


def photo_encoders(cache: Path) -> dict[str, Encode]:
    """Name → what makes vectors of photos [n, 1280 or more]."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    from shoplens.encoders.efficientnet_graph import GRAPH, LITE0, conversion
    from shoplens.encoders.image import EfficientNetLite0, prepare_photo
    from shoplens.encoders.model_cache import prepare
    from shoplens.encoders.session import open_session

    network = EfficientNet.from_name(LITE0.name)
    network.load_state_dict(torch.load(LITE0.weights.locate(), map_location="cpu", weights_only=True))
    network.eval()
    session = open_session(prepare(cache, conversion(LITE0)).file(GRAPH), 1)

    def by_torch(pictures: Sequence[Any]) -> Any:
        made = []
        for start in range(0, len(pictures), PHOTO_BATCH):
            batch = np.stack([prepare_photo(one, LITE0.side) for one in pictures[start : start + PHOTO_BATCH]])
            with torch.inference_mode():
                made.append(network.extract_features(torch.from_numpy(batch)).mean((2, 3)))
        return torch.cat(made).numpy()

    def one_by_one(pictures: Sequence[Any]) -> Any:
        prepared = (prepare_photo(one, LITE0.side)[None] for one in pictures)
        return np.concatenate([session.run(["embedding"], {"photos": one})[0] for one in prepared])

    ours = EfficientNetLite0(cache, threads=1)
    return {"shoplens": ours.encode, "torch": by_torch, "onnxruntime_one": one_by_one}


def compare(encoders: Mapping[str, Encode], inputs: Sequence[Any], repetitions: int) -> dict[str, Any]:
    """Inputs a second of each, taking turns, and how much faster the first is than the others."""
    for encode in encoders.values():
        encode(inputs[:WARM_UP])  # loads, and warms up
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(repetitions):
        for name, encode in encoders.items():
            began = time.process_time()
            encode(inputs)
            seconds[name].append(time.process_time() - began)
    ours = next(iter(encoders))
    return {
        "inputs": len(inputs),
        "per_second": {name: spread([len(inputs) / one for one in taken], 1) for name, taken in seconds.items()},
        "time_ratios": {f"{name} / {ours}": ratios(seconds[name], seconds[ours]) for name in encoders if name != ours},
    }


def second_run(count: int, cache: Path, repetitions: int) -> dict[str, Any]:
    """A catalogue of titles into an empty table, then again without a change; on all cores."""
    from shoplens.compute.local import LocalExecutor
    from shoplens.encoders.text import E5Encoder
    from shoplens.features.embed import embed
    from shoplens.features.inputs import TextInputs
    from shoplens.features.table import open_writer

    encoder = E5Encoder(cache, threads=1)
    encoder.encode(["loaded"])
    times: dict[str, list[float]] = {"first": [], "second": []}
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as folder:
            for name, taken in times.items():
                catalogue = list(products(count, 0, described=False))
                began = time.perf_counter()
                table = open_writer(Path(folder), "text", encoder.name, encoder.version, encoder.size)
                with table:
                    report = embed(catalogue, table, encoder, TextInputs(), executor=LocalExecutor())
                taken.append(time.perf_counter() - began)
                if report.encoded != (count if name == "first" else 0):
                    raise RuntimeError(f"the {name} run encoded {report.encoded} of {count} products")
    return {
        "products": count,
        "first_s": spread(times["first"]),
        "second_s": spread(times["second"], 4),
        "times_faster": ratios(times["first"], times["second"], 0),
    }


def measure_memory(count: int) -> dict[str, Any]:
    """Embed a catalogue that is made as it is read; what this process takes at most."""
    from shoplens.compute.local import LocalExecutor
    from shoplens.encoders.hashed import HashedNgramEncoder
    from shoplens.features.embed import embed
    from shoplens.features.inputs import TextInputs
    from shoplens.features.table import open_writer

    encoder = HashedNgramEncoder()
    encoder.encode(["loaded"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        table = open_writer(Path(folder), "text", encoder.name, encoder.version, encoder.size)
        with table:
            report = embed(products(count, 0), table, encoder, TextInputs(), executor=LocalExecutor(2))
        vectors = sum(path.stat().st_size for path in Path(folder).rglob("vectors-*.bin"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "products": report.products,
        "peak_rss_mb": round(peak / 1024, 1),
        "above_start_mb": round((peak - before) / 1024, 1),
        "vectors_mb": round(vectors / 2**20, 1),
    }


def in_own_process(count: int) -> dict[str, Any]:
    """`measure_memory` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.speed.embed", "--measure-memory", str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(name: str, found: Mapping[str, Any]) -> None:
    """One comparison as a table, for people."""
    print(f"{name}: {found['inputs']} inputs on one core", file=sys.stderr)
    ours = next(iter(found["per_second"]))
    for encoder, rate in found["per_second"].items():
        ratio = found["time_ratios"].get(f"{encoder} / {ours}")
        beside = f"  {ours} is {ratio['median']:6.2f}× as fast ({ratio['least']}–{ratio['most']})" if ratio else ""
        print(f"  {encoder:<24}{rate['median']:9.1f}/s ({rate['least']}–{rate['most']}){beside}", file=sys.stderr)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=2_000)
    parser.add_argument("--photos", type=int, default=128)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--memory", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--models", type=Path, default=MODELS, help="cache of converted models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure-memory", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.measure_memory:
        print(json.dumps(measure_memory(wanted.measure_memory)))
        return
    result: dict[str, Any] = {"benchmark": "embed", "memory": []}
    for count in wanted.memory:  # first: Linux counts to a process what its parent took when it was started
        result["memory"].append(in_own_process(count))
        print(f"memory: {result['memory'][-1]}", file=sys.stderr)
    first, last = result["memory"][0], result["memory"][-1]
    if last["products"] > first["products"]:  # ids, digests and places of rows; the vectors stay on disk
        more = 1024 * (last["peak_rss_mb"] - first["peak_rss_mb"])
        result["memory_kb_a_product"] = round(more / (last["products"] - first["products"]), 2)
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    names, pictures = titles(wanted.titles, wanted.seed), photos(wanted.photos, wanted.seed)
    with tempfile.TemporaryDirectory() as folder:
        encoders = text_encoders(wanted.models, Path(folder))
        result["titles"] = compare(encoders, names, wanted.repetitions)
        made = {name: encode(names[:200]) for name, encode in encoders.items()}
    exact = made["sentence_transformers"]
    result["titles"]["least_cosine_with_peer"] = {
        name: round(float((vectors * exact).sum(axis=1).min()), 4) for name, vectors in made.items()
    }
    show("titles", result["titles"])
    result["photos"] = compare(photo_encoders(wanted.models), pictures, wanted.repetitions)
    show("photos", result["photos"])
    torch.set_num_threads(threads)
    result["second_run"] = second_run(wanted.titles, wanted.models, wanted.repetitions)
    print(f"second run: {result['second_run']['times_faster']['median']:.0f}× as fast", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
