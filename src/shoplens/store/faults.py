"""What a database driver says, in our words: try again later, or not. No message carries a password."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shoplens.errors import StoreError, StoreUnavailableError

_SQLITE_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process has been writing to it for too long; try again",
    sqlite3.SQLITE_LOCKED: "another connection holds a table; try again",
    sqlite3.SQLITE_FULL: "the disk is full; make room and run the same command again",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and may be written to",
    sqlite3.SQLITE_IOERR: "reading or writing the file failed; check the disk",
    sqlite3.SQLITE_READONLY: "it may only be read; check the rights of the file and of its folder",
}

#: What callers are told, without address, user or path.
AWAY = "the database does not answer; try again"
REFUSED = "the database refused; the service's log says why"

# PostgreSQL's classes of SQLSTATE that say "not now": connection, rolled back, resources, lock timeout, shutdown.
_POSTGRES_LATER = ("08", "40", "53", "55", "57")


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn whatever the driver raises inside the block into StoreError or StoreUnavailableError."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreUnavailableError(
            f"database {shown(url)}: all connections are in use; try again",
            told="the database: all connections are in use; try again",
        ) from error
    except DBAPIError as error:
        raise _fault(error.orig, url) from error
    except SQLAlchemyError as error:
        raise StoreError(f"database {shown(url)}: {_without_secret(str(error), url)}", told=REFUSED) from error
    except UnicodeEncodeError as error:
        raise StoreError(f"a text cannot be stored: it is not valid Unicode ({error.reason})") from error
    except OverflowError as error:
        raise StoreError(f"a number does not fit into 64 bits: {error}") from error
    except Exception as error:
        if isinstance(error, sqlite3.Error) or _sqlstate(error) is not None or _is_psycopg(error):
            raise _fault(error, url) from error
        raise


def shown(url: URL) -> str:
    """The URL as it may be shown."""
    return url.render_as_string(hide_password=True)


def without_password(url: str) -> str:
    """A database URL that may lie in a file: the same one when it holds no password."""
    parsed = make_url(url)
    secret = [name for name in parsed.query if "password" in name]  # libpq takes them among the options, too
    if not parsed.password and not secret:
        return url
    bare = URL.create(parsed.drivername, parsed.username, None, parsed.host, parsed.port, parsed.database, parsed.query)
    return bare.difference_update_query(secret).render_as_string(hide_password=False)


def _fault(error: BaseException | None, url: URL) -> StoreError:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
        if code in _SQLITE_ADVICE:
            return StoreUnavailableError(
                f"database {shown(url)}: {_SQLITE_ADVICE[code]} ({error})", told=f"the database: {_SQLITE_ADVICE[code]}"
            )
        return StoreError(f"database {shown(url)}: {error}", told=REFUSED)
    # The first line alone: a server's details quote rows, such as "Key (user_id)=(…) already exists".
    said = _without_secret(" ".join((_primary(error) or str(error)).split()), url)
    state = _sqlstate(error)
    lost = state is None and type(error).__name__ == "OperationalError"  # never reached the server
    if lost or (state or "").startswith(_POSTGRES_LATER):
        return StoreUnavailableError(f"database {shown(url)} does not answer: {said}", told=AWAY)
    return StoreError(f"database {shown(url)}: {said}", told=REFUSED)


def _sqlstate(error: BaseException | None) -> str | None:
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _primary(error: BaseException | None) -> str | None:
    said = getattr(getattr(error, "diag", None), "message_primary", None)
    return said if isinstance(said, str) else None


def _is_psycopg(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] == "psycopg"


def _without_secret(said: str, url: URL) -> str:
    return said.replace(str(url.password), "***") if url.password else said
