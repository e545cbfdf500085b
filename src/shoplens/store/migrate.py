"""Bring a database to the newest schema when it is opened; safe when several processes open it at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from shoplens.errors import StoreError
from shoplens.store.database import Database
from shoplens.store.faults import shown
from shoplens.store.schema import REVISION

FOLDER = Path(__file__).parent / "migrations"


def migrate(database: Database, revision: str = REVISION) -> None:
    """Run the missing steps in one write transaction. StoreError when the database is of a newer Shoplens.

    An earlier `revision` is for a new database alone, which is to hold what was written down in its days.
    """
    with database.reading() as connection:
        if _revision(connection) == revision:
            return
    with database.writing() as connection:
        present = _revision(connection)  # again: another process may have been faster
        if present == revision:
            return
        _upgrade(database, connection, present, revision)


def _revision(connection: Connection) -> str | None:
    """Name of the last step that the database has seen."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(database: Database, connection: Connection, present: str | None, wanted: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(
            f"database {shown(database.url)} has schema {present!r}, which this version of Shoplens does not know "
            f"(its own is {REVISION!r}); upgrade Shoplens"
        )
    if wanted not in known:
        raise StoreError(f"this version of Shoplens does not know schema {wanted!r} (its own is {REVISION!r}); upgrade")
    config.attributes["connection"] = connection
    command.upgrade(config, wanted)
