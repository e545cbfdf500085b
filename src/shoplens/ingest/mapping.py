"""`--map ours=theirs`: which column of a feed holds which of our fields."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

from shoplens.errors import ConfigurationError

ATTRIBUTE = "attributes."
ANY_ATTRIBUTE = f"{ATTRIBUTE}NAME"  # among known fields: any attribute


def parse_mapping(pairs: Iterable[str], known: Collection[str] | None = None) -> dict[str, str]:
    """ "title=商品名" and so on as {ours: theirs}.

    Ours must be in `known`, or `attributes.NAME`; without `known` any name is taken. ConfigurationError names the pair
    that is wrong and what fits.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        ours, sign, theirs = (part.strip() for part in pair.partition("="))
        if not sign or not ours or not theirs:
            raise ConfigurationError(f"--map {pair!r}: write it as ours=theirs, for example title=Name")
        if known is not None:
            check_fields({ours: theirs}, (*known, ANY_ATTRIBUTE))
        if ours in mapping:
            raise ConfigurationError(f"--map: {ours!r} is given twice ({mapping[ours]!r} and {theirs!r})")
        mapping[ours] = theirs
    return mapping


def check_fields(mapping: Mapping[str, str], known: Collection[str], *, others: bool = False) -> None:
    """ConfigurationError when the mapping names a field that there is not; it says which fits, or which there are.

    `others`: any other field may be named too, but not one that is a known one misspelt.
    """
    for ours, theirs in mapping.items():
        if ours in known or (ANY_ATTRIBUTE in known and ours.startswith(ATTRIBUTE) and len(ours) > len(ATTRIBUTE)):
            continue
        near = get_close_matches(ours.casefold(), known, n=1, cutoff=0.85 if others else 0.6)
        if others and not near:
            continue
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigurationError(
            f"--map {ours}={theirs}: there is no field {ours!r}; {hint}known: {', '.join(sorted(known))}"
        )


def check_columns(mapping: dict[str, str], columns: Iterable[str], name: str) -> None:
    """ConfigurationError when a mapped column is not in the file."""
    present = list(columns)
    for ours, theirs in mapping.items():
        if theirs not in present:
            raise ConfigurationError(
                f"{name}: --map {ours}={theirs}: the file has no column {theirs!r}; it has {', '.join(present[:30])}"
            )
