"""Everything of a shop that cannot be made again, in one file, while it is served; and a shop out of such a file.

What is in it: the database as of one moment, bundles, fine-tuned encoders, vectors, uploaded media, settings without
their secrets, hashes of API keys, experiments. What is not: indexes of search (made again when the shop is opened),
runs, conversations.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
import tomllib
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from shoplens import __version__
from shoplens.errors import ConfigurationError, ConflictError, FormatError, InputError
from shoplens.features.table import INDEX
from shoplens.service.archive import ArchiveWriter, packed_lines, unpack, unpacked_lines
from shoplens.service.experiments import FILE as EXPERIMENTS
from shoplens.service.keyring import FILE as KEYS
from shoplens.service.settings import FILE_NAME, HEAD, Settings, without_secrets
from shoplens.service.workspace import Workspace
from shoplens.store.dump import dumping, load
from shoplens.store.faults import without_password

DATABASE, SETTINGS = "database", "settings"
#: Folders of a workspace; any of them may be left out.
FOLDERS = ("bundles", "models", "features", "media")
_PACKED = ".jsonl.gz"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written, or is in a file."""

    file: Path
    created: int  # seconds since 1970
    version: str  # of the Shoplens that wrote it
    rows: dict[str, int]  # table → rows
    files: int
    bytes: int


def back_up(
    workspace: Workspace, file: Path, *, without: Collection[str] = (), progress: Progress | None = None
) -> Backup:
    """Write a backup, also of a shop that is being served; `file` appears when it is complete.

    InputError for a name in `without` that is none of `FOLDERS`, ConflictError when there is such a file.
    """
    unknown = sorted(set(without) - set(FOLDERS))
    if unknown:
        raise InputError(f"without {unknown[0]!r}: what can be left out is {', '.join(FOLDERS)}")
    if file.is_dir():
        raise ConfigurationError(f"{file} is a folder; name a file in it, for example {file / 'shop.tar'}")
    if file.exists():
        raise ConflictError(f"{file} is there already; name another file")
    if not file.parent.is_dir():  # not made here: where a disk is not mounted, the backup would lie beside the shop
        raise ConfigurationError(f"there is no folder {file.parent}; make it, or name another")
    tell = progress or (lambda _what, _done, _total: None)
    try:
        archive = ArchiveWriter(file)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written ({error.strerror}); name another") from error
    try:
        about: dict[str, Any] = {"created": int(time.time()), "shoplens": __version__, "without": sorted(without)}
        with tempfile.TemporaryDirectory(prefix=".shoplens-backup-", dir=file.parent) as temporary:
            about |= _put_database(workspace, archive, Path(temporary), tell)
            size = _put_files(workspace, archive, Path(temporary), without, tell)
        about["files"] = len(size)
        archive.close(about)
    except BaseException:
        archive.abandon()
        raise
    return _described(file, about)


def restore(file: Path, root: Path, *, database_url: str | None = None, progress: Progress | None = None) -> Backup:
    """Make a workspace out of a backup, in a folder that is new or empty, and in a database that is empty.

    `database_url` None: SQLite in the workspace; another is written into its settings, less the password. Nothing
    is left behind when it is refused: UnsafeInputError, FormatError, ConflictError say why.
    """
    tell = progress or (lambda _what, _done, _total: None)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ConflictError(f"{root} is not an empty folder; name a new one")
    staging = root.with_name(f".{root.name}.restoring")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        about = _unpacked(file, staging, tell)
        url = database_url or f"sqlite:///{(staging / 'shop.sqlite').resolve()}"
        packed = sorted((staging / DATABASE).glob(f"*{_PACKED}"), key=lambda one: about["tables"].index(_table(one)))
        tables = {_table(one): _told(one, tell) for one in packed}
        load(url, tables, revision=str(about["revision"]), last_rows=about["last_rows"])
        _settle(staging, database_url)
        if root.exists():
            root.rmdir()
        staging.rename(root)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be restored into {root}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return _described(file, about)


def check(file: Path, *, progress: Progress | None = None) -> Backup:
    """Read a backup without restoring it: everything is there and every checksum is right, else FormatError."""
    tell = progress or (lambda _what, _done, _total: None)
    with tempfile.TemporaryDirectory(prefix="shoplens-check-") as temporary:
        return _described(file, _unpacked(file, Path(temporary) / "unpacked", tell))


