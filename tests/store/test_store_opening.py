"""Opening, migrating, refusing: what happens around the data."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Index, text

from shoplens.domain.catalogue import Product
from shoplens.errors import ConfigurationError, MissingExtraError, StoreError, StoreUnavailableError
from shoplens.store import database as database_module
from shoplens.store.database import Database
from shoplens.store.migrate import FOLDER
from shoplens.store.schema import COUNTERS, POSTGRES_INDEXES, REVISION, SQLITE_TABLES, metadata
from shoplens.store.sql import open_store
from shoplens.testing.store_events import batch_of, view


def test_the_named_revision_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_the_migrations_make_the_tables_of_the_schema(url: str) -> None:
    from alembic.autogenerate import compare_metadata

    open_store(url).close()
    database = Database(url)

    def belongs(thing: object, name: str | None, kind: str, reflected: bool, _: object) -> bool:
        if kind == "table" and name in SQLITE_TABLES:
            return database.sqlite
        return not (database.sqlite and isinstance(thing, Index) and name in POSTGRES_INDEXES)

    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": belongs, "compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert {name for (name,) in connection.execute(text("SELECT name FROM counter"))} == set(COUNTERS)
    database.close()


def test_a_store_of_the_first_version_is_migrated_with_its_products(url: str) -> None:
    store = open_store(url)
    store.catalogue.upsert([Product(item_id="tea", title="Tea")])
    store.catalogue.upsert([Product(item_id="cup", title="Cup")])
    revision = store.catalogue.revision()
    store.close()
    _downgrade(url, "0001")
    store = open_store(url)
    ((told, products, gone),) = store.catalogue.changes(0)
    assert (told, [product.title for product in products], gone) == (revision, ["Tea", "Cup"], [])
    store.catalogue.upsert([Product(item_id="cup", title="Cup, blue")])
    assert [[product.item_id for product in products] for _, products, _ in store.catalogue.changes(told)] == [["cup"]]
    store.close()


def _downgrade(url: str, revision: str) -> None:
    """Make the database one of an earlier version."""
    database = Database(url)
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    database.close()


def test_two_processes_may_open_a_new_store_at_once(url: str) -> None:
    code = f"from shoplens.store.sql import open_store; s = open_store({url!r}); s.ping(); s.close()"
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    for process in processes:
        _, complaint = process.communicate()
        assert process.returncode == 0, complaint.decode()


def test_a_newer_schema_is_refused(url: str) -> None:
    open_store(url).close()
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreError, match="upgrade Shoplens"):
        open_store(url)


@pytest.mark.parametrize("url", ["mysql://localhost/shop", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_urls_that_cannot_be_a_store(url: str) -> None:
    with pytest.raises(ConfigurationError, match="database_url"):
        open_store(url)


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"shoplens\[postgres\]"):
        open_store("postgresql://localhost/shop")


def test_an_unreachable_server_is_unavailable_and_its_password_stays_secret() -> None:
    with pytest.raises(StoreUnavailableError) as caught:
        open_store("postgres://ann:s3cret@127.0.0.1:1/shop?connect_timeout=2")
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_missing_folder_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="folder"):
        open_store(f"sqlite:///{tmp_path / 'nowhere' / 'shop.sqlite'}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.sqlite").write_bytes(b"hello, this is not a database at all" * 100)
    with pytest.raises(StoreError, match="not a database") as caught:
        open_store(f"sqlite:///{tmp_path / 'shop.sqlite'}")
    assert not isinstance(caught.value, StoreUnavailableError)


def test_a_lock_held_too_long_is_unavailable_and_readers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.2)
    file = tmp_path / "shop.sqlite"
    store = open_store(f"sqlite:///{file}")
    store.events.append(batch_of(view(1)))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="try again"):
        store.events.append(batch_of(view(2)))
    assert len(store.events.history(user_id="ann")) == 1
    other.execute("ROLLBACK")
    other.close()
    assert store.events.append(batch_of(view(2))).stored == 1
    store.close()


def test_a_full_disk_is_unavailable_and_leaves_no_half_batch(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'shop.sqlite'}")
    store.events.append(batch_of(view(1)))
    database: Database = store._database  # type: ignore[attr-defined]
    with database.reading() as connection:  # the pool gives the same one to whoever writes
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count={pages + 2}"))
    large = batch_of(*(view(number, item=f"i{number}" * 50) for number in range(2, 500)))
    with pytest.raises(StoreUnavailableError, match="disk is full"):
        store.events.append(large)
    assert (store.events.count(), store.catalogue.count()) == (1, 1)
    with database.reading() as connection:
        connection.execute(text("PRAGMA max_page_count=1000000"))
    assert store.events.append(large).stored == 498
    store.close()


@pytest.mark.parametrize("title", ["half of a pair \ud83d", "zero \x00 character"])
def test_a_text_that_cannot_be_stored_is_refused_and_nothing_is_kept(url: str, title: str) -> None:
    store = open_store(url)
    try:
        store.catalogue.upsert([Product(item_id="good"), Product(item_id="bad", title=title)])
    except StoreError:
        assert store.catalogue.count() == 0
    else:
        assert store.catalogue.get(["bad"])["bad"].title == title, "stored, so it must come back"
    store.close()


def test_a_failed_append_leaves_no_stubs_behind(url: str) -> None:
    store = open_store(url)
    batch = batch_of(view(1), view(2, item="cup"))
    batch.timestamp[1] = 2**70
    with pytest.raises(StoreError):
        store.events.append(batch)
    assert (store.events.count(), store.catalogue.count(), store.people.count()) == (0, 0, 0)
    batch.timestamp[1] = 5
    assert store.events.append(batch).new_products == 2, "what was rolled back is not remembered"
    assert len(store.events.history(user_id="ann")) == 2
    store.close()


def test_forgetting_wipes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.sqlite"
    store = open_store(f"sqlite:///{file}")
    store.events.append(batch_of(*(view(number, user="somebody-secret") for number in range(200))))
    store.people.delete("somebody-secret")
    store.close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert b"somebody-secret" not in file.read_bytes()


def test_many_threads_share_a_store(url: str) -> None:
    store = open_store(url)
    store.events.append(batch_of(*(view(number) for number in range(30))))
    lengths: list[int] = []
    threads = [
        threading.Thread(target=lambda: lengths.append(len(store.events.history(user_id="ann")))) for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [30] * 40
    store.close()
