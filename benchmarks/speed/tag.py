"""How fast a tagger of entities marks sentences: the encoder of the package in int8, an untrained head of its shape.

What was learnt costs nothing, so nothing is trained. Sentences are those of a file in the format of CoNLL-2003, or made
up. Seconds are of the wall and of the processor (all threads): on a busy machine only the latter compare. `encoder` is
the share of ONNX Runtime in the processor's. One JSON object on stdout.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.speed.spread import spread
from shoplens.domain.tagging import label_set
from shoplens.encoders.e5_torch import E5Body
from shoplens.ingest.report import IngestReport
from shoplens.learning.tagging.examples import read_marked
from shoplens.models.tagger.model import Tagger
from shoplens.models.tagger.network import TaggerHead
from shoplens.models.tagger.training import TrainedTagger
from shoplens.models.text_body.fitting import Fitted
from shoplens.models.text_body.layers import UpperLayers
from shoplens.models.text_body.settings import FineTuning
from shoplens.testing.marked_sentences import marked_sentences

KINDS = ("LOC", "MISC", "ORG", "PER")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=Path, help="dev.txt of a folder as `bench tag` reads it")
    parser.add_argument("--most", type=int, default=1_000, help="sentences")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    known = read_marked(asked.sentences, IngestReport()) if asked.sentences else marked_sentences(asked.most)
    units = [one.units for one in known[: asked.most]]
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory(prefix="shoplens-tag-") as folder:
        untrained(E5Body()).save(Path(folder))
        tagger = Tagger.load(Path(folder), threads=asked.threads)
        tagger.tag_units(units[:50])
        wall, processor = [], []
        for _ in range(asked.repetitions):
            began, burnt = time.perf_counter(), time.process_time()
            tagger.tag_units(units)
            wall.append(len(units) / (time.perf_counter() - began))
            processor.append(len(units) / (time.process_time() - burnt))
    told = {
        "sentences": len(units),
        "words": sum(map(len, units)),
        "threads": asked.threads,
        "sentences_per_second": spread(wall, 1),
        "sentences_per_processor_second": spread(processor, 1),
    }
    print(json.dumps(told))


def untrained(body: E5Body, settings: FineTuning | None = None) -> TrainedTagger:
    """A tagger that has learnt nothing, of the shape and cost of one that has."""
    chosen, labels = settings or FineTuning(), label_set(KINDS)
    layers = body.sizes.layers
    torch.manual_seed(0)
    upper = UpperLayers(
        torch.nn.ModuleList([body.layer(at) for at in range(max(0, layers - chosen.trained_layers), layers)])
    )
    head = TaggerHead(body.sizes.hidden, labels)
    return TrainedTagger(labels, False, True, chosen, Fitted(1, (0.0,), 0.0), body, upper, head)


if __name__ == "__main__":
    main()