def _put_database(workspace: Workspace, archive: ArchiveWriter, temporary: Path, tell: Progress) -> dict[str, Any]:
    rows: dict[str, int] = {}
    with dumping(workspace.database_url) as dump:
        for number, name in enumerate(dump.tables):
            tell("database", number, len(dump.tables))
            packed = temporary / f"{name}{_PACKED}"
            counted = _Counting(dump.lines(name))
            packed_lines(packed, counted)
            archive.add(f"{DATABASE}/{packed.name}", packed)
            packed.unlink()
            rows[name] = counted.lines - 1  # the first one names the columns
        tell("database", len(dump.tables), len(dump.tables))
        return {"revision": dump.revision, "tables": list(dump.tables), "rows": rows, "last_rows": dump.last_rows()}


def _put_files(
    workspace: Workspace, archive: ArchiveWriter, temporary: Path, without: Collection[str], tell: Progress
) -> list[int]:
    written = tomllib.loads((workspace.root / FILE_NAME).read_text(encoding="utf-8"))
    kept = HEAD + tomli_w.dumps(without_secrets(written))
    sizes = [archive.add_bytes(f"{SETTINGS}/{FILE_NAME}", kept.encode())]
    search = workspace.settings.search
    beside = (KEYS, EXPERIMENTS, search.synonyms, search.words, search.judgements, search.curation)
    own = [name for name in beside if Path(name).name == name and (workspace.root / name).is_file()]
    sizes += [archive.add(f"{SETTINGS}/{name}", workspace.root / name) for name in own]
    found = [path for folder in FOLDERS if folder not in without for path in _files(workspace.root / folder)]
    for number, path in enumerate(found):
        tell("files", number, len(found))
        name = path.relative_to(workspace.root).as_posix()
        try:
            source = _still(path, temporary) if path.suffix == ".sqlite" else path
            sizes.append(archive.add(name, source))
        except FileNotFoundError:
            continue  # an upload or an old table that was deleted meanwhile
    tell("files", len(found), len(found))
    return sizes


def _files(folder: Path) -> Iterator[Path]:
    """Files of a folder, none that is unfinished. The index of vectors comes before them: they are only appended to."""
    if not folder.is_dir():
        return
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in sorted(found, key=lambda one: (one.parent, one.name != INDEX, one.name)):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix not in (".lock", ".sqlite-wal", ".sqlite-shm"):
            yield path


def _still(path: Path, temporary: Path) -> Path:
    """A copy of an SQLite file that somebody may be writing to."""
    copy = temporary / path.name
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _unpacked(file: Path, folder: Path, tell: Progress) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(f"{file} is a folder; name the backup in it" if file.is_dir() else f"there is no file {file}")
    tell("unpack", 0, 0)
    about = unpack(file, folder, known=(DATABASE, SETTINGS, *FOLDERS))
    try:
        listed = {f"{DATABASE}/{name}{_PACKED}" for name in about["tables"]}
        there = {name for name in about["members"] if name.startswith(f"{DATABASE}/")}
        numbers = all(isinstance(one, int) for one in (*about["rows"].values(), *about["last_rows"].values()))
        if listed != there or not numbers or f"{SETTINGS}/{FILE_NAME}" not in about["members"]:
            raise FormatError(f"{file} is damaged: its manifest does not fit what is in it")
        _described(file, about)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(f"{file} is damaged: its manifest lacks something: {error!r}") from error
    return about


def _settle(staging: Path, database_url: str | None) -> None:
    """Settings move to where they belong; they are read once, so that no shop is restored that cannot be opened."""
    shutil.rmtree(staging / DATABASE)
    for path in sorted((staging / SETTINGS).iterdir()):
        if path.is_file():
            path.rename(staging / path.name)
    shutil.rmtree(staging / SETTINGS)
    for folder in ("features", "bundles", "runs"):
        (staging / folder).mkdir(exist_ok=True)
    file = staging / FILE_NAME
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"the backup's settings are no TOML: {error}") from error
    settings.pop("database_url", None)
    if database_url is not None:  # or whoever forgets the environment would be served from an empty SQLite file
        settings["database_url"] = without_password(database_url)
    file.write_text(HEAD + tomli_w.dumps(settings), encoding="utf-8")
    Settings.read(file)


class _Counting:
    """Lines handed on, and how many there were."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.lines = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.lines += block.count(b"\n")
            yield block


def _told(path: Path, tell: Progress) -> Iterator[bytes]:
    tell(f"table {_table(path)}", 0, 0)
    yield from unpacked_lines(path)


def _table(path: Path) -> str:
    return path.name.removesuffix(_PACKED)


def _described(file: Path, about: dict[str, Any]) -> Backup:
    rows = {str(name): int(count) for name, count in about["rows"].items()}
    return Backup(file, int(about["created"]), str(about["shoplens"]), rows, int(about["files"]), file.stat().st_size)
