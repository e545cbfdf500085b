"""Which font of the machine can write the names of a shop, in any script.

matplotlib brings DejaVu Sans, which has no Chinese, and draws an empty box for each letter that a font lacks. A server
often has no other font: then whoever plots has to do without the names.
"""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font


def font_for(texts: Iterable[str]) -> FontProperties | None:
    """A font with every letter of the texts: the usual one where it has them, else the first installed; None when no
    font has them all. matplotlib's "Last Resort" has a box for everything, and is none."""
    wanted = {ord(letter) for text in texts for letter in text if not letter.isspace()}
    installed = [one.fname for one in fontManager.ttflist if "last resort" not in one.name.casefold()]
    for file in dict.fromkeys([findfont(FontProperties()), *installed]):
        try:
            if wanted <= get_font(file).get_charmap().keys():
                return FontProperties(fname=file)
        except (OSError, RuntimeError):  # listed once, and gone or damaged since
            continue
    return None


def numbered(texts: Iterable[str], font: FontProperties | None) -> list[str]:
    """What stands in the picture: the texts, or their numbers from 1 where no font has their letters."""
    return [str(place) if font is None else text for place, text in enumerate(texts, start=1)]
