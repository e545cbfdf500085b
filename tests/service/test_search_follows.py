"""Search keeps up with the store: whoever changes it, whatever is killed, whoever is forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventType
from shoplens.errors import ConfigurationError, StoreUnavailableError
from shoplens.features.found_text import FoundText, FoundTexts, Reading
from shoplens.recommend.asking import Ask
from shoplens.recommend.filters import parse_filter
from shoplens.service.embedding import embed_shop
from shoplens.service.log_writer import MOST, LogWriter
from shoplens.service.runtime import Runtime
from shoplens.service.search_words import SearchWords
from shoplens.store.records import SearchRecord
from shoplens.testing.served_shop import open_tiny_shop

PATIENCE = 20.0  # seconds; a busy machine is slow, a change that is lost never comes
TEXTS_ALONE = {"text": "hashed-ngrams"} | dict.fromkeys(("image", "colour", "video", "audio", "speech", "ocr"), "off")
KETTLE = Product(item_id="kettle", title="Enamel kettle", price=Decimal(20), currency="EUR")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path / "shop", settings={"encoders": TEXTS_ALONE}) as shop:
        yield shop


def until(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > PATIENCE:
            return False
        time.sleep(0.02)
    return True


def found(shop: Runtime, text: str) -> list[str]:
    return [hit.item_id for hit in shop.search.look(Ask(text=text)).items]


def test_what_changed_is_indexed_once(shop: Runtime) -> None:
    words = SearchWords(shop.workspace, shop.store)
    seen: list[tuple[int, int]] = []
    words.sync(lambda done, of: seen.append((done, of)))
    assert seen[-1] == (80, 80)
    again: list[tuple[int, int]] = []
    SearchWords(shop.workspace, shop.store).sync(lambda done, of: again.append((done, of)))
    assert not again  # a process that starts reads how far the last one came
    shop.store.catalogue.upsert([KETTLE])
    words.sync(lambda done, of: again.append((done, of)))
    assert [done for done, _ in again] == [1]
    assert len(words.index) == 81


def test_products_that_only_events_mention_are_not_indexed(shop: Runtime) -> None:
    shop.append_events([Event(event_type=EventType.VIEW, timestamp=1, user_id="u1", item_id="heard-of")])
    assert found(shop, "heard-of") == []
    shop.put_products([replace(KETTLE, item_id="heard-of")])
    assert found(shop, "kettle") == ["heard-of"]


def test_another_process_changes_the_catalogue(shop: Runtime) -> None:
    shop.watch()
    with Runtime.open(shop.workspace.root, settings=shop.settings) as other:
        other.put_products([KETTLE])
        assert until(lambda: found(shop, "kettle") == ["kettle"])
        other.delete_product("kettle")
        assert until(lambda: found(shop, "kettle") == [])


def test_two_workers_share_one_index(shop: Runtime) -> None:
    shop.watch()
    with Runtime.open(shop.workspace.root, settings=shop.settings) as other:
        other.watch()
        for number in range(6):
            worker = (shop, other)[number % 2]
            worker.put_products([replace(KETTLE, item_id=f"kettle-{number}", title=f"Kettle {'abcdef'[number]}zinc")])
        for worker in (shop, other):
            assert until(lambda worker=worker: len(found(worker, "kettle")) == 6)  # type: ignore[misc]


def test_price_and_stock_are_never_stale(shop: Runtime) -> None:
    shop.watch()
    shop.put_products([KETTLE])
    assert until(lambda: found(shop, "kettle") == ["kettle"])
    cheap = Ask(text="kettle", filter=parse_filter({"field": "price", "range": {"lt": 10}}))
    assert shop.search.look(cheap).items == ()
    shop.put_products([replace(KETTLE, sale_price=Decimal(9))])
    assert [hit.item_id for hit in shop.search.look(cheap).items] == ["kettle"]  # in the very next answer
    shop.put_products([replace(KETTLE, stock=0)])
    assert found(shop, "kettle") == []


def test_a_changed_text_is_found_by_its_meaning_before_it_is_embedded(shop: Runtime) -> None:
    embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1))
    shop.search.sync()
    (meaning,) = shop.search.index.vectors.signals
    assert meaning.name == "meaning"
    assert len(meaning) == 80
    shop.put_products([KETTLE])
    shop.search.sync()
    row = shop.facts.row("kettle")
    assert meaning.vector(row) is not None
    before = meaning.vector(row)
    shop.put_products([replace(KETTLE, title="Umbrella")])
    shop.search.sync()
    after = meaning.vector(row)
    assert before is not None
    assert after is not None
    assert float(before @ after) < 0.9
    shop.delete_product("kettle")
    shop.search.sync()
    assert meaning.vector(row) is None


def test_vectors_are_named_alike_however_the_workspace_is(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1))
    root = shop.workspace.root
    monkeypatch.chdir(root.parent)
    origins = set()
    for named in (root, Path(root.name)):  # a graph that one process keeps is opened by the other
        with Runtime.open(named) as opened:
            opened.search.sync()
            held = opened.search.index.vectors._held.get("meaning")
            assert held is not None
            origins.add(held.origin)
    assert len(origins) == 1


def test_words_in_media_are_indexed_when_they_have_been_read(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path / "shop", settings={"encoders": {**TEXTS_ALONE, "ocr": "rapidocr"}}) as shop:
        assert found(shop, "quinoa") == []
        features = shop.workspace.features
        embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1), modalities=["text"])
        with FoundTexts(features, "ocr", "reader-1", write=True) as kept:
            kept.put("p003", b"0" * 16, Reading([FoundText("Organic quinoa", "photo.jpg")]))
            kept.commit()
        _pretend_ocr_is_in_use(features)
        assert found(shop, "quinoa")[0] == "p003"  # others are a little like it by meaning
        assert len(shop.search.index.words.index.search(shop.search.index.words.index.parse("quinoa"), 10)) == 1


def _pretend_ocr_is_in_use(features: Path) -> None:
    from shoplens.features.current import read_current, switch

    switch(features, "ocr", replace(read_current(features)["text"], reader="reader-1"))


def test_forgetting_a_person_reaches_their_searches_and_conversations(shop: Runtime) -> None:
    shop.watch()
    search = shop.search
    for text in ("hammer", "saw"):
        search.search(Ask(text=text, user_id="u001"))
    search.search(Ask(text="hammer", user_id="u002"))
    from shoplens.apps.interaction.turns import Turn

    shop.interaction.turn(Turn(text="hammer", user_id="u001"))
    assert shop.forget_person("u001")["searches"] == 3
    assert search.log is not None
    search.log.flush()
    assert {one.user_id for part in shop.store.searches.scan() for _, one in part} == {"u002"}
    assert list(shop.workspace.conversations.glob("*.json")) == []


def test_fields_count_as_the_shop_says(tmp_path: Path) -> None:
    products = [
        Product(item_id="named", title="Lamp"),
        Product(item_id="told", title="Shade", description="for a lamp"),
    ]
    for description, first in ((0.25, "named"), (10.0, "told")):
        settings = {"encoders": TEXTS_ALONE, "search": {"fields": {"description": description}}}
        with open_tiny_shop(tmp_path / f"{description}", trained=False, settings=settings) as shop:
            shop.put_products(products)
            assert found(shop, "lamp")[0] == first


def test_a_bad_file_of_synonyms_says_which_line(shop: Runtime) -> None:
    (shop.workspace.root / "synonyms.txt").write_text("sofa, couch\nlonely\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="line 2"):
        shop.search.look(Ask(text="sofa"))


class Refuses:
    """A log whose database is away for the first few tries."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.kept: list[SearchRecord] = []

    def append(self, records: Sequence[SearchRecord]) -> int:
        if self.times:
            self.times -= 1
            raise StoreUnavailableError("away")
        self.kept.extend(records)
        return len(records)

    def prune(self, before: int) -> int:
        return 0


