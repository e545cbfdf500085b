"""Every error that Shoplens raises on purpose.

    ShoplensError
    ├── InputError            what came from outside cannot be used; the message says where and why
    │   ├── FormatError       a file is not in the format that was expected
    │   ├── UnsafeInputError  a URL, archive or media file was refused for safety
    │   └── StrictError       `--strict` met a row that would have been refused
    ├── NotFoundError         no such person, product, bundle, …
    ├── ConflictError         what is asked for contradicts what there is
    ├── ConfigurationError    a setting is wrong; the message names it and what to write instead
    │   └── MissingExtraError an optional dependency is not installed; the message names the extra
    ├── ModelFileError        a pretrained model's file is missing or altered
    ├── BundleError           a bundle is damaged, incomplete or of another version
    ├── ServiceError          a service elsewhere (an embeddings endpoint) refused or answered nonsense
    │   └── ServiceUnavailableError  it cannot be reached now, or is too busy; trying again may help
    └── StoreError            the database refused or is of another version
        └── StoreUnavailableError  the database cannot be reached now; trying again may help

The names are exhaustive on purpose: `http/errors.py` maps each to a status, the command line to an exit code.
"""

from collections.abc import Collection
from difflib import get_close_matches


def did_you_mean(said: str, known: Collection[str]) -> str:
    """ "did you mean NAME? " when one of the known names is near to what was said, else nothing: for messages."""
    near = get_close_matches(said.casefold(), {name.casefold(): name for name in known}, n=1)
    return f"did you mean {next(name for name in known if name.casefold() == near[0])}? " if near else ""


class ShoplensError(Exception):
    """Base of all errors raised on purpose; its message is meant for the person who caused it."""


class InputError(ShoplensError):
    """What came from outside cannot be used."""


class FormatError(InputError):
    """A file is not in the format that was expected."""


class UnsafeInputError(InputError):
    """A URL, archive or media file was refused for safety."""


class StrictError(InputError):
    """`--strict` met a row that would have been refused."""


class NotFoundError(ShoplensError):
    """No such person, product or bundle."""


class ConflictError(ShoplensError):
    """What is asked for contradicts what there is."""


class ConfigurationError(ShoplensError):
    """A setting is wrong."""


class MissingExtraError(ConfigurationError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part: pip install 'shoplens[{extra}]'")
        self.extra = extra


class ModelFileError(ShoplensError):
    """A pretrained model's file is missing or altered."""


class BundleError(ShoplensError):
    """A bundle is damaged, incomplete or of another version."""


class ServiceError(ShoplensError):
    """A service elsewhere refused, or answered what cannot be right."""


class ServiceUnavailableError(ServiceError):
    """A service elsewhere cannot be reached now, or is too busy."""


class StoreError(ShoplensError):
    """The database refused, or its schema is of another version.

    `told` is what callers over the network may read: where the database is and how it is reached is nobody's business
    but the log's."""

    def __init__(self, message: str, *, told: str | None = None) -> None:
        super().__init__(message)
        self.told = message if told is None else told


class StoreUnavailableError(StoreError):
    """The database cannot be reached now; trying again may help."""
