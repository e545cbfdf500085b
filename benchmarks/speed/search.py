"""Search at 100,000 and a million products, beside what else shops search with; and recall under filters.

    python -m benchmarks.speed.search [--products 100000 1000000] [--queries 400] [--repetitions 3] [--no-peer]

Titles are sampled from the sample shop, vectors are made up in clusters around those of real titles, queries are words
of titles, one in seven misspelt. `lexical` reads a query and returns the ten best item ids. `hybrid` also encodes the
query (e5-small in int8), searches both and joins them. Peers get the same texts: tantivy alone (default tokeniser, no
typos), SQLite's FTS5, faiss HNSW alone (the vector of a query is given), and in an environment of their own bm25s and
LanceDB's hybrid search (the vector is given as well). One query at a time; everything runs on one thread, but that
`hybrid` encodes a query while another thread looks up its words. Rounds take turns, so that a busy machine slows all
alike; `cpu_ms` is the processor's time of all threads, which others on the machine change least. `filters`: recall at
ten of vectors, of words and of both against looking at every product that a filter keeps.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import tantivy
from threadpoolctl import threadpool_limits

from benchmarks.speed.peer_environment import peer_python
from benchmarks.speed.search_corpus import Corpus, id_of, row_of
from benchmarks.speed.search_filters import WANTED, recall_under_filters
from shoplens.encoders.base import EncoderOptions, open_encoder
from shoplens.features.align.glosses import glossary
from shoplens.features.align.reading import Reader
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.hnsw import HnswIndex
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.semantic import VectorSignal
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace

FILTERED = 100  # queries that recall is measured with
BREADTH = 640  # candidates that a graph follows
Times = list[float]  # milliseconds


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--no-peer", action="store_true", help="leave out what is installed elsewhere")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    faiss.omp_set_num_threads(2)  # to build; searches run on one
    runs = [
        measure(count, wanted.queries, wanted.repetitions, peers=not wanted.no_peer, seed=wanted.seed)
        for count in wanted.products
    ]
    print(json.dumps({"benchmark": "search", "top": WANTED, "runs": runs}))


def measure(count: int, asked: int, repetitions: int, *, peers: bool, seed: int) -> dict[str, Any]:
    """Build everything at one size, then let rounds of all queries take turns."""
    corpus = Corpus(count, seed)
    reader = _reader()
    queries, vectors = corpus.queries(asked), corpus.vectors(reader.read)
    said(f"{count:,} products")
    with tempfile.TemporaryDirectory(prefix="shoplens-search-") as name:
        folder = Path(name)
        result: dict[str, Any] = {"products": count, "queries": asked, "build_s": {}}
        built: dict[str, float] = result["build_s"]
        words = _timed(built, "shoplens_words", lambda: _words(corpus, folder / "words"))
        signal = VectorSignal("meaning", vectors.shape[1])
        signal.put(np.arange(1, count + 1), vectors)
        _timed(built, "shoplens_vectors", signal.rebuild)
        both = HybridIndex(words, [signal], reader=reader, row_of=row_of, id_of=id_of)
        words.warm()  # as a server does when it starts
        given = reader.read(queries)
        graph = _timed(built, "faiss_hnsw", lambda: HnswIndex(breadth=BREADTH).build(vectors)) if peers else None
        tantivy_alone = _timed(built, "tantivy", lambda: _tantivy(corpus, folder / "tantivy"))
        table = _timed(built, "sqlite_fts5", lambda: _fts5(corpus, folder / "fts5.sqlite"))

        def hybrid(row: int) -> object:
            reader.forget()  # a reader remembers vectors; here every query is to be encoded
            return both.search(Asked(text=queries[row]), WANTED)

        asks: dict[str, Callable[[int], object]] = {
            "lexical": lambda row: words.search(words.parse(queries[row]), WANTED),
            "lexical_plain": lambda row: words.search(words.parse(queries[row]), WANTED, typos=False),
            "hybrid": hybrid,
            "tantivy": lambda row: tantivy_alone(queries[row]),
            "sqlite_fts5": lambda row: table(queries[row]),
        }
        if graph is not None:
            asks["faiss_hnsw"] = lambda row: graph.search(given[row : row + 1], WANTED)
        times: dict[str, Times] = {one: [] for one in asks}
        worked: dict[str, Times] = {one: [] for one in asks}
        faiss.omp_set_num_threads(1)
        with threadpool_limits(1):
            for _ in range(repetitions):
                for one, ask in asks.items():
                    taken, cpu = _round(ask, asked if one != "sqlite_fts5" else min(asked, 100))
                    times[one] += taken
                    worked[one] += cpu
            result["filters"] = recall_under_filters(both, signal, words, queries[:FILTERED], given, seed=seed)
        faiss.omp_set_num_threads(2)
        result["ms"] = {one: _spread(taken) for one, taken in times.items()}
        result["cpu_ms"] = {one: _spread(cpu) for one, cpu in worked.items()}
        result["peak_rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        if peers:
            result["peers"] = _elsewhere(corpus, queries, vectors, given, folder)
        result["ratios_p50"] = _ratios(result)
    return result


def _words(corpus: Corpus, folder: Path) -> LexicalIndex:
    index = LexicalIndex.open(folder)
    for revision, chunk in enumerate(corpus.documents(), start=1):
        index.apply(chunk, (), revision)
    return index


def _reader() -> Reader:
    cache = Workspace(Path(), Settings.read(None)).model_cache
    encoder: Any = open_encoder("e5-small", EncoderOptions(cache, threads=1, modality="text"))
    return Reader(encoder, glossary=glossary())


def _tantivy(corpus: Corpus, folder: Path) -> Callable[[str], object]:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("item_id", stored=True, tokenizer_name="raw")
    builder.add_text_field("text")
    schema = builder.build()
    folder.mkdir()
    index = tantivy.Index(schema, str(folder))
    writer = index.writer(200_000_000, 1)
    for row, text in enumerate(corpus.texts()):
        writer.add_document(tantivy.Document(item_id=f"p{row}", text=text))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(query: str) -> object:
        hits = searcher.search(index.parse_query(query, ["text"]), WANTED).hits
        return [searcher.doc(address)["item_id"] for _, address in hits]

    return ask


def _fts5(corpus: Corpus, file: Path) -> Callable[[str], object]:
    table = sqlite3.connect(file)
    table.execute("create virtual table product using fts5(text)")
    table.executemany("insert into product(text) values (?)", ((text,) for text in corpus.texts()))
    table.commit()
    wanted = f"select rowid from product where product match ? order by rank limit {WANTED}"

    def ask(query: str) -> object:
        return table.execute(wanted, (" OR ".join(f'"{word}"' for word in query.split()),)).fetchall()

    return ask


def _elsewhere(corpus: Corpus, queries: list[str], vectors: Any, given: Any, folder: Path) -> dict[str, Any]:
    """bm25s and LanceDB, or why not."""
    try:
        python = peer_python("search")
    except (OSError, subprocess.CalledProcessError) as error:
        return {"missing": f"the peers could not be installed: {error}"}
    (folder / "texts.json").write_text(json.dumps(corpus.texts()), encoding="utf-8")
    (folder / "queries.json").write_text(json.dumps(queries), encoding="utf-8")
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "asked.npy", given)
    script = Path(__file__).with_name("search_peers.py")
    done = subprocess.run([str(python), str(script), str(folder)], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return {"missing": f"the peers failed with exit code {done.returncode}"}
    told: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return {
        name: {"build_s": round(one["build_s"], 1), **_spread(one["ms"])} if "ms" in one else one
        for name, one in told.items()
    }


def _ratios(result: dict[str, Any]) -> dict[str, float]:
    """Milliseconds of the median query: peer / ours, above 1 we are faster."""
    ours = result["ms"]
    peers = {name: one for name, one in {**ours, **result.get("peers", {})}.items() if isinstance(one, dict)}
    pairs = [("lexical", name) for name in ("tantivy", "sqlite_fts5", "bm25s")]
    pairs += [("hybrid", name) for name in ("faiss_hnsw", "lancedb")]
    return {
        f"{peer} / {mine}": round(peers[peer]["p50"] / ours[mine]["p50"], 2)
        for mine, peer in pairs
        if "p50" in peers.get(peer, {})
    }


def _round(ask: Callable[[int], object], count: int) -> tuple[Times, Times]:
    """Milliseconds of each query: by the clock, and of the processor."""
    taken, worked = [], []
    for row in range(count):
        began, busy = time.perf_counter(), time.process_time()
        ask(row)
        worked.append(1e3 * (time.process_time() - busy))
        taken.append(1e3 * (time.perf_counter() - began))
    return taken, worked


def _timed(built: dict[str, float], name: str, build: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    made = build()
    built[name] = round(time.perf_counter() - began, 1)
    said(f"  built {name} in {built[name]} s")
    return made


def _spread(taken: Times) -> dict[str, float]:
    p50, p99 = np.percentile(taken, [50, 99])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}


def said(line: str) -> None:
    """Progress, beside the result."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
