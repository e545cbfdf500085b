"""How commands show what a search found: what was understood, the products, how they spread."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.control import strip_control_codes
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shoplens.cli.ranking import price_of

if TYPE_CHECKING:
    from shoplens.domain.catalogue import Product
    from shoplens.recommend.asking import Constraint, Facet, Found, Hit
    from shoplens.service.runtime import Runtime

BAR = 12  # characters of the longest bar
SHOWN_VALUES = 6  # of a facet
LABEL = 24  # characters of a value that are shown
EIGHTHS = " ▏▎▍▌▋▊▉█"
HEIGHTS = "▁▂▃▄▅▆▇█"


def found_view(shop: Runtime, found: Found, *, heard: str = "", explain: bool = False) -> RenderableType:
    """For people: chips, sentences, a table of products, facets as small bars."""
    missing = no_products(shop) if not found.items else None
    if missing is not None:
        return missing
    products = shop.store.catalogue.get([one.item_id for one in found.items])
    lines: list[RenderableType] = list(_sentences(found, heard))
    if found.understood:
        lines.append(chips(found.understood))
    lines.append(_products(found, products, explain=explain) if found.items else Text("nothing found", style="bold"))
    if found.facets:
        lines.append(Padding(Columns([_facet(one) for one in found.facets], padding=(0, 4)), (1, 0, 0, 1)))
    return Group(*lines)


def answer_view(shop: Runtime, found: Found, *, said: str, heard: str = "") -> RenderableType:
    """The same for a turn of a conversation: `said` says what was found, and what comes next is asked for in words."""
    products = shop.store.catalogue.get([one.item_id for one in found.items])
    rescued = found.rescued if found.items and found.rescued != said else None
    found = replace(found, note=None, rescued=rescued, cursor=None)
    lines: list[RenderableType] = list(_sentences(found, heard))
    if found.understood:
        lines.append(chips(found.understood))
    lines.append(_products(found, products, explain=False) if found.items else _caption(found))
    return Group(*lines)


def no_products(shop: Runtime) -> Text | None:
    """What to run in a shop that has no products yet; None in all others."""
    if shop.store.catalogue.count(stubs=False):
        return None
    folder = shop.workspace.root
    where = "" if folder.resolve() == Path.cwd() else f" --workspace {shlex.quote(str(folder))}"
    return Text(f"no products yet; take some in: shoplens ingest products FILE{where}", style="bold")


def counted(count: int, thing: str) -> str:
    """ "1 product", "1,200 products"."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def chips(understood: tuple[Constraint, ...]) -> Text:
    """What was read out of the words, each with the id that takes it away; what only prefers says so."""
    line = Text.assemble(("understood ", "dim"))
    for one in understood:
        told = one.label if one.strict else f"{one.label}, first"
        line.append(f" {told} ", style="black on cyan" if one.strict else "black on white")
        line.append(f" {one.id}  ", style="dim")
    return line


def highlighted(html: str) -> Text:
    """A highlight of an answer in the terminal's own way; everything else in it is text as it stands."""
    text = Text()
    for part in re.split(r"(<em>.*?</em>)", html, flags=re.DOTALL):
        found = part.startswith("<em>") and part.endswith("</em>")
        # A terminal has no place for controls, and rich would mark an empty span where it drops one.
        words = strip_control_codes(unescape(part[4:-5] if found else part))
        if words:
            text.append(words, style="bold yellow" if found else "")
    return text


def _sentences(found: Found, heard: str) -> Iterator[Text]:
    if heard:
        yield Text.assemble(("heard ", "dim"), heard)
    if found.corrected_from is not None:
        yield Text.assemble(("corrected from ", "dim"), found.corrected_from)
    if found.did_you_mean is not None:
        yield Text.assemble(("did you mean ", "dim"), (found.did_you_mean, "bold"), ("?", "dim"))
    for sentence in (found.rescued, found.note):
        if sentence:
            yield Text(sentence, style="yellow")


def _products(found: Found, products: Mapping[str, Product], *, explain: bool) -> RenderableType:
    table = Table(caption=_caption(found), caption_justify="left")
    table.add_column("", justify="right")
    table.add_column("product", overflow="fold")
    table.add_column("title", ratio=1)
    table.add_column("price", justify="right", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    if explain:
        table.add_column("why", ratio=1)
    for place, one in enumerate(found.items, start=1):
        product = products.get(one.item_id)
        mark = "★" if one.item_id in found.pinned else str(place)
        cells = [Text(mark), Text(one.item_id), _title(one, product), Text(price_of(product)), Text(f"{one.score:.3f}")]
        table.add_row(*cells, *([_why(one)] if explain else []))
    return table


def _title(one: Hit, product: Product | None) -> Text:
    """The title, found words standing out; below it where else they were found, and the variants."""
    marked = one.highlights.get("title")
    text = highlighted(marked) if marked is not None else Text(product.title if product is not None else "")
    for field, html in one.highlights.items():
        if field != "title":
            text.append(f"\n{field}: ", style="dim")
            text.append_text(highlighted(html))
    if one.variants:
        text.append(f"\n+ {counted(len(one.variants), 'variant')}", style="dim")
    for moment in one.moments:
        text.append(f"\nseen at {moment.start:.1f}–{moment.end:.1f} s", style="dim")
    return text


def _why(one: Hit) -> Text:
    from shoplens.http.wire.search import signals_of

    parts = "  ".join(f"{name} {value:.2f}" for name, value in signals_of(one.parts).items())
    return Text("\n".join((*one.reasons, parts)).strip())


def _caption(found: Found) -> Text:
    many = counted(found.total, "product")
    caption = Text(f"{many} by {found.model}", style="dim")
    if found.cursor is not None:
        caption.append(f"; the next: --cursor {found.cursor}")
    return caption


def _facet(facet: Facet) -> RenderableType:
    """One facet: its values with bars, or a range with a line of heights."""
    title = Text(facet.field, style="bold")
    if facet.kind == "numbers":
        known = facet.low is not None and facet.high is not None
        return Group(title, *([f"{facet.low:g} – {facet.high:g}"] if known else []), Text(heights(facet.bins), "cyan"))
    grid = Table.grid(padding=(0, 1))
    most = max((one.count for one in facet.values), default=0)
    for one in facet.values[:SHOWN_VALUES]:
        label = one.label if len(one.label) <= LABEL else f"{one.label[: LABEL - 1]}…"
        grid.add_row(
            Text(f"● {label}" if one.selected else label, style="bold" if one.selected else ""),
            Text(bar(one.count, most), style="cyan"),
            Text(f"{one.count:,}", style="dim", justify="right"),
        )
    if len(facet.values) > SHOWN_VALUES:
        grid.add_row(Text(f"and {len(facet.values) - SHOWN_VALUES} more", style="dim"))
    return Group(title, grid)


def bar(count: int, most: int) -> str:
    """A bar as long as `count` is of `most`, to an eighth of a character; what is there is seen."""
    eighths = max(round(count / most * BAR * 8), 1) if most and count else 0
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def heights(bins: tuple[int, ...]) -> str:
    """Counts as a line of heights; empty ones are blank."""
    most = max(bins, default=0)
    return "".join(HEIGHTS[min(count * len(HEIGHTS) // most, len(HEIGHTS) - 1)] if count else " " for count in bins)
