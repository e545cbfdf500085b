"""Documents of a shop as headings and paragraphs: Markdown, HTML, plain text, tables of questions and answers.

`pdf` makes the same of PDFs, whose text is read in another process.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from selectolax.lexbor import LexborHTMLParser, LexborNode

from shoplens.errors import FormatError, InputError

MAX_BYTES = 20_000_000  # of one document
KINDS = {
    ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".txt": "text", ".csv": "table",
    ".tsv": "table",
}  # fmt: skip
PDF = ".pdf"
ENDINGS = frozenset({*KINDS, PDF})  # of everything that can be a document
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^(=+|-{3,})\s*$")
_NUMBERED = re.compile(r"^(?:\d+(?:\.\d+)*[.)]?\s+|第[一二三四五六七八九十]+[章节条]\s*)\S.{0,80}$")
#: One that is not closed hides the rest where it begins a line; `<!--` in a sentence or in code is text.
_COMMENT = re.compile(r"(?<!`)<!--.*?-->|^ {0,3}<!--.*\Z", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"(\*\*|__|\*|`|~~)(\S(?:.*?\S)?)\1")
_BLOCKS = "h1,h2,h3,h4,h5,h6,p,li,dt,dd,td,th,blockquote,pre,summary"
_QUESTION = ("question", "q", "utterance", "问题", "提问")
_ANSWER = ("answer", "a", "response", "回答", "答案")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or a list item under its headings."""

    path: tuple[str, ...]  # headings from broad to narrow
    text: str
    line: int  # in the file, from 1
    item: bool = False  # of a list
    page: int | None = None  # of a PDF, from 1; then `line` is counted on that page


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read."""

    name: str
    title: str
    blocks: tuple[Block, ...]


def read_document(name: str, content: bytes) -> Document:
    """A document other than a PDF, by the ending of its name.

    FormatError when it cannot be read, InputError when nothing is in it.
    """
    kind = KINDS.get(PurePath(name).suffix.lower())
    if kind is None:
        raise FormatError(f"{name}: documents end in {', '.join(sorted(ENDINGS))}")
    if content.startswith(b"%PDF-"):
        raise FormatError(f"{name}: is a PDF; let its name end in {PDF}")
    if len(content) > MAX_BYTES:
        raise InputError(f"{name}: more than {MAX_BYTES // 1_000_000} MB; cut it into several documents")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError as error:
            raise FormatError(f"{name}: is not text in UTF-8 or GB 18030; convert it first") from error
    if "\0" in text:
        raise FormatError(f"{name}: is not a text")
    readers = {"markdown": _markdown, "html": _html, "text": _plain, "table": _table}
    blocks = tuple(block for block in readers[kind](text, name) if block.text)
    if not blocks:
        raise InputError(f"{name}: nothing to read in it; take it out, or write something into it")
    return Document(name, blocks[0].path[0] if blocks[0].path else PurePath(name).stem, blocks)


def _markdown(text: str, _name: str) -> Iterator[Block]:
    path: list[str] = []
    held: list[str] = []
    began, item, fenced = 1, False, False
    text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)  # nobody is shown them
    lines = [*_without_front_matter(text), ""]

    def block() -> Iterator[Block]:
        if held:
            yield Block(tuple(one for one in path if one), _bare(" ".join(held)), began, item)
            held.clear()

    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if line.startswith("```"):
            fenced = not fenced
            continue
        heading = None if fenced else _HEADING.match(raw)
        if heading is None and not fenced and _UNDERLINE.match(line) and len(held) == 1 and not item:
            level = 1 if line[0] == "=" else 2
            path[level - 1 :] = [_bare(held.pop())] if len(path) >= level - 1 else [*[""] * (level - 1 - len(path)), ""]
            continue
        if heading is not None:
            yield from block()
            level = len(heading[1])
            path += [""] * (level - 1 - len(path))
            path[level - 1 :] = [_bare(heading[2])]
            item = False
        elif not line:
            yield from block()
            item = False
        elif re.match(r"(?:[-*+]|\d{1,3}[.)])\s", line):
            yield from block()
            held.append(line)
            began, item = number, True
        else:
            if not held:
                began = number
            held.append(line.lstrip("> ") if not line.startswith("|") else " ".join(line.strip("|").split("|")))
    yield from block()


def _without_front_matter(text: str) -> list[str]:
    lines = text.splitlines()
    if lines and lines[0].strip() == "---":
        for number, line in enumerate(lines[1:], start=1):
            if line.strip() == "---":
                return [""] * (number + 1) + lines[number + 1 :]
    return lines


def _bare(line: str) -> str:
    """Without marks of emphasis and addresses of links."""
    shown = _LINK.sub(r"\1", line)
    for _ in range(3):
        shown = _MARKS.sub(r"\2", shown)
    return " ".join(shown.split())


def _html(text: str, _name: str) -> Iterator[Block]:
    tree = LexborHTMLParser(text)
    for node in tree.css("script,style,nav,footer,noscript,template,head"):
        node.decompose()
    path: list[str] = []
    root = tree.css_first("main") or tree.css_first("article") or tree.body
    for place, node in enumerate([] if root is None else root.css(_BLOCKS), start=1):
        said = " ".join(node.text(separator=" ").split())
        tag = node.tag or ""
        if re.fullmatch(r"h[1-6]", tag):
            level = int(tag[1])
            path += [""] * (level - 1 - len(path))
            path[level - 1 :] = [said]
        elif tag in ("dt", "summary"):
            path[min(len(path), 6) :] = []
            path = [*(one for one in path if not one.endswith("?")), said]
        elif not _holds_blocks(node):
            yield Block(tuple(one for one in path if one), said, place, tag == "li")


def _holds_blocks(node: LexborNode) -> bool:
    """Its parts come themselves."""
    return any(child.mem_id != node.mem_id for child in node.css(_BLOCKS))


def _plain(text: str, _name: str) -> Iterator[Block]:
    path: tuple[str, ...] = ()
    paragraph: list[str] = []
    began = 1
    for number, raw in enumerate([*text.replace("\f", "\n\n").splitlines(), ""], start=1):
        line = " ".join(raw.split())
        if line:
            if not paragraph:
                began = number
            paragraph.append(line)
            continue
        if len(paragraph) == 1 and looks_like_heading(paragraph[0]):
            path = (paragraph[0],)
        elif paragraph:
            yield Block(path, unwrapped(paragraph), began)
        paragraph = []


def looks_like_heading(line: str) -> bool:
    """Whether a line that stands alone is a heading, by its words."""
    if len(line) > 80 or line[-1] in ".!?;,。！？；，、:：":
        return False
    return bool(_NUMBERED.match(line)) or line.isupper() or len(line.split()) <= 8


def unwrapped(lines: list[str]) -> str:
    """Lines of a page as one paragraph; words that were divided at a line's end are one again."""
    text = lines[0]
    for line in lines[1:]:
        if text.endswith("-") and line[:1].islower():
            text = text[:-1] + line
        else:
            text += ("" if "\u4e00" <= text[-1] <= "\u9fff" else " ") + line
    return text


def _table(text: str, name: str) -> Iterator[Block]:
    header = text.split("\n", 1)[0]
    separator = max("\t,;", key=header.count)  # semicolons: as spreadsheets write them in much of Europe
    rows = csv.DictReader(io.StringIO(text), delimiter=separator)
    columns = {str(column).strip().lower(): column for column in rows.fieldnames or ()}
    question = next((columns[one] for one in _QUESTION if one in columns), None)
    answer = next((columns[one] for one in _ANSWER if one in columns), None)
    if question is None or answer is None:
        has = ", ".join(columns) or "none: it is empty"
        raise FormatError(f"{name}: a table of questions needs the columns question and answer; it has {has}")
    for row in rows:
        asked, told = (" ".join((row.get(column) or "").split()) for column in (question, answer))
        if asked and told:
            yield Block((asked,), told, rows.line_num)