def test_searches_wait_for_a_database_that_is_away() -> None:
    store = Refuses(2)
    log = LogWriter(store, "searches", keep_days=1.0)
    for number in range(1_200):
        log.put(SearchRecord(impression_id=str(number), timestamp=1, query="hammer"))
    assert log.flush(PATIENCE)
    assert [one.impression_id for one in store.kept] == [str(number) for number in range(1_200)]
    log.close()
    assert log.dropped == 0


def test_too_many_searches_are_dropped_and_counted() -> None:
    log = LogWriter(Refuses(10**9), "searches", keep_days=1.0)
    for number in range(MOST + 5):
        log.put(SearchRecord(impression_id=str(number), timestamp=1, query="hammer"))
    assert log.dropped == 5
    log.close()
    assert log.dropped == MOST + 5


def test_suggestions_are_read_once_the_store_is_back(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store goes away while a server that has just started reads it: the next try reads it from the beginning."""
    shop.put_products([KETTLE])
    read, tries = shop.store.catalogue.scan, iter([True, True])

    def scan(*arguments: int) -> Iterator[Sequence[Product]]:
        if next(tries, False):
            raise StoreUnavailableError("away")
        yield from read(*arguments)

    monkeypatch.setattr("shoplens.service.search.TRY_EVERY", 0.05)
    monkeypatch.setattr(shop.store.catalogue, "scan", scan)
    shop.search.start()
    assert until(lambda: any("namel" in one.text for one in shop.search.suggest("enamel", 5)))
