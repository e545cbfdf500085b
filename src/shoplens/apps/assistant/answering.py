"""What is done about a message: a tool, a document, an answer of the past, or the honest word that nobody knows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field, replace
from typing import TypeVar

from shoplens.apps.assistant.composing import MOST_QUOTED, Draft, from_template, quoted
from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.intents.templates import best_template, speak
from shoplens.apps.assistant.knowledge.index import Knowledge
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.products import PRODUCT_ACTS, SHOWN, SURE, ProductAnswers, fits
from shoplens.apps.assistant.safety import speaks_to_us
from shoplens.apps.assistant.tools.base import Shown, Tools, same_order
from shoplens.apps.assistant.tools.facts import listed, product_source
from shoplens.apps.assistant.tools.orders import order_facts, order_source
from shoplens.apps.assistant.turns import TALK, Act, Sentence, Tone, Turn, Understood
from shoplens.apps.assistant.understanding.acts import about_service, bounded
from shoplens.apps.assistant.understanding.questions import names_only, terse
from shoplens.apps.assistant.understanding.reading import readable
from shoplens.apps.assistant.understanding.subject import subject_of
from shoplens.apps.assistant.wording import say, slot_name
from shoplens.errors import InputError, ShoplensError
from shoplens.recommend.said_currencies import foreign_limits
from shoplens.recommend.said_orders import said_order

log = logging.getLogger(__name__)
Found = TypeVar("Found")
ACTS = 0.8  # probability of an intent from which on its tool is used
STRONG = 0.1  # above the threshold: a document that good goes before an answer of the past
ALIKE = 0.03  # scores of passages that answer equally well
LATEST = 3  # orders that are told of


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
        self._products = ProductAnswers.asking(tools.catalogue, self._within) if tools.catalogue is not None else None

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
        turn, money = self._in_our_money(turn, understood)
        ways: tuple[Callable[[], Draft | None], ...] = (
            lambda: self._pending(understood, memory),
            lambda: self._shopping(turn, understood, memory, conversation_id) if turn.photos else None,
            lambda: self._products.facts(turn, understood, memory) if self._products is not None else None,
            lambda: self._orders(turn, understood) if Act.ORDERS is understood.act or action == "orders" else None,
            lambda: self._recommended(turn, understood, conversation_id, action),
            lambda: self._asked_for(turn, understood, memory, conversation_id),
            lambda: self._unable(understood),
            lambda: self._documents(turn, STRONG),
            lambda: self._shopping(turn, understood, memory, conversation_id) if understood.confidence < SURE else None,
            lambda: self._offered(understood) if understood.confidence >= SURE else None,
            lambda: self._past(turn, understood, memory),
            lambda: self._heard(understood) if understood.act is Act.COMPLAINT else None,
            lambda: self._documents(turn, 0.0),
            lambda: self._heard(understood) if understood.act is Act.TROUBLE else None,
            lambda: self._shopping(turn, understood, memory, conversation_id),
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
        same = [one for one in orders if number and same_order(one.order_id) == same_order(number)]
        chosen = same if number else orders[:LATEST]
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

    def _recommended(
        self,
        turn: Turn,
        understood: Understood,
        conversation_id: str,
        action: str | None,
        *,
        anything: bool = False,
    ) -> Draft | None:
        if self._tools.recommends is None or not (understood.act is Act.RECOMMEND or action == "recommend"):
            return None
        if self._tools.shopping is not None and subject_of(turn.text) and not anything:
            return None  # "recommend me a red dress" is a search
        products = self._within(self._tools.recommends, turn.user_id, conversation_id, SHOWN)
        if not products:
            return None
        return _listed("recommended", Shown(tuple(products), len(products)), understood)

    def _asked_for(self, turn: Turn, understood: Understood, memory: Memory, conversation_id: str) -> Draft | None:
        """ "Do you have a kettle?", or "kettle" alone, where there are kettles: before any document with similar words.
        After a search, "in red" and "red one" go on with it."""
        service = about_service(turn.text)
        bare = understood.act is Act.QUESTION and not (service or understood.in_scope) and names_only(turn.text)
        wished = understood.act in (Act.FIND, Act.RECOMMEND) and bounded(turn.text)
        if not (understood.act is Act.FIND or bare or wished) or self._products is None:
            return None
        subject = subject_of(turn.text)
        if memory.shopping and terse(turn.text) and not service:
            found = self._found(turn, turn.text, understood, conversation_id)
            if found is not None and found.products:
                return _shown(found, understood, subject, goes_on=True)
        find = self._products.bare if bare else self._products.of
        named = find(turn.text, understood.language) if subject and not wished else []
        if not named and not wished:
            return None
        found = self._found(turn, _wish(turn.text) if wished else subject, understood, conversation_id)
        if found is None:
            return Draft("unknown", [Sentence(say(understood.language, "tool_failed"))])
        if found.products:
            return _shown(found, understood, "" if wished else subject)
        return _listed("sold_out", Shown(tuple(named), len(named)), understood) if named else None

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
        found = self._found(turn, text, understood, conversation_id)
        if found is None:
            return Draft("unknown", [Sentence(say(understood.language, "tool_failed"))])
        if not found.products and understood.act is Act.RECOMMEND:
            return self._recommended(turn, understood, conversation_id, "recommend", anything=True)
        if not found.products:
            return None if goes_on else Draft("unknown", [Sentence(say(understood.language, "nothing_found"))])
        return _shown(found, understood, "" if turn.photos else subject_of(turn.text), goes_on=goes_on)

    def _found(self, turn: Turn, text: str, understood: Understood, conversation_id: str) -> Shown | None:
        """What the search that goes on finds; None when there is none or it fails."""
        if self._tools.shopping is None:
            return None
        return self._within(
            self._tools.shopping,
            conversation_id,
            turn.user_id,
            text,
            turn.photos,
            understood.language,
            SHOWN,
            refuses=True,
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


def _wish(text: str) -> str:
    """ "What are your cheapest headphones?": nothing but the order and the thing, which the search can be sure of."""
    said = said_order(text)
    thing = "" if said is None else subject_of(said.rest)
    return text if said is None or not thing else f"{said.said} {thing}"


def _shown(found: Shown, understood: Understood, subject: str, *, goes_on: bool = False) -> Draft:
    """What a search found; said to be the nearest where none of it is what was looked for."""
    exact = not subject or fits(found.products, subject, goes_on=goes_on)
    return _listed("shown" if exact else "nearest", found, understood)


def _listed(begin: str, found: Shown, understood: Understood) -> Draft:
    products = list(found.products)
    return Draft(
        "answered",
        [Sentence(say(understood.language, begin)), *listed(products, understood.language)],
        [product_source(one) for one in products],
        tuple(one.item_id for one in products),
        found.question,
        tuple(one for one in found.options if not speaks_to_us(one)),
    )


def _talk(outcome: str, text: str) -> Draft:
    assert outcome in ("refused", "talked")
    return Draft("refused" if outcome == "refused" else "talked", [Sentence(text)])
