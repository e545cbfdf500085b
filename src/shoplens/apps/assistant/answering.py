"""What is done about a message: a tool, a document, an answer of the past, or the honest word that nobody knows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from typing import TypeVar

from shoplens.apps.assistant.composing import MOST_QUOTED, Draft, quoted
from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.knowledge.index import Knowledge
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.past_answers import PastAnswers, ShopFacts
from shoplens.apps.assistant.products import PRODUCT_ACTS, SURE, ProductAnswers
from shoplens.apps.assistant.search_answers import SearchAnswers
from shoplens.apps.assistant.tools.base import Tools, names_order, same_order
from shoplens.apps.assistant.tools.orders import order_facts, order_source
from shoplens.apps.assistant.turns import TALK, Act, Sentence, Tone, Turn, Understood
from shoplens.apps.assistant.understanding.acts import about_service
from shoplens.apps.assistant.wording import say
from shoplens.errors import InputError, ShoplensError
from shoplens.recommend.said_currencies import foreign_limits

log = logging.getLogger(__name__)
Found = TypeVar("Found")
STRONG = 0.1  # above the threshold: a document that good goes before an answer of the past
ALIKE = 0.03  # scores of passages that answer equally well
LATEST = 3  # orders that are told of


class Answering:
    """See the top of this file. Safe to share between threads."""

    def __init__(
        self,
        tools: Tools,
        intents: Callable[[], IntentModel | None],
        knowledge: Callable[[], Knowledge | None],
        shop: ShopFacts,
        *,
        tool_seconds: float,
    ) -> None:
        self._tools, self._knowledge = tools, knowledge
        self._seconds = tool_seconds
        self._hands = ThreadPoolExecutor(32, thread_name_prefix="shoplens-assistant")
        self._products = ProductAnswers.asking(tools.catalogue, self._within) if tools.catalogue is not None else None
        self._search = SearchAnswers(tools, self._products, self._within)
        self._past = PastAnswers(intents, shop, self._numbers)

    def close(self) -> None:
        """No more tools."""
        self._hands.shutdown(wait=False, cancel_futures=True)

    def action(self, understood: Understood) -> str | None:
        """The tool that belongs to an intent."""
        return self._past.action(understood)

    def __call__(
        self,
        turn: Turn,
        understood: Understood,
        memory: Memory,
        conversation_id: str,
        check: Callable[[], None] = lambda: None,
    ) -> Draft:
        """A draft; its outcome "unknown" when nothing was found. `check` is called before each way, and may raise."""
        language = understood.language
        if understood.refused:
            return _talk("refused", say(language, f"refused_{understood.refused}"))
        if understood.act in TALK and not turn.photos:
            return _talk("talked", say(language, understood.act.value))
        action = self.action(understood)
        turn, money = self._in_our_money(turn, understood)
        ways: tuple[Callable[[], Draft | None], ...] = (
            lambda: self._past.pending(understood, memory),
            lambda: self._search.shopping(turn, understood, memory, conversation_id) if turn.photos else None,
            lambda: self._products.facts(turn, understood, memory) if self._products is not None else None,
            lambda: self._orders(turn, understood) if Act.ORDERS is understood.act or action == "orders" else None,
            lambda: self._search.recommended(turn, understood, conversation_id, action),
            lambda: self._search.asked_for(turn, understood, memory, conversation_id),
            lambda: self._unable(understood),
            lambda: self._documents(turn, STRONG),
            lambda: (
                self._search.shopping(turn, understood, memory, conversation_id)
                if understood.confidence < SURE
                else None
            ),
            lambda: self._past.offered(understood) if understood.confidence >= SURE else None,
            lambda: self._past.given(turn, understood, memory),
            lambda: self._heard(understood) if understood.act is Act.COMPLAINT else None,
            lambda: self._documents(turn, 0.0),
            lambda: self._heard(understood) if understood.act is Act.TROUBLE else None,
            lambda: self._search.shopping(turn, understood, memory, conversation_id),
            lambda: self._products.unknown(turn, understood) if self._products is not None else None,
            lambda: self._heard(understood),
        )
        for find in ways:
            check()
            draft = find()
            if draft is not None:
                if money and draft.items:
                    draft.sentences.insert(0, Sentence(money))
                return draft
        return Draft("unknown", [Sentence(say(language, "unknown"))])

    def _in_our_money(self, turn: Turn, understood: Understood) -> tuple[Turn, str]:
        """Without a limit in a currency that prices here are not in, and the word that it was left out; else ""."""
        if self._products is None or understood.act not in (Act.FIND, Act.RECOMMEND, *PRODUCT_ACTS, Act.QUESTION):
            return turn, ""
        if foreign_limits(turn.text, "") is None:
            return turn, ""
        ours = self._products.currency(turn.text, understood.language)
        found = foreign_limits(turn.text, ours) if ours else None
        if ours is None or found is None:
            return turn, ""
        theirs, rest = found
        return replace(turn, text=rest), say(understood.language, "other_money", ours=ours, theirs=theirs)

    def _orders(self, turn: Turn, understood: Understood) -> Draft | None:
        """The signed-in person's own orders; whoever is not signed in is asked to, and told how it goes."""
        language = understood.language
        if self._tools.orders is None:
            return None
        if turn.user_id is None:
            general = self._documents(turn, 1.5 * STRONG)
            draft = Draft("asked_back", [Sentence(say(language, "sign_in"))])
            if general is not None:
                draft.sentences += [
                    Sentence(one.text, one.sources, "\n" if place == 0 else one.lead)
                    for place, one in enumerate(general.sentences)
                ]
                draft.sources, draft.outcome = general.sources, "answered"
            return draft
        orders = self._within(self._tools.orders, turn.user_id, 50)
        if orders is None:
            return Draft("unknown", [Sentence(say(language, "tool_failed"))])
        number = understood.slots.get("order_id")
        named = [one for one in orders if names_order(turn.text, one.order_id)]
        same = [one for one in orders if number and same_order(one.order_id) == same_order(number)]
        chosen = named or (same if number else orders[:LATEST])
        if not chosen:
            missing = "no_such_order" if number and orders else "no_orders"
            return Draft("asked_back", [Sentence(say(language, missing))])
        sentences = [
            Sentence(say(language, "orders")),
            *(fact for one in chosen for fact in order_facts(one, language)),
        ]
        if not any(one.status for one in chosen):
            sentences.append(Sentence(say(language, "no_status"), (), "\n"))
        items = tuple(dict.fromkeys(line.item_id for one in chosen for line in one.lines))
        sources = [order_source(one) for one in chosen]
        general = self._documents(turn, STRONG) if about_service(turn.text) else None
        if general is not None:  # "I want to return order 1007": how that goes
            sentences += [replace(general.sentences[0], lead="\n"), *general.sentences[1:]]
            sources += general.sources
        return Draft("answered", sentences, sources, items)

    def _unable(self, understood: Understood) -> Draft | None:
        """What only the customer can do."""
        if understood.act is not Act.CHANGE:
            return None
        return Draft("talked", [Sentence(say(understood.language, "change"))])

    def _heard(self, understood: Understood) -> Draft | None:
        """A complaint, and trouble that no document speaks of."""
        if understood.act not in (Act.COMPLAINT, Act.TROUBLE) and understood.tone is not Tone.UPSET:
            return None
        question = say(understood.language, "offer_human")
        return Draft(
            "asked_back", [Sentence(say(understood.language, "complaint")), Sentence(question)], question=question
        )

    def _documents(self, turn: Turn, above: float) -> Draft | None:
        """The passage that answers, or two that answer alike, where one is `above` the threshold."""
        knowledge = self._knowledge()
        found = knowledge.search(turn.text, 2) if knowledge is not None and turn.text.strip() else []
        if knowledge is None or not found:
            return None
        least = knowledge.threshold + above
        drafts = [quoted(hit, turn.text) for hit in found if hit.score >= max(least, found[0].score - ALIKE)]
        drafts = [one for one in drafts if one.outcome == "answered"]
        if not drafts:
            return None
        first, *others = drafts
        for other in others:  # neither answers better: both are told
            if len(first.sentences) + len(other.sentences) <= MOST_QUOTED:
                first.sentences += [replace(other.sentences[0], lead="\n"), *other.sentences[1:]]
                first.sources += other.sources
        return first

    def _numbers(self) -> frozenset[float]:
        knowledge = self._knowledge()
        return knowledge.numbers if knowledge is not None else frozenset()

    def _within(self, tool: Callable[..., Found], *asked: object, refuses: bool = False) -> Found | None:
        """What a tool answers in time; None when it fails or takes too long. `refuses`: InputError passes."""
        try:
            return self._hands.submit(tool, *asked).result(self._seconds)
        except InputError:
            if refuses:
                raise
            return None
        except (ShoplensError, FutureTimeout):
            return None
        except Exception:  # whatever a tool of somebody else raises: the answer goes on without it
            log.exception("a tool of the assistant failed")
            return None


def _talk(outcome: str, text: str) -> Draft:
    assert outcome in ("refused", "talked")
    return Draft("refused" if outcome == "refused" else "talked", [Sentence(text)])
