"""How much vectors of texts differ between the ways of computing them, and whether that is felt in what is found.

    python -m benchmarks.quality.text_precision FILE.csv [--column text] [--label label] [--texts 600] [--seed 0]

The ways: the graph in fp32; the graph in int8, which reads a few texts; matrices of bfloat16, which read many where the
processor has units for them. Of random texts of the file: cosines between the ways, and how many of the ten nearest
texts by fp32 are also found when a query is read one way and the texts another; with a label also how often the nearest
text has the query's. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.speed.embed import MODELS
from shoplens.encoders.base import Vectors
from shoplens.encoders.e5_matrices import E5Matrices
from shoplens.encoders.model_cache import prepare
from shoplens.encoders.text import E5Encoder, conversion, unit_mean

NEAREST = 10


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--column", default="text")
    parser.add_argument("--label", help="column of the label")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--models", type=Path, default=MODELS, help="cache of converted models")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with given.file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    chosen = [rows[row] for row in np.random.default_rng(given.seed).permutation(len(rows))[: given.texts]]
    texts = [row[given.column][:300] for row in chosen]
    ways = vectors_of(texts, given.models)
    told: dict[str, Any] = {"file": given.file.parent.name, "texts": len(texts)}
    for one, other in (("int8", "fp32"), ("bf16", "fp32"), ("bf16", "int8")):
        cosine = (ways[one] * ways[other]).sum(axis=1)
        told[f"cosine {one}, {other}"] = {
            "least": round(float(cosine.min()), 5),
            "mean": round(float(cosine.mean()), 5),
        }
    labels = np.array([row[given.label] for row in chosen]) if given.label else None
    exact = nearest(ways["fp32"], ways["fp32"])
    for query, text in (("fp32", "fp32"), ("int8", "int8"), ("int8", "bf16"), ("bf16", "bf16")):
        found = nearest(ways[query], ways[text])
        same = [len(set(one) & set(other)) for one, other in zip(found.tolist(), exact.tolist(), strict=True)]
        figures = {"of_ten_by_fp32": round(float(np.mean(same)) / NEAREST, 4)}
        if labels is not None:
            figures["nearest_has_the_label"] = round(float((labels[found[:, 0]] == labels).mean()), 4)
        told[f"{query} queries, {text} texts"] = figures
    print(json.dumps(told))


def vectors_of(texts: Sequence[str], models: Path) -> dict[str, Vectors]:
    """Way → unit vectors of all texts [len(texts), 384]."""
    exact = E5Encoder(models, precision="fp32")
    graph = E5Encoder(models)
    by_graph = np.concatenate([graph.encode([text]) for text in texts])  # one alone is read by the graph
    matrices = E5Matrices.open(prepare(models, conversion("int8")).file("model.onnx"), torch.bfloat16)
    vectors = np.empty_like(by_graph)
    for batch, (states,) in matrices.run(graph.tokens(texts), [matrices.depth]):
        vectors[batch.texts] = unit_mean(states, batch.starts)
    return {"fp32": exact.encode(texts), "int8": by_graph, "bf16": vectors}


def nearest(queries: Vectors, texts: Vectors) -> Any:
    """The ten nearest others to each, nearest first. [len(queries), 10]"""
    likeness = queries @ texts.T
    np.fill_diagonal(likeness, -1)
    return np.argsort(-likeness, axis=1)[:, :NEAREST]


if __name__ == "__main__":
    main()
