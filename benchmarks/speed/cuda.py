"""Training and encoding on a CUDA device beside the CPU of the same machine: the same code, data and seeds.

    python -m benchmarks.speed.cuda [--data FOLDER …] [--devices cpu cuda] [--epochs 2] [--photos 256] [--titles 2000]
                                    [--texts 600] [--only training|encoding|fine-tuning …]

A FOLDER holds train.csv (user_id,item_id[,timestamp]) and perhaps features/MODALITY.npy with one row a product. Of one
with timestamps `transformer` and `gru` learn sequences; of one without, `mlp` and `graph` learn sets and a graph.
Without a folder both kinds are made up. Each network learns on the CPU in float32, and on the GPU in float32 and, as it
does by itself, in bfloat16; `large` is the same with eight times the work in a step, which a GPU needs more than a
processor. Seconds are those of the quickest epoch, its inner validation included; `valid_ndcg` after the same epochs
tells whether learning suffers.

Encoders: a CLIP of the shape of ViT-B/32 and a text model of the shape of e5-small, with random weights, through the
hub encoder, in fp32 and in what it takes by itself ("fast"). Photos are prepared on the CPU on both sides:
`preparation` is that alone. `likeness` is the least cosine with the CPU's fp32 vectors.

Fine-tuning: a classifier and a tagger over a body of the shape of e5-small with random weights, six layers read and six
learn, in float32 and bfloat16 on each device; `read_s` are the seconds of the lower layers, `large` as above, `quality`
is the last epoch's (accuracy less a hundredth of the loss; F1 of entities). Of texts made up to be told apart by a
word: figures of speed, none of how good such models are.

Ratios are CPU seconds / GPU seconds. Needs torch and, for encoders, the extra `hub`. A table on stderr, one JSON object
on stdout; without a GPU the CPU stands alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.speed.cuda_text import fine_tunings
from benchmarks.speed.synthetic import distinct_purchases, sequences
from benchmarks.speed.synthetic_products import photos, titles
from shoplens.domain.dataset import Interactions, Modality, TrainingData
from shoplens.domain.vocabulary import Vocabulary
from shoplens.models.fusion import Fusion, FusionConfig
from shoplens.models.fusion.config import GRAPH

ORDERED, UNORDERED = ("transformer", "gru"), ("mlp", "graph")
LARGER = 8  # times the work of a step
SIDE = 224  # pixels that a ViT-B/32 sees
PARTS = ("fine-tuning", "training", "encoding")
Row = dict[str, Any]


def read_folder(folder: Path) -> TrainingData:
    """train.csv and features, without the reader of the project: all that is needed here is torch and numpy."""
    with (folder / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    features = {path.stem: np.load(path) for path in sorted((folder / "features").glob("*.npy"))}
    users = sorted({row["user_id"] for row in rows}, key=lambda name: (len(name), name))
    found = {row["item_id"] for row in rows} | {str(place) for one in features.values() for place in range(len(one))}
    items = sorted(found, key=lambda name: (len(name), name))
    user_rows, item_rows = ({name: row for row, name in enumerate(names)} for names in (users, items))
    times = [float(row.get("timestamp") or place) for place, row in enumerate(rows)]
    interactions = Interactions(
        Vocabulary(users),
        Vocabulary(items),
        np.array([user_rows[row["user_id"]] for row in rows], np.int32),
        np.array([item_rows[row["item_id"]] for row in rows], np.int32),
        np.ones(len(rows), np.float32),
        np.array(times).astype(np.int64),
        timed=False,
    )
    return TrainingData(interactions, tuple(_modality(name, one, items) for name, one in features.items()))


def _modality(name: str, values: np.ndarray[Any, Any], items: Sequence[str]) -> Modality:
    place = np.array([int(one) if one.isdecimal() and int(one) < len(values) else -1 for one in items])
    return Modality(name, np.where(place[:, None] >= 0, values[place], 0).astype(np.float32), place >= 0)


def data_sets(wanted: argparse.Namespace) -> Iterator[tuple[str, TrainingData, Sequence[str]]]:
    """Name, data, and the history encoders that suit them."""
    for folder in wanted.data:
        with (folder / "train.csv").open(encoding="utf-8") as file:
            ordered = "timestamp" in file.readline()
        yield folder.resolve().name, read_folder(folder), ORDERED if ordered else UNORDERED
    if not wanted.data:
        yield "made up, in order", TrainingData(sequences(wanted.people, wanted.products, 8.9, wanted.seed)), ORDERED
        bought = distinct_purchases(wanted.people, wanted.products, 9 * wanted.people, wanted.seed)
        yield "made up, without order", TrainingData(bought), UNORDERED


def train(data: TrainingData, history: str, device: str, precision: str, wanted: argparse.Namespace, work: int) -> Row:
    """Seconds of the quickest epoch, and how well it ranks."""
    least = FusionConfig().settled(history)
    more = (
        {"batch_tokens": work * least.batch_tokens} if history in ORDERED else {"batch_size": work * least.batch_size}
    )
    config = FusionConfig(
        history=history,
        device=device,
        precision=precision,
        epochs=wanted.epochs,
        patience=wanted.epochs,
        refit="no",
        order="none" if history in UNORDERED else "time",
        seed=wanted.seed,
        **more,  # type: ignore[arg-type]
    )
    began = time.perf_counter()
    model = Fusion(config).fit(data)
    seconds = [one["seconds"] for one in model.history]
    return {
        "epoch_s": round(min(seconds), 3),
        "fit_s": round(time.perf_counter() - began, 3),
        "loss": round(model.history[-1]["loss"], 4),
        "valid_ndcg": round(model.history[-1]["valid_ndcg"], 4),
    }


def trainings(wanted: argparse.Namespace, devices: Sequence[str]) -> list[Row]:
    """Every data set with every history encoder, on each device."""
    rows = []
    for device in devices:  # the first kernels of a process take seconds to be found
        Fusion(device=device, epochs=1).fit(TrainingData(sequences(40, 30, 8.9, 0)))
    for name, data, histories in data_sets(wanted):
        for history in (one for one in histories if one in (wanted.histories or histories)):
            for work in (1, LARGER):
                if work > 1 and history == GRAPH:
                    continue  # its steps are large already
                for device, precision in [(one, kind) for one in devices for kind in _precisions(one)]:
                    row: Row = {"data": name, "history": history, "large": work > 1, "device": device}
                    row |= {"precision": precision, **train(data, history, device, precision, wanted, work)}
                    rows.append(row)
                    tell(row, "epoch_s", "valid_ndcg")
    return rows


def _precisions(device: str) -> tuple[str, ...]:
    return ("float32", "bfloat16") if device.startswith("cuda") else ("float32",)


def save_models(folder: Path, words: Sequence[str], *, tiny: bool) -> None:
    """Checkpoints of both shapes with random weights, and a tokenizer by words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, CLIPConfig, CLIPModel, PreTrainedTokenizerFast
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    pieces = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(pieces, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    wrapped: Any = PreTrainedTokenizerFast
    for name, longest in (("clip", 77), ("e5", 512)):
        wrapped(
            tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
            eos_token="[SEP]", model_max_length=longest,
        ).save_pretrained(folder / name)  # fmt: skip
    small: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    text: dict[str, Any] = {"vocab_size": 49_408, "eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0}
    eyes: dict[str, Any] = {"image_size": SIDE, "patch_size": 32}
    torch.manual_seed(0)
    CLIPModel(
        CLIPConfig(text_config=text | (small if tiny else {}), vision_config=eyes | (small if tiny else {}))
    ).save_pretrained(folder / "clip")
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(
        folder / "clip"
    )
    e5 = {"hidden_size": 384, "intermediate_size": 1_536, "num_hidden_layers": 12, "num_attention_heads": 12}
    BertModel(
        BertConfig(vocab_size=250_037, max_position_embeddings=512, **(small if tiny else e5)), add_pooling_layer=False
    ).save_pretrained(folder / "e5")


def encoders(wanted: argparse.Namespace, devices: Sequence[str]) -> list[Row]:
    """Photos and titles a second."""
    from shoplens.encoders.base import EncoderOptions
    from shoplens.encoders.hub import HubEncoder

    texts, pictures = titles(wanted.titles, wanted.seed), photos(wanted.photos, wanted.seed)
    words = sorted({word for text in texts for word in text.split()})
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        save_models(folder, words, tiny=wanted.tiny)
        for model, half, given in (("clip", "image", pictures), ("clip", "text", texts), ("e5", "text", texts)):
            first: Any = None
            for device, precision in [(one, kind) for one in devices for kind in ("fp32", "fast")]:
                options = EncoderOptions(
                    model_cache=folder / "cache",
                    precision=precision,
                    modality=half,
                    device=device,
                    model=str(folder / model),
                )
                encoder: Any = HubEncoder.open(options)
                encoder.encode(given[:64])  # loads, and warms up
                seconds, vectors = quickest(lambda encoder=encoder, given=given: encoder.encode(given), wanted.rounds)  # type: ignore[misc]
                first = vectors if first is None else first
                row: Row = {"model": model, "half": half, "device": device, "precision": precision}
                row |= {"reckons_in": encoder.version.rpartition("-")[2], "s": round(seconds, 4)}
                row |= {
                    "per_s": round(len(given) / seconds, 1),
                    "likeness": round(float((vectors * first).sum(1).min()), 4),
                }
                rows.append(row)
                tell(row, "per_s", "likeness")
        seconds = preparation(folder / "clip", pictures, wanted.rounds)
        rows.append(
            {"model": "clip", "half": "preparation", "device": "cpu", "per_s": round(len(pictures) / seconds, 1)}
        )
        tell(rows[-1], "per_s")
    return rows


def preparation(folder: Path, pictures: Sequence[Any], rounds: int) -> float:
    """Seconds of what happens to photos before the network sees them."""
    from shoplens.encoders.hub_checkpoint import Checkpoint
    from shoplens.encoders.hub_device import choose_hardware
    from shoplens.encoders.hub_network import PHOTOS_A_BATCH, PhotoPreparation

    prepare = PhotoPreparation(Checkpoint(str(folder), folder, folder / "cache"), choose_hardware("cpu", "fp32"))

    def all_of_them() -> None:
        for start in range(0, len(pictures), PHOTOS_A_BATCH):
            prepare(pictures[start : start + PHOTOS_A_BATCH])

    return quickest(all_of_them, rounds)[0]


def quickest(call: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """Least seconds of some calls, whose results are on the CPU; and the last result."""
    seconds, result = [], None
    for _ in range(rounds):
        began = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - began)
    return min(seconds), result


def beside(rows: Sequence[Row], same: Sequence[str], what: str) -> list[Row]:
    """CPU seconds / GPU seconds of rows that are alike in `same`, the CPU's quickest against each of the GPU's."""
    found = []
    for row in rows:
        if not row["device"].startswith("cuda"):
            continue
        cpu = [one[what] for one in rows if one["device"] == "cpu" and all(one.get(k) == row.get(k) for k in same)]
        if cpu:
            named = {key: row[key] for key in (*same, "precision")}
            found.append({**named, "cpu_over_cuda": round(min(cpu) / row[what], 2)})
    return found


def tell(row: Row, *figures: str) -> None:
    """One line of the table."""
    named = " · ".join(
        str(row[key]) for key in ("data", "model", "history", "half", "task", "device", "precision") if key in row
    )
    said = " large" if row.get("large") else ""
    print(f"{named + said:62}", *(f"{name} {row[name]:>10}" for name in figures), file=sys.stderr, flush=True)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="folders with train.csv")
    parser.add_argument("--devices", nargs="+", help="default: cpu, and cuda where there is one")
    parser.add_argument("--people", type=int, default=4_000, help="of made-up data")
    parser.add_argument("--products", type=int, default=6_000, help="of made-up data")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--photos", type=int, default=256)
    parser.add_argument("--titles", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=2, help="of encoding; the quickest counts")
    parser.add_argument("--tiny", action="store_true", help="encoders of a few numbers, to try this script")
    parser.add_argument(
        "--histories", nargs="+", choices=(*ORDERED, *UNORDERED), help="default: all that suit the data"
    )
    parser.add_argument("--texts", type=int, default=600, help="that are fine-tuned on, classes and entities each")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    for folder in wanted.data:
        if not (folder / "train.csv").is_file():
            parser.error(f"{folder} holds no train.csv; name a folder as for `shoplens bench recommend`")
    cuda = torch.cuda.is_available()
    devices = wanted.devices or (["cpu", "cuda"] if cuda else ["cpu"])
    tuned: list[Row] = []
    if "fine-tuning" in wanted.only:
        tuned += fine_tunings(
            devices,
            texts=wanted.texts,
            epochs=wanted.epochs,
            tiny=wanted.tiny,
            seed=wanted.seed,
            tell=lambda row: tell(row, "read_s", "epoch_s", "quality"),
        )
    trained = trainings(wanted, devices) if "training" in wanted.only else []
    encoded = encoders(wanted, devices) if "encoding" in wanted.only else []
    result = {
        "benchmark": "cuda",
        "gpu": torch.cuda.get_device_name() if cuda else None,
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "training": trained,
        "encoding": encoded,
        "fine_tuning": tuned,
        "ratios": {
            "fine_tuning": beside(tuned, ("task", "large"), "epoch_s"),
            "training": beside(trained, ("data", "history", "large"), "epoch_s"),
            "encoding": beside(encoded, ("model", "half"), "s"),
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
