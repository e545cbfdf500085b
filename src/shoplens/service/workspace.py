"""The folder of one shop, and where its parts lie."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Self

import tomli_w

from shoplens.errors import ConfigurationError
from shoplens.service.settings import FILE_NAME, HEAD, Settings


class Workspace:
    """One folder: shoplens.toml, the SQLite file (unless PostgreSQL), features/, search/, bundles/, runs/."""

    def __init__(self, root: Path, settings: Settings | None = None) -> None:
        self.root = root
        self.settings = settings if settings is not None else Settings.read(root / FILE_NAME)

    @classmethod
    def create(cls, root: Path, **overrides: Any) -> Self:
        """Make the folder and a commented shoplens.toml, unless they are there; then open it."""
        try:
            root.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ConfigurationError(f"{root} cannot be a workspace: there is a file of that name") from error
        file = root / FILE_NAME
        if not file.exists():
            file.write_text(_first_file(overrides), encoding="utf-8")
        for folder in ("features", "bundles", "runs"):
            (root / folder).mkdir(exist_ok=True)
        return cls(root)

    @classmethod
    def open(cls, root: Path) -> Self:
        """Open an existing workspace; ConfigurationError says how to make one."""
        if root.is_file():
            raise ConfigurationError(f"{root} is a file; a workspace is a folder with {FILE_NAME}, name that")
        if not (root / FILE_NAME).exists():
            raise ConfigurationError(f"{root} is not a workspace (no {FILE_NAME}); make one with: shoplens init {root}")
        return cls(root)

    def merge(self, changes: dict[str, Any]) -> Path:
        """Write settings into shoplens.toml, keep the rest, and take them up; None takes a name out of the file.

        Comments are not carried over: the file as it was stays beside it, and its path is returned. ConfigurationError
        when the settings would not be valid; then nothing is written.
        """
        file = self.root / FILE_NAME
        before = file.read_text(encoding="utf-8")
        merged = _merged(tomllib.loads(before), changes)
        beside, kept = file.with_name(f"{FILE_NAME}.part"), file.with_name(f"{FILE_NAME}.before-tune")
        beside.write_text(HEAD + tomli_w.dumps(merged), encoding="utf-8")
        try:
            settings = Settings.read(beside)
        except ConfigurationError:
            beside.unlink()
            raise
        kept.write_text(before, encoding="utf-8")
        beside.replace(file)
        self.settings = settings
        return kept

    @property
    def database_url(self) -> str:
        """Where the truth is."""
        secret = self.settings.database_url
        return secret.get_secret_value() if secret is not None else f"sqlite:///{self.root.resolve() / 'shop.sqlite'}"

    @property
    def features(self) -> Path:
        """Vectors of the catalogue."""
        return self.root / "features"

    @property
    def media(self) -> Path:
        """Photos, videos and sound that were uploaded, each under the hash of its content."""
        return self.root / "media"

    @property
    def models(self) -> Path:
        """Encoders that were fine-tuned on this shop's products, one folder a version."""
        return self.root / "models"

    @property
    def bundles(self) -> Path:
        """Trained models, one immutable folder a version."""
        return self.root / "bundles"

    @property
    def runs(self) -> Path:
        """What each training did: tables, curves, plots."""
        return self.root / "runs"

    @property
    def search(self) -> Path:
        """Indexes of search; they can be made again from the store and the vectors at any time."""
        return self.root / "search"

    @property
    def assistant(self) -> Path:
        """Documents that the assistant answers from, and their vectors."""
        return self.root / "assistant"

    @property
    def conversations(self) -> Path:
        """Conversations that go on; each ends after half an hour without a turn."""
        return self.root / "conversations"

    @property
    def model_cache(self) -> Path:
        """Converted pretrained models, shared by all workspaces of this user."""
        return self.settings.model_cache or Path.home() / ".cache" / "shoplens" / "models"


def _first_file(overrides: dict[str, Any]) -> str:
    """Text of a new shoplens.toml: what differs from the defaults, and where to read about the rest."""
    if overrides:
        return HEAD + tomli_w.dumps(overrides)
    return (
        HEAD
        + '# database_url = "postgresql+psycopg://user@host/shop"   # default: the file shop.sqlite beside this one\n'
    )


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`old` with the values of `new`, table by table; what `new` says is None is taken out."""
    result = dict(old)
    for name, value in new.items():
        if isinstance(value, dict):
            result[name] = _merged(old.get(name, {}), value)
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result
