"""The assistant: one turn after another, many conversations at once, each kept in the store.

reply = assistant.turn(Turn(text="how long do I have to return a dress?"))
reply = assistant.turn(Turn(text="and shoes?", conversation_id=reply.conversation_id))
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from shoplens.apps.assistant.answering import Answering
from shoplens.apps.assistant.composing import Draft, together
from shoplens.apps.assistant.escalation import Rules, hand_over
from shoplens.apps.assistant.listening import NOBODY, Listener, Staying
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.safety import plain
from shoplens.apps.assistant.telling import details_of, read_as, silent_reply, spaced
from shoplens.apps.assistant.tools.base import Writer
from shoplens.apps.assistant.turns import MAX_TEXT, TALK, Act, Handover, Reply, Sentence, Tone, Turn, Understood
from shoplens.apps.assistant.understanding.questions import parts_of
from shoplens.apps.assistant.understanding.reading import Understanding
from shoplens.apps.assistant.understanding.spelling import spelled_out
from shoplens.apps.assistant.understanding.talk import leaves
from shoplens.apps.assistant.wording import moment_name, say
from shoplens.apps.assistant.writing import write
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.errors import ConflictError, NotFoundError, ServiceUnavailableError
from shoplens.store.conversations import Handovers, Transcripts
from shoplens.store.records import OPEN_HANDOVERS, Delivery, HandoverRecord, HandoverStep, Transcript, TranscriptTurn

log = logging.getLogger(__name__)
STRIPES = 256  # locks that conversations share: turns of one wait for one another, others hardly ever
SILENT = frozenset({"waiting", "with_agent", "left"})  # outcomes of turns that people of the shop hear of
PATIENCE = 20.0  # seconds that a turn waits for the one before it
REMEMBERED = 6  # turns that a writer is told of


class Assistant:
    """See the top of this file. Safe to share between threads and, through the store, between processes."""

    def __init__(
        self,
        understanding: Understanding,
        answering: Answering,
        transcripts: Transcripts,
        handovers: Handovers,
        rules: Rules,
        *,
        writer: Writer | None = None,
        channels: Sequence[str] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._understand, self._answer = understanding, answering
        self._transcripts, self._handovers = transcripts, handovers
        self._rules, self._writer, self._channels = rules, writer, tuple(channels)
        self._now = now
        self._locks = tuple(threading.Lock() for _ in range(STRIPES))

    def turn(self, turn: Turn, listener: Listener = NOBODY) -> Reply:
        """Answer one message; `listener` hears of it as it goes. InputError for a photo that cannot be used;
        ServiceUnavailableError while the message before is still being answered, ConflictError when another process
        has answered it."""
        name = turn.conversation_id
        with self._held(name or ""):
            kept = self._opened(name, turn.user_id)
            memory = Memory.of(kept.state)
            reply = self._while_open(turn, kept, Staying(listener)) or self._reply(turn, kept, memory, listener)
            if reply.handover is None and reply.outcome not in SILENT:  # else it is for people of the shop, too
                listener.check()
            self._record(turn, kept, memory, reply)
            return reply

    def leave(self, conversation_id: str, user_id: str | None = None) -> Reply:
        """The customer waits for a person no longer; `user_id` is who the shop has signed in. NotFoundError when there
        is no such conversation or it is somebody else's, ConflictError when nobody is waited for in it."""
        with self._held(conversation_id):
            kept = self._transcripts.load(conversation_id)
            if kept is None or kept.user_id not in (None, user_id):
                raise NotFoundError(f"no conversation {conversation_id!r}")
            record = self._handovers.load(conversation_id)
            if record is None or record.state != "waiting":
                state = "was never handed over" if record is None else f"is {record.state}"
                raise ConflictError(f"conversation {conversation_id!r} {state}: nobody is waited for")
            reply = self._left(kept, kept.language or "en", NOBODY)
            self._record(None, kept, Memory.of(kept.state), reply)
            return reply

    def close(self) -> None:
        """Give threads back."""
        self._answer.close()

    def _reply(self, turn: Turn, kept: Transcript, memory: Memory, listener: Listener) -> Reply:
        understood = self._understand(turn, memory, kept.language)
        reason = None if understood.refused else self._reason(turn, understood, memory)
        if reason is not None:
            listener = Staying(listener)
        listener.stage("understood", read_as(understood))
        if reason is not None:
            draft, handover = self._handed_over(reason, turn, understood, memory, Draft("unknown"))
        else:
            draft, handover = self._drafted(turn, understood, memory, kept, listener.check), None
            misses = memory.misses + 1 if draft.outcome == "unknown" else 0
            if misses >= self._rules.misses:
                draft, handover = self._handed_over("unsure", turn, understood, memory, draft)
                listener = Staying(listener)
            elif misses:
                draft.question = say(understood.language, "offer_human")
                draft.sentences.append(Sentence(draft.question))
            memory.offered = draft.question == say(understood.language, "offer_human")
        listener.stage("found", {"outcome": draft.outcome, "sources": [one.id for one in draft.sources]})
        draft.sentences, language = spaced(draft.sentences, understood.language), understood.language
        sorry = understood.tone is Tone.UPSET and not understood.refused
        begin = [Sentence(say(language, "sorry"))] if sorry else []
        for one in begin:
            listener.sentence(one)
        draft, by = write(self._writer, turn.text, memory.said[-REMEMBERED:], language, draft, listener)
        draft.sentences = spaced([*begin, *draft.sentences], language)
        return Reply(
            conversation_id=kept.conversation_id,
            turn=kept.turns + 1,
            outcome=draft.outcome,
            sentences=tuple(draft.sentences),
            sources=tuple(draft.sources),
            understood=understood,
            items=draft.items,
            question=draft.question,
            options=draft.options,
            handover=handover,
            written_by=by,
        )

    def _drafted(
        self, turn: Turn, understood: Understood, memory: Memory, kept: Transcript, check: Callable[[], None]
    ) -> Draft:
        """The answer to a message; where it asks several things, those to each of them."""
        read = replace(turn, text=spelled_out(plain(turn.text))[:MAX_TEXT])
        alone = understood.refused is not None or understood.act in TALK or bool(turn.photos)
        parts = [read.text] if alone else parts_of(read.text)
        if len(parts) > 1:
            drafts = []
            for part in parts:
                asked = replace(read, text=part, language=understood.language)
                drafts.append(self._answer(asked, self._understand(asked, memory), memory, kept.conversation_id, check))
            if any(one.outcome == "answered" for one in drafts):
                return together(drafts, understood.language)
        return self._answer(read, understood, memory, kept.conversation_id, check)

    def _while_open(self, turn: Turn, kept: Transcript, listener: Listener) -> Reply | None:
        """While a person has the conversation, or is waited for, nothing is answered but that."""
        record = self._handovers.load(kept.conversation_id) if kept.handed_over else None
        if record is None or record.state not in OPEN_HANDOVERS:
            return None
        now = self._now()
        if now * 1e6 - kept.updated > self._rules.handover_hours * MICROSECONDS_PER_DAY / 24:
            at, agent = int(now * 1e6), record.agent
            self._handovers.change(kept.conversation_id, before=record.state, after="closed", agent=agent, now=at)
            return None
        language = turn.language or kept.language or "en"
        if record.state == "waiting" and leaves(plain(turn.text)):
            return self._left(kept, language, listener)
        if record.state == "with_agent":
            said = say(language, "with_agent")
        else:
            said = self._when(language, "waiting", datetime.fromtimestamp(now, UTC))
        return silent_reply(kept, language, "waiting" if record.state == "waiting" else "with_agent", said, listener)

    def _left(self, kept: Transcript, language: str, listener: Listener) -> Reply:
        return silent_reply(kept, language, "left", say(language, "left"), listener)

    def _when(self, language: str, name: str, now: datetime) -> str:
        """A sentence that says when people answer, where they do not at the moment."""
        opening = self._rules.opening
        opens = opening.opens(now)
        if opens is None:
            return say(language, f"{name}_open")
        return say(language, f"{name}_closed", hours=opening.shown, opens=moment_name(language, opens))

    def _reason(self, turn: Turn, understood: Understood, memory: Memory) -> str | None:
        reason = self._rules.before(turn.text, understood, memory)
        if reason is None and self._answer.action(understood) == "human":
            return "asked"
        return reason

    def _handed_over(
        self, reason: str, turn: Turn, understood: Understood, memory: Memory, draft: Draft
    ) -> tuple[Draft, Handover]:
        now = datetime.fromtimestamp(self._now(), UTC)
        handover = hand_over(reason, turn.text, understood, memory, draft.sources, self._rules.opening, now)
        sentence = Sentence(self._when(understood.language, "handover", now))
        return Draft("handed_over", [sentence], draft.sources), handover

    def _opened(self, name: str | None, user_id: str | None) -> Transcript:
        """The conversation of that id as it is; a new one when there is none or it is somebody else's."""
        kept = self._transcripts.load(name) if name is not None else None
        if kept is not None and kept.user_id in (None, user_id):
            return replace(kept, user_id=user_id)
        now = int(self._now() * 1e6)
        # In hexadecimal, so that none begins with a "-", which a command would take for an option.
        return Transcript(conversation_id=secrets.token_hex(16), user_id=user_id, started=now, updated=now)

    def _record(self, turn: Turn | None, kept: Transcript, memory: Memory, reply: Reply) -> None:
        """`turn`: None when the customer did something without a word."""
        understood, text = reply.understood, turn.text if turn is not None else ""
        memory.slots |= dict(understood.slots)
        memory.items = reply.items or memory.items
        memory.misses = memory.misses + 1 if reply.outcome == "unknown" else 0
        memory.upset = 0 if reply.outcome == "left" else memory.upset + (understood.tone is Tone.UPSET)
        memory.offered &= reply.outcome in ("unknown", "asked_back")
        searched = bool(reply.items) and understood.act in (Act.FIND, Act.RECOMMEND)
        photos = turn is not None and bool(turn.photos)
        memory.shopping = photos or searched or (memory.shopping and bool(reply.items))
        if reply.outcome != "asked_back":
            memory.pending = memory.wanted = ""
            memory.options = ()
        memory.remember(text, reply.text, understood.intent if understood.in_scope else None)
        now = int(self._now() * 1e6)
        after = replace(
            kept,
            updated=now,
            language=understood.language,
            turns=reply.turn,
            handed_over=reply.handover.reason if reply.handover is not None else kept.handed_over,
            state=memory.told(),
        )
        said = TranscriptTurn(
            conversation_id=kept.conversation_id,
            number=reply.turn,
            timestamp=now,
            said=text,
            answer=reply.text,
            details=orjson.dumps(details_of(reply)).decode(),
        )
        record, news = self._news(reply, now)
        step = HandoverStep(before="waiting", after="returned", agent="", now=now) if reply.outcome == "left" else None
        self._transcripts.record(after, said, handover=record, step=step, deliveries=news)

    def _news(self, reply: Reply, now: int) -> tuple[HandoverRecord | None, list[Delivery]]:
        """What people of the shop are told of a turn: that it waits for them, or what the customer adds."""
        record, occasion, channels = None, "message", ["webhook"] if "webhook" in self._channels else []
        if reply.handover is not None:
            record = HandoverRecord(
                conversation_id=reply.conversation_id,
                turn=reply.turn,
                reason=reply.handover.reason,
                summary=reply.handover.summary,
                opened=now,
                changed=now,
            )
            occasion, channels = "opened", list(self._channels)
        elif reply.outcome == "left":
            occasion = "left"
        elif reply.outcome not in SILENT:
            return None, []
        subject, occasion = reply.conversation_id, f"{occasion}/{reply.turn}"
        return record, [
            Delivery(kind="handover", subject=subject, occasion=occasion, channel=channel, due=now)
            for channel in channels
        ]

    @contextmanager
    def _held(self, name: str) -> Iterator[None]:
        """Nobody else answers in this conversation meanwhile."""
        if not name:
            yield
            return
        lock = self._locks[hash(name) % STRIPES]
        if not lock.acquire(timeout=PATIENCE):
            raise ServiceUnavailableError("the message before this one is still being answered; send it again")
        try:
            yield
        finally:
            lock.release()
