"""bm25s and LanceDB on the same texts, vectors and queries; driven by `benchmarks.speed.search`.

    python search_peers.py FOLDER     with texts.json, queries.json, vectors.npy, asked.npy

Runs in an environment of its own and imports nothing of Shoplens. Prints one JSON
object: milliseconds of every query, and seconds to build.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

WANTED = 10


def timed(ask: Callable[[Any], object], asked: Sequence[Any]) -> list[float]:
    """Milliseconds of each question, after a few that warm up."""
    for one in asked[:20]:
        ask(one)
    taken = []
    for one in asked:
        began = time.perf_counter()
        ask(one)
        taken.append(1e3 * (time.perf_counter() - began))
    return taken


def with_bm25s(texts: list[str], queries: list[str]) -> dict[str, Any]:
    """Words alone, scored by matrix products; it cannot change a document."""
    import bm25s

    began = time.perf_counter()
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords=None, show_progress=False), show_progress=False)
    built = time.perf_counter() - began

    def ask(query: str) -> object:
        tokens = bm25s.tokenize(query, stopwords=None, show_progress=False)
        return index.retrieve(tokens, k=WANTED, show_progress=False, n_threads=1)

    return {"build_s": built, "ms": timed(ask, queries)}


def with_lancedb(texts: list[str], queries: list[str], vectors: Any, asked: Any) -> dict[str, Any]:
    """Words and vectors, joined by reciprocal ranks; the vector of a query is given, not encoded."""
    import lancedb
    import pyarrow as pa
    from lancedb.index import FTS, HnswSq
    from lancedb.rerankers import RRFReranker

    with tempfile.TemporaryDirectory() as folder:
        table = pa.table(
            {
                "id": [str(row) for row in range(len(texts))],
                "text": texts,
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1]),
            }
        )
        began = time.perf_counter()
        opened = lancedb.connect(folder).create_table("products", table)
        try:
            opened.create_index("vector", config=HnswSq(distance_type="dot"))
            opened.create_index("text", config=FTS())
        except TypeError:  # older versions: one call a kind of index
            opened.create_index(metric="dot", index_type="IVF_HNSW_SQ", vector_column_name="vector")
            opened.create_fts_index("text", use_tantivy=False)
        built = time.perf_counter() - began
        ranks = RRFReranker()

        def ask(row: int) -> object:
            both = opened.search(query_type="hybrid").vector(asked[row]).text(queries[row])
            return both.rerank(ranks).limit(WANTED).select(["id"]).to_arrow()

        return {"build_s": built, "ms": timed(ask, list(range(len(queries))))}


def main() -> None:
    """Run and print; a peer that fails says why."""
    folder = Path(sys.argv[1])
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    queries = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
    vectors, asked = np.load(folder / "vectors.npy", mmap_mode="r"), np.load(folder / "asked.npy")
    result: dict[str, Any] = {}
    peers: dict[str, Callable[[], dict[str, Any]]] = {
        "bm25s": lambda: with_bm25s(texts, queries),
        "lancedb": lambda: with_lancedb(texts, queries, vectors, asked),
    }
    for name, run in peers.items():
        try:
            result[name] = run()
        except Exception as error:  # a peer's failure is a result
            result[name] = {"failed": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
