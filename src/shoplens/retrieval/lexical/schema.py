"""How products lie in the index.

Six fields of texts, each given as terms with spaces between (`Analyser.indexed`): base terms in order, so that
positions tell what stands next to one another, then extra terms. `any` holds each term of a product once: how many
products hold a term, and the vocabulary, are read there. One more document, of the kind "meta", tells the revision of
the catalogue up to which the index is complete; it changes in the same commit as the products do. Commits are
numbered, and each product tells in which it was written, so that who keeps something beside the index (see `covering`)
reads only what is new.

`content` repeats all terms as four bytes each, base terms in order, fields apart by four zeros. It is not searched: it
tells which of a query's words a product has that was found, by looking for four bytes, or for several times four.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from zlib import crc32

import tantivy

from shoplens.retrieval.lexical.analyser import SHORT, Analyser, squeeze
from shoplens.retrieval.lexical.document import TEXTS, Document

ANY, CODES, COMMIT, CONTENT, ID = "any", "codes", "commit", "content", "item_id"
KIND, NUMBER, REVISION = "kind", "number", "revision"
PRODUCT, META = "product", "meta"
LAYOUT = "3"  # raise it when this file comes to write something else
MOST_CHARACTERS = 20_000  # of one field; what follows is not found
SHARED = frozenset(("brand", "category"))  # many products have the same
REMEMBERED = 100_000  # terms whose four bytes are kept

BIRTH_BITS, COUNT_BITS = 31, 32  # of the number of a commit: of which index, and which of its commits
_APART = bytes(4)


class State(NamedTuple):
    """How far an index is."""

    revision: int  # of the catalogue, up to which it is complete
    commit: int  # the number of the last one, 0 = nothing was written yet; see `next_commit`


def schema() -> tantivy.Schema:
    """Fields of a document."""
    builder = tantivy.SchemaBuilder()
    for field in TEXTS:
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="position")
    builder.add_text_field(ANY, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field(CODES, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field(ID, stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_bytes_field(CONTENT, stored=True)
    builder.add_text_field(KIND, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field(NUMBER, fast=True)
    builder.add_unsigned_field(REVISION, stored=True, fast=True)
    builder.add_unsigned_field(COMMIT, stored=True, fast=True)
    return builder.build()


def written(document: Document, analyser: Analyser, commit: int) -> tantivy.Document:
    """A product as the index keeps it from this commit on."""
    fields = tantivy.Document()
    every: dict[str, None] = {}
    content: list[bytes] = []
    for field in TEXTS:
        value: str | tuple[str, ...] = getattr(document, field)
        text = value if isinstance(value, str) else " . ".join(value)
        if not text:
            continue
        read = analyser.indexed_again if field in SHARED and len(text) <= SHORT else analyser.indexed
        bases, extras = read(text[:MOST_CHARACTERS])
        terms = bases + extras
        every.update(dict.fromkeys(terms))
        content.append(sign(terms) + _APART)
        fields.add_text(field, " ".join(terms))
    fields.add_text(ANY, " ".join(every))
    codes = dict.fromkeys(code for raw in dict.fromkeys((document.item_id, *document.codes)) if (code := squeeze(raw)))
    content += [sign_code(code) for code in codes]
    said = b"".join(content)
    fields.add_text(CODES, " ".join(codes))
    fields.add_text(ID, document.item_id)
    fields.add_bytes(CONTENT, said)
    fields.add_text(KIND, PRODUCT)
    fields.add_unsigned(NUMBER, _number(document.item_id, said))
    fields.add_unsigned(COMMIT, commit)
    return fields


def next_commit(before: int) -> int:
    """The number of the commit after this one.

    An index that is begun anew in the place of another counts from elsewhere, so that whoever has read the other knows.
    """
    return before + 1 if before else (secrets.randbits(BIRTH_BITS) << COUNT_BITS) + 1


def birth_of(commit: int) -> int:
    """What all commits of one index have in common."""
    return commit >> COUNT_BITS


def meta(state: State) -> tantivy.Document:
    """The document that tells the state."""
    fields = tantivy.Document()
    fields.add_text(KIND, META)
    fields.add_unsigned(REVISION, state.revision)
    fields.add_unsigned(COMMIT, state.commit)
    return fields


def state_of(index: tantivy.Index, searcher: tantivy.Searcher) -> State:
    """What the document of the kind "meta" says; zeros in an index that nothing was written to."""
    hits = searcher.search(tantivy.Query.term_query(index.schema, KIND, META, "basic"), limit=1).hits
    if not hits:
        return State(0, 0)
    said = searcher.doc(hits[0][1])
    return State(int(said[REVISION][0]), int(said[COMMIT][0]))


def sign(terms: Iterable[str]) -> bytes:
    """Terms as they stand in `content`, next to one another."""
    return b"".join(map(_sign, terms))


def sign_code(code: str) -> bytes:
    """A product's number as it stands in `content`."""
    return _sign(f"\n{code}")


@lru_cache(maxsize=REMEMBERED)
def _sign(term: str) -> bytes:
    return crc32(term.encode()).to_bytes(4, "little")


def _number(item_id: str, content: bytes) -> int:
    """Sixty-four bits for this product as it is now: hits are named by a column of numbers, not by reading texts."""
    return int.from_bytes(blake2b(item_id.encode() + content, digest_size=8).digest(), "little")
