"""Vectors in memory follow their tables; indexes are built once, kept, and opened by whoever comes later."""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.catalogue import Product
from shoplens.features.table import DIGEST_BYTES, FeatureTable, TableWriter
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.codes import FILES, CodesIndex
from shoplens.service.held_vectors import Floats, HeldVectors, Read, Source
from shoplens.service.kept_indexes import PLACES, KeptIndexes

SIZE, MANY = 8, 1_100  # fewer products are not worth building for
SOME = 80  # that are looked for one by one
PATIENCE = 20.0  # seconds; a busy machine is slow


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    faiss.omp_set_num_threads(1)


def text_of(version: int, number: int) -> str:
    return f"{number} as of {version}"


def digest_of(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


def vector_of(text: str) -> Floats:
    values = np.random.default_rng(list(digest_of(text))).normal(size=SIZE)
    unit: Floats = (values / np.linalg.norm(values)).astype(np.float32)
    return unit


class Shop:
    """A catalogue, the table of its texts, and processes that hold its vectors."""

    def __init__(self, root: Path, many: int = MANY) -> None:
        self.root = root
        self.facts = CatalogueFacts([Product(item_id=f"p{k}", title=f"product {k}") for k in range(many)])
        self.texts: dict[str, str] = {}
        self.reads = 0
        self.write({f"p{k}": text_of(0, k) for k in range(many)})

    @property
    def indexes(self) -> KeptIndexes:
        return KeptIndexes(self.root / "indexes")

    def write(self, texts: dict[str, str]) -> None:
        """What `embed` does: these products have these texts, all others none."""
        with TableWriter(self.root / "table", SIZE) as table:
            table.remove(set(table.all_ids) - set(texts))
            for item_id, text in texts.items():
                if table.row_of(digest_of(text)) is None:
                    table.append([digest_of(text)], vector_of(text)[None])
                table.link(item_id, digest_of(text))
        self.texts = dict(texts)

    def process(self) -> HeldVectors:
        held = HeldVectors(self.facts, self.indexes, exact_below=0)
        held.take("meaning", self.source())
        return held

    def source(self, origin: str = "encoder-1") -> Source:
        def read(table: FeatureTable) -> Read:
            def vectors(ids: Sequence[str]) -> Floats:
                self.reads += len(ids)
                return table.matrix(ids)[0]

            return vectors

        return Source(origin, self.root / "table", SIZE, read)

    def holds_the_table(self, held: HeldVectors) -> bool:
        (signal,) = held.signals
        rows = self.facts.rows(self.texts)
        wanted = np.stack([vector_of(text) for text in self.texts.values()])
        held_here = [signal.vector(int(row)) for row in rows]
        found = np.stack([np.zeros(SIZE, np.float32) if one is None else one for one in held_here])
        first = [int(signal.search(vector, 1)[0][0]) for vector in wanted[-SOME:]]
        return len(signal) == len(self.texts) and np.array_equal(found, wanted) and first == rows[-SOME:].tolist()


def built(held: HeldVectors) -> HeldVectors:
    """After its index has been built."""
    (signal,) = held.signals
    held.build()
    began = time.monotonic()
    while signal.wants_rebuild:
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.01)
    return held


def wait_for(shop: Shop) -> None:
    began = time.monotonic()
    while not shop.indexes.generation("meaning", "encoder-1"):
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.01)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_who_starts_later_opens_the_graph_and_reads_nothing(shop: Shop) -> None:
    first = built(shop.process())
    assert shop.reads == MANY
    later = shop.process()
    assert shop.reads == MANY
    assert not later.signals[0].wants_rebuild
    assert shop.holds_the_table(later)
    assert shop.holds_the_table(first)  # from the file too


changes = st.lists(
    st.tuples(st.sampled_from(["change", "leave", "come"]), st.integers(MANY - SOME, MANY - 1)), max_size=30
)


