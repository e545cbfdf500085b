"""What is done about a message: a tool, a document, an answer of the past, or the honest word that nobody knows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import TypeVar

from shoplens.apps.assistant.composing import Draft, from_template, quoted
from shoplens.apps.assistant.grounding.claims import words_of
from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.intents.templates import best_template, speak
from shoplens.apps.assistant.knowledge.index import Hit, Knowledge
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.safety import speaks_to_us
from shoplens.apps.assistant.tools.base import Shown, Tools
from shoplens.apps.assistant.tools.facts import listed, order_facts, order_source, product_facts, product_source
from shoplens.apps.assistant.turns import TALK, Act, Sentence, Turn, Understood
from shoplens.apps.assistant.understanding.reading import readable
from shoplens.apps.assistant.understanding.subject import pointed_at, subject_of
from shoplens.apps.assistant.wording import say, slot_name
from shoplens.domain.catalogue import Product
from shoplens.encoders.centring import language_of
from shoplens.errors import InputError, ShoplensError

log = logging.getLogger(__name__)
Found = TypeVar("Found")
SURE = 0.6  # probability of an intent below which it is asked back, where another is likely too
ACTS = 0.8  # probability of an intent from which on its tool is used
STRONG = 0.1  # above the threshold: a document that good goes before an answer of the past
SHOWN = 3  # products of an answer
LATEST = 3  # orders that are told of
PRODUCT_ACTS = frozenset({Act.PRICE, Act.STOCK, Act.ATTRIBUTE, Act.COMPATIBLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopFacts:
    """What templates may say of the shop itself."""

    facts: Mapping[str, str] = field(default_factory=dict)  # name, phone, email, hours, website, chat
    actions: Mapping[str, str] = field(default_factory=dict)  # intent → "orders", "human" or "recommend"


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
        self._tools, self._intents, self._knowledge, self._shop = tools, intents, knowledge, shop
        self._seconds = tool_seconds
        self._hands = ThreadPoolExecutor(32, thread_name_prefix="shoplens-assistant")

    def close(self) -> None:
        """No more tools."""
        self._hands.shutdown(wait=False, cancel_futures=True)

    def action(self, understood: Understood) -> str | None:
        """The tool that belongs to an intent."""
        sure = understood.in_scope and understood.confidence >= ACTS
        return self._shop.actions.get(understood.intent or "") if sure else None

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
        ways: tuple[Callable[[], Draft | None], ...] = (
            lambda: self._pending(understood, memory),
            lambda: self._shopping(turn, understood, memory, conversation_id) if turn.photos else None,
            lambda: self._product(turn, understood, memory),
            lambda: self._orders(turn, understood) if Act.ORDERS is understood.act or action == "orders" else None,
            lambda: self._recommended(turn, understood, conversation_id, action),
            lambda: self._asked_for(turn, understood, memory, conversation_id),
            lambda: self._documents(turn, strong=True),
            lambda: self._shopping(turn, understood, memory, conversation_id) if understood.confidence < SURE else None,
            lambda: self._offered(understood) if understood.confidence >= SURE else None,
            lambda: self._past(turn, understood, memory),
            lambda: self._documents(turn, strong=False),
            lambda: self._shopping(turn, understood, memory, conversation_id),
        )
        for find in ways:
            check()
            draft = find()
            if draft is not None:
                return draft
        return Draft("unknown", [Sentence(say(language, "unknown"))])

    def _pending(self, understood: Understood, memory: Memory) -> Draft | None:
        """The slot that was asked for has come."""
        if not memory.pending or memory.wanted not in understood.slots:
            return None
        return self._template(memory.pending, understood.language, {**memory.slots, **understood.slots}, memory)

    def _orders(self, turn: Turn, understood: Understood) -> Draft | None:
        """The signed-in person's own orders; whoever is not signed in is asked to, and told how it goes."""
        language = understood.language
        if self._tools.orders is None:
            return None
        if turn.user_id is None:
            general = self._documents(turn, strong=False)
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
        chosen = [one for one in orders if one.order_id == number] if number else orders[:LATEST]
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
        return Draft("answered", sentences, [order_source(one) for one in chosen], items)

    def _product(self, turn: Turn, understood: Understood, memory: Memory) -> Draft | None:
        """What the catalogue says of the product that is asked about."""
        if understood.act not in PRODUCT_ACTS or self._tools.catalogue is None:
            return None
        products = self._named(turn.text, memory, understood.language)
        if products is None:
            return None
        if not products:
            if subject_of(turn.text):
                return None
            question = say(understood.language, "which_product")
            return Draft("asked_back", [Sentence(question)], question=question)
        sentences = [
            fact for one in products for fact in product_facts(one, understood.act, turn.text, understood.language)
        ]
        sources = [product_source(one) for one in products]
        if not sentences:
            sentences = [Sentence(say(understood.language, "unknown_product"))]
            return Draft("unknown", sentences, sources, tuple(one.item_id for one in products))
        return Draft("answered", sentences, sources, tuple(one.item_id for one in products))

    def _named(self, text: str, memory: Memory, language: str) -> list[Product] | None:
        """Products that a message names or points at; None when the catalogue cannot be asked."""
        catalogue = self._tools.catalogue
        assert catalogue is not None
        subject = subject_of(text)
        wanted = words_of(subject)
        if wanted:
            found = self._within(catalogue.find, subject, 2 * SHOWN, language)
            if found is None:
                return None
            named = [one for one in found if _is_named(wanted, one)]
            if named:
                return named[:SHOWN]
            if not subject.isascii() and found and language_of(found[0].title) != language_of(subject):
                return found[:1]  # found through a dictionary: the answer says which product it speaks of
        pointed = pointed_at(text, memory.items)
        return (self._within(catalogue.get, [pointed]) or []) if pointed is not None else []

    def _recommended(
        self, turn: Turn, understood: Understood, conversation_id: str, action: str | None
    ) -> Draft | None:
        if self._tools.recommends is None or not (understood.act is Act.RECOMMEND or action == "recommend"):
            return None
        if self._tools.shopping is not None and subject_of(turn.text):
            return None  # "recommend me a red dress" is a search
        products = self._within(self._tools.recommends, turn.user_id, conversation_id, SHOWN)
        if not products:
            return None
        return _shown(say(understood.language, "recommended"), Shown(tuple(products), len(products)), understood)

    def _asked_for(self, turn: Turn, understood: Understood, memory: Memory, conversation_id: str) -> Draft | None:
        """ "Do you have a kettle?" where there are kettles: before any document with similar words."""
        if understood.act is not Act.FIND or self._tools.catalogue is None or not subject_of(turn.text):
            return None
        named = self._named(turn.text, memory, understood.language)
        if not named:
            return None
        draft = self._shopping(turn, understood, memory, conversation_id)
        if draft is None or draft.outcome != "unknown":
            return draft
        return _shown(say(understood.language, "sold_out"), Shown(tuple(named), len(named)), understood)

    def _shopping(self, turn: Turn, understood: Understood, memory: Memory, conversation_id: str) -> Draft | None:
        """A search for products by words and photos; what was searched for is refined."""
        shopping = self._tools.shopping
        looks = understood.act in (Act.FIND, Act.RECOMMEND) or (
            understood.act in PRODUCT_ACTS and not understood.in_scope
        )
        goes_on = memory.shopping and understood.act is Act.QUESTION and not understood.in_scope
        if shopping is None or not (turn.photos or looks or goes_on):
            return None
        text = turn.text if goes_on or turn.photos else subject_of(turn.text) or turn.text
        found = self._within(
            shopping, conversation_id, turn.user_id, text, turn.photos, understood.language, SHOWN, refuses=True
        )
        if found is None:
            return Draft("unknown", [Sentence(say(understood.language, "tool_failed"))])
        if not found.products:
            return None if goes_on else Draft("unknown", [Sentence(say(understood.language, "nothing_found"))])
        return _shown(say(understood.language, "shown"), found, understood)

    def _documents(self, turn: Turn, *, strong: bool) -> Draft | None:
        """The passage that answers, where one does."""
        hit = self._passage(turn.text)
        knowledge = self._knowledge()
        if hit is None or knowledge is None:
            return None
        least = knowledge.threshold + (STRONG if strong else 0.0)
        draft = quoted(hit, turn.text) if hit.score >= least else None
        return draft if draft is not None and draft.outcome == "answered" else None

    def _passage(self, text: str) -> Hit | None:
        knowledge = self._knowledge()
        found = knowledge.search(text, 1) if knowledge is not None and text.strip() else []
        return found[0] if found else None

    def _past(self, turn: Turn, understood: Understood, memory: Memory) -> Draft | None:
        """The answer that was given before; or, between two intents, the question which one is meant."""
        if not understood.in_scope or understood.intent is None or turn.photos:
            return None
        if understood.confidence < SURE:
            if understood.second is None:
                return None
            first, second = readable(understood.intent), readable(understood.second)
            question = say(understood.language, "which_intent", first=first, second=second)
            memory.options = (understood.intent, understood.second)
            return Draft("asked_back", [Sentence(question)], question=question, options=(first, second))
        return self._template(understood.intent, understood.language, {**memory.slots, **understood.slots}, memory)

    def _offered(self, understood: Understood) -> Draft | None:
        """A person may be meant: that is asked, never promised by an answer of the past."""
        intent = understood.intent or ""
        if not understood.in_scope or self._shop.actions.get(intent) != "human" or understood.confidence >= ACTS:
            return None
        question = say(understood.language, "offer_human")
        return Draft("asked_back", [Sentence(question)], question=question)

    def _template(self, intent: str, language: str, slots: Mapping[str, str], memory: Memory) -> Draft | None:
        model = self._intents()
        template = best_template(model.templates, intent, language, slots) if model is not None else None
        if template is None:
            return None
        spoken = speak(template, slots, self._shop.facts, self._numbers())
        if spoken.missing and not spoken.sentences:
            wanted = spoken.missing[0]
            memory.pending, memory.wanted = intent, wanted
            question = say(language, "which_slot", what=slot_name(language, wanted))
            return Draft("asked_back", [Sentence(question)], question=question)
        return from_template(template, spoken) if spoken.sentences else None

    def _numbers(self) -> frozenset[float]:
        """Numbers that stand in the shop's documents."""
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


def _is_named(wanted: frozenset[str], product: Product) -> bool:
    """Whether a product has nearly all words of what was asked about."""
    values = [value for one in product.attributes.values() for value in one]
    own = words_of(" ".join([product.title, product.brand or "", *product.category, *values, product.item_id]))
    return len(wanted & own) >= max(1, round(0.75 * len(wanted)))


def _shown(begin: str, found: Shown, understood: Understood) -> Draft:
    products = list(found.products)
    return Draft(
        "answered",
        [Sentence(begin), *listed(products, understood.language)],
        [product_source(one) for one in products],
        tuple(one.item_id for one in products),
        found.question,
        tuple(one for one in found.options if not speaks_to_us(one)),
    )


def _talk(outcome: str, text: str) -> Draft:
    assert outcome in ("refused", "talked")
    return Draft("refused" if outcome == "refused" else "talked", [Sentence(text)])
