"""Words that a shop wants to be read as others: a text file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shoplens.errors import ConfigurationError

MOST = 50_000  # lines of a file
LONGEST = 100  # characters of a name


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Name → other names, as a shop wrote them. They are read when a query is; no product is indexed again.

    A file has one rule a line; "#" begins a comment. Names may have several words, in any language:

        sneaker, trainer, running shoe        any of them finds all of them
        iphone => apple phone, 苹果手机         the first finds the others as well, not the other way round
    """

    others: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file in UTF-8. ConfigurationError names the line that cannot be read."""
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"synonyms cannot be read from {path}: {error}") from error
        return cls.parse(text, name=str(path))

    @classmethod
    def parse(cls, text: str, *, name: str = "synonyms") -> Self:
        """From the text of a file, which errors call `name`."""
        lines = text.splitlines()
        if len(lines) > MOST:
            raise ConfigurationError(f"{name}: {len(lines):,} lines; at most {MOST:,} are read")
        rules: list[tuple[str, tuple[str, ...]]] = []
        for number, line in enumerate(lines, start=1):
            rule = line.partition("#")[0].strip()
            if not rule:
                continue
            left, arrow, right = rule.partition("=>")
            names, others = _names(left), _names(right)
            if (arrow and not (names and others)) or (not arrow and len(names) < 2) or "=>" in right:
                raise ConfigurationError(
                    f'{name}, line {number}: write "one, another" (each finds both) or "one => another", not {rule!r}'
                )
            if any(len(one) > LONGEST for one in (*names, *others)):
                raise ConfigurationError(f"{name}, line {number}: names have at most {LONGEST} characters")
            rules.extend((one, others or tuple(other for other in names if other != one)) for one in names)
        return cls(tuple(rules))


def read_words(path: Path) -> tuple[str, ...]:
    """A shop's own Chinese words, for `Analyser(words=…)`: a file in UTF-8. ConfigurationError for one that is none."""
    try:
        return parse_words(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the user dictionary cannot be read from {path}: {error}") from error


def parse_words(text: str) -> tuple[str, ...]:
    """From the text of a file: a word a line, "#" begins a comment.

    Lines of jieba's dictionaries ("优衣库 1000 nz") are read too: what follows the word is not needed.
    """
    words = (line.partition("#")[0].split() for line in text.splitlines()[:MOST])
    return tuple(dict.fromkeys(word[0] for word in words if word))


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.replace("，", ",").split(",") if name.strip()))