@settings(deadline=None, max_examples=15)
@given(changes, st.booleans())
def test_whatever_changed_since_the_index_was_built_the_table_holds(
    tmp_path_factory: pytest.TempPathFactory, done: list[tuple[str, int]], running: bool
) -> None:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    texts = {item_id: text for k, (item_id, text) in enumerate(shop.texts.items()) if k < MANY - SOME // 4}
    shop.write(texts)
    held = built(shop.process())
    for version, (what, number) in enumerate(done, start=1):
        item_id = f"p{number}"
        if what == "leave" and len(texts) > 1:
            texts.pop(item_id, None)
        elif what == "come" or item_id in texts:
            texts[item_id] = text_of(version, number)
    shop.write(texts)
    if running:
        held.take("meaning", shop.source())
    else:
        held = shop.process()
    assert shop.holds_the_table(held)


def test_a_process_that_waits_opens_what_another_one_built(shop: Shop) -> None:
    one, other = shop.process(), shop.process()
    other.put_ahead("meaning", {"p7": digest_of("newer")}, vector_of("newer")[None])
    built(one)
    wait_for(shop)
    before = shop.reads
    other.take("meaning", shop.source())
    assert shop.reads == before  # nor p7, which is newer here than in the table
    assert not other.signals[0].wants_rebuild
    found = other.signals[0].vector(shop.facts.row("p7"))
    assert found is not None
    assert (found == vector_of("newer")).all()


def test_one_process_builds_at_a_time(shop: Shop) -> None:
    held = shop.process()
    with shop.indexes.building("meaning") as ours:
        assert ours
        held.build()
        time.sleep(0.3)
        assert held.signals[0].wants_rebuild
        assert shop.holds_the_table(held)  # one by one meanwhile
    with shop.indexes.building("meaning") as ours:
        assert ours


def test_other_encoders_have_no_use_for_the_index(shop: Shop) -> None:
    built(shop.process())
    held = shop.process()
    held.take("meaning", shop.source("encoder-2"))
    assert held.signals[0].wants_rebuild
    assert shop.reads == 2 * MANY


@pytest.mark.parametrize("file", [*FILES, PLACES])
def test_a_damaged_index_is_built_again(shop: Shop, file: str, caplog: pytest.LogCaptureFixture) -> None:
    built(shop.process())
    wait_for(shop)
    (kept,) = (shop.root / "indexes" / "meaning").glob(f"*/{file}")
    kept.write_bytes(kept.read_bytes()[:-100] or b"?")  # so few have no codes
    held = shop.process()
    assert "is built again" in caplog.text
    assert shop.holds_the_table(built(held))
    assert shop.holds_the_table(shop.process())


def test_a_full_disk_costs_the_file_not_the_answers(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: CodesIndex, folder: Path) -> None:
        raise RuntimeError("no space left on device")

    monkeypatch.setattr(CodesIndex, "save", full)
    held = built(shop.process())
    assert shop.holds_the_table(held)
    assert "no space left" in caplog.text
    assert not list((shop.root / "indexes" / "meaning").glob("[0-9]*"))


def test_what_was_encoded_here_is_not_undone_by_an_older_table(shop: Shop) -> None:
    held = shop.process()
    (signal,) = held.signals
    row = shop.facts.row("p7")
    held.put_ahead("meaning", {"p7": digest_of("newer")}, vector_of("newer")[None])
    without = {item_id: text for item_id, text in shop.texts.items() if item_id not in ("p7", "p8")}
    for texts in (without, {**without, "p7": text_of(0, 7)}):  # `embed` had read the catalogue before
        shop.write(texts)
        held.take("meaning", shop.source())
        found = signal.vector(row)
        assert found is not None
        assert (found == vector_of("newer")).all()
    assert signal.vector(shop.facts.row("p8")) is None
    shop.write({**without, "p7": "newer"})
    held.take("meaning", shop.source())
    shop.write({**without, "p7": "newest"})
    held.take("meaning", shop.source())
    assert shop.holds_the_table(held)
