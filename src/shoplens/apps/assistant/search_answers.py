"""Products that are looked for, by words and photos, and those that suit a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shoplens.apps.assistant.composing import Draft
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.products import PRODUCT_ACTS, SHOWN, ProductAnswers, fits
from shoplens.apps.assistant.safety import speaks_to_us
from shoplens.apps.assistant.tools.base import Shown, Tools
from shoplens.apps.assistant.tools.facts import listed, product_source
from shoplens.apps.assistant.turns import Act, Sentence, Turn, Understood
from shoplens.apps.assistant.understanding.acts import about_service, bounded
from shoplens.apps.assistant.understanding.questions import names_only, terse
from shoplens.apps.assistant.understanding.subject import subject_of
from shoplens.apps.assistant.wording import say
from shoplens.recommend.said_orders import said_order


class SearchAnswers:
    """See the top of this file. `within` calls a tool and gives None when it fails or takes too long."""

    def __init__(self, tools: Tools, products: ProductAnswers | None, within: Callable[..., Any]) -> None:
        self._tools, self._products, self._within = tools, products, within

    def recommended(
        self,
        turn: Turn,
        understood: Understood,
        conversation_id: str,
        action: str | None,
        *,
        anything: bool = False,
    ) -> Draft | None:
        """What the person may like, where nothing in particular is wanted; None where that is not asked for.
        `anything`: also where something is, which was not found."""
        if self._tools.recommends is None or not (understood.act is Act.RECOMMEND or action == "recommend"):
            return None
        if self._tools.shopping is not None and subject_of(turn.text) and not anything:
            return None  # "recommend me a red dress" is a search
        products = self._within(self._tools.recommends, turn.user_id, conversation_id, SHOWN)
        if not products:
            return None
        return _listed("recommended", Shown(tuple(products), len(products)), understood)

    def asked_for(self, turn: Turn, understood: Understood, memory: Memory, conversation_id: str) -> Draft | None:
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

    def shopping(self, turn: Turn, understood: Understood, memory: Memory, conversation_id: str) -> Draft | None:
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
            return self.recommended(turn, understood, conversation_id, "recommend", anything=True)
        if not found.products:
            return None if goes_on else Draft("unknown", [Sentence(say(understood.language, "nothing_found"))])
        return _shown(found, understood, "" if turn.photos else subject_of(turn.text), goes_on=goes_on)

    def _found(self, turn: Turn, text: str, understood: Understood, conversation_id: str) -> Shown | None:
        """What the search that goes on finds; None when there is none or it fails."""
        if self._tools.shopping is None:
            return None
        found: Shown | None = self._within(
            self._tools.shopping,
            conversation_id,
            turn.user_id,
            text,
            turn.photos,
            understood.language,
            SHOWN,
            refuses=True,
        )
        return found


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
