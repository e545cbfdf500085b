"""An answer in the words of an endpoint, sentence by sentence as they come, as long as each stands in the sources."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from shoplens.apps.assistant.composing import Draft, UnsupportedError, checked
from shoplens.apps.assistant.listening import NOBODY, Listener, Switched, TurnStoppedError
from shoplens.apps.assistant.tools.base import Writer
from shoplens.apps.assistant.turns import Sentence, WrittenBy
from shoplens.errors import ShoplensError

log = logging.getLogger(__name__)


def write(
    writer: Writer | None,
    asked: str,
    said: Sequence[tuple[str, str]],
    language: str,
    draft: Draft,
    listener: Listener,
) -> tuple[Draft, WrittenBy]:
    """In the words of `writer`, where there is one and its words are true to the draft's sources; else the draft.

    Where somebody listens, true sentences before a wrong one were said already and stay, and the draft follows them;
    where nobody does, all words of the endpoint are dropped. The listener hears every sentence.
    """
    if writer is None or draft.outcome != "answered" or not draft.sources:
        return _told(draft, draft.sentences, listener), "templates"
    spoken: list[Sentence] = []
    why: Switched | None = None
    try:
        for sentence in _sentences(writer, asked, draft, said, language, listener.check):
            spoken.append(sentence)
            listener.sentence(sentence)
    except TurnStoppedError:
        raise
    except UnsupportedError:
        why = "unsupported"
        log.info("what the endpoint wrote does not stand in the sources, templates answer")
    except ShoplensError as error:
        why = "failed"
        log.warning("the endpoint wrote nothing more, templates answer: %s", error)
    except Exception:  # a writer of somebody else may raise anything: what was found is answered nevertheless
        why = "failed"
        log.exception("the endpoint failed, templates answer")
    if why is None:
        return replace(draft, sentences=spoken), "endpoint"
    if not spoken or listener is NOBODY:
        return _told(draft, draft.sentences, listener), "templates"
    listener.switched(len(spoken), why)
    heard = {one.text for one in spoken}
    rest = [one for one in draft.sentences if one.text not in heard]
    rest[:1] = [replace(one, lead="\n") for one in rest[:1]]
    _told(draft, rest, listener)
    return replace(draft, sentences=[*spoken, *rest]), "both"


def _told(draft: Draft, sentences: Sequence[Sentence], listener: Listener) -> Draft:
    for one in sentences:
        listener.sentence(one)
    return draft


def _sentences(
    writer: Writer,
    asked: str,
    draft: Draft,
    said: Sequence[tuple[str, str]],
    language: str,
    check: Callable[[], None],
) -> Iterator[Sentence]:
    """Those of the writer that are true; the connection to it ends with them, whatever the reason."""
    pieces = writer(asked, draft.sources, said, language)
    with closing(_heard(pieces, check)) as heard:
        for one in checked(heard, draft):
            yield replace(one, lead="") if language == "zh" and one.lead == " " else one


def _heard(pieces: Iterable[str], check: Callable[[], None]) -> Generator[str, None, None]:
    """Pieces, as long as somebody listens."""
    try:
        for piece in [pieces] if isinstance(pieces, str) else pieces:
            check()
            yield piece
    finally:
        end = getattr(pieces, "close", None)
        if end is not None:
            end()
