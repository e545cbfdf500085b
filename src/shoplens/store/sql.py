"""The store in a database: SQLite (a file) or PostgreSQL, by URL."""

from __future__ import annotations

from sqlalchemy import select, text

from shoplens.store.base import Catalogue, EventLog, People, Store
from shoplens.store.conversations import Handovers, Outbox, Transcripts
from shoplens.store.database import Database
from shoplens.store.decisions import ReviewList, SearchRules
from shoplens.store.erasures import SqlErasureLog
from shoplens.store.logs import ErasureLog, ImpressionLog, SearchLog
from shoplens.store.migrate import migrate
from shoplens.store.opinions import OpinionStore
from shoplens.store.postgres_log import PostgresEventLog
from shoplens.store.records import Checkpoint
from shoplens.store.schema import checkpoint
from shoplens.store.sql_catalogue import SqlCatalogue
from shoplens.store.sql_handovers import SqlHandovers
from shoplens.store.sql_impressions import SqlImpressionLog
from shoplens.store.sql_opinions import SqlOpinions
from shoplens.store.sql_outbox import SqlOutbox
from shoplens.store.sql_people import SqlPeople
from shoplens.store.sql_proposals import SqlReviewList
from shoplens.store.sql_search_rules import SqlSearchRules
from shoplens.store.sql_searches import SqlSearchLog
from shoplens.store.sql_transcripts import SqlTranscripts
from shoplens.store.sqlite_log import SqliteEventLog


class SqlStore:
    """The shop's truth in one database. Safe to use from several threads; several processes may open the same one."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        try:
            migrate(self._database)
        except BaseException:
            self._database.close()
            raise
        database = self._database
        self.events: EventLog = SqliteEventLog(database) if database.sqlite else PostgresEventLog(database)
        self.catalogue: Catalogue = SqlCatalogue(database)
        self.people: People = SqlPeople(database)
        self.searches: SearchLog = SqlSearchLog(database)
        self.impressions: ImpressionLog = SqlImpressionLog(database)
        self.erasures: ErasureLog = SqlErasureLog(database)
        self.transcripts: Transcripts = SqlTranscripts(database)
        self.proposals: ReviewList = SqlReviewList(database)
        self.search_rules: SearchRules = SqlSearchRules(database)
        self.opinions: OpinionStore = SqlOpinions(database)
        self.handovers: Handovers = SqlHandovers(database)
        self.outbox: Outbox = SqlOutbox(database)

    def checkpoint(self, source: str) -> Checkpoint | None:
        """How far an earlier import of this source came."""
        wanted = select(checkpoint.c.source, checkpoint.c.rows, checkpoint.c.finished)
        with self._database.reading() as connection:
            found = connection.execute(wanted.where(checkpoint.c.source == source)).first()
        return None if found is None else Checkpoint(found.source, found.rows, found.finished)

    def ping(self) -> None:
        """StoreUnavailableError when the database does not answer."""
        with self._database.reading() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give connections back."""
        self._database.close()


def open_store(url: str) -> Store:
    """Open the store at an SQLAlchemy URL (`sqlite:///FILE`, `postgresql://…`), making or migrating its tables.

    StoreUnavailableError when it cannot be reached, StoreError when it belongs to a newer Shoplens, MissingExtraError
    when the PostgreSQL driver is not installed.
    """
    return SqlStore(url)
