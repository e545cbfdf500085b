"""`--map ours=theirs`: which column of a feed holds which of our fields."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from shoplens.errors import ConfigurationError

ATTRIBUTE = "attributes."


def parse_mapping(pairs: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """ "title=商品名" and so on as {ours: theirs}.

    Ours must be in `known`, or `attributes.NAME`. ConfigurationError names the pair that is wrong and what fits.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        ours, sign, theirs = (part.strip() for part in pair.partition("="))
        if not sign or not ours or not theirs:
            raise ConfigurationError(f"--map {pair!r}: write it as ours=theirs, for example title=Name")
        if ours not in known and not (ours.startswith(ATTRIBUTE) and len(ours) > len(ATTRIBUTE)):
            near = get_close_matches(ours, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
            raise ConfigurationError(f"--map {pair!r}: there is no field {ours!r}; {hint}")
        if ours in mapping:
            raise ConfigurationError(f"--map: {ours!r} is given twice ({mapping[ours]!r} and {theirs!r})")
        mapping[ours] = theirs
    return mapping


def check_columns(mapping: dict[str, str], columns: Iterable[str], name: str) -> None:
    """ConfigurationError when a mapped column is not in the file."""
    present = list(columns)
    for ours, theirs in mapping.items():
        if theirs not in present:
            raise ConfigurationError(
                f"{name}: --map {ours}={theirs}: the file has no column {theirs!r}; it has {', '.join(present[:30])}"
            )
