"""What the catalogue says to a question: which products it names or points at, and what their records tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from shoplens.apps.assistant.composing import Draft
from shoplens.apps.assistant.grounding.claims import words_of
from shoplens.apps.assistant.grounding.vocabulary import SILENT, SILENT_ZH
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.tools.base import Catalogue
from shoplens.apps.assistant.tools.facts import product_facts, product_source
from shoplens.apps.assistant.tools.naming import kinds_of, named_by, naming_words
from shoplens.apps.assistant.tools.properties import without_properties
from shoplens.apps.assistant.turns import Act, Sentence, Turn, Understood
from shoplens.apps.assistant.understanding.acts import about_service
from shoplens.apps.assistant.understanding.questions import follows, terse
from shoplens.apps.assistant.understanding.subject import ordinal, pointed_at, subject_of
from shoplens.apps.assistant.wording import say
from shoplens.domain.catalogue import Product
from shoplens.encoders.centring import language_of

SURE = 0.6  # probability of an intent below which it is asked back, where another is likely too
SHOWN = 3  # products of an answer
PRODUCT_ACTS = frozenset({Act.PRICE, Act.STOCK, Act.ATTRIBUTE, Act.COMPATIBLE})
_COMPARES = re.compile(
    r"\b(?:differences?|compare|vs|versus|(?:which|what).{1,40}\bor)\b|区别|哪[个款]|对比|比较|还是", re.I
)
_AGAINST = re.compile(r"\b(?:or|and|vs\.?|versus)\b|[和跟与]|还是|或者?", re.IGNORECASE)
_TITLE = 60  # characters of a title that a sentence names

#: What a search for words in a language finds; None when the catalogue cannot be asked.
Find = Callable[[str, int, str], list[Product] | None]
Get = Callable[[Sequence[str]], list[Product] | None]


class ProductAnswers:
    """See the top of this file. `find` and `get` ask the catalogue within the time that tools have."""

    def __init__(self, find: Find, get: Get) -> None:
        self._find, self._get = find, get

    @classmethod
    def asking(cls, catalogue: Catalogue, within: Callable[..., list[Product] | None]) -> ProductAnswers:
        """Of this catalogue; `within` calls a tool and gives None when it fails or takes too long."""
        return cls(
            lambda text, n, language: within(catalogue.find, text, n, language),
            lambda item_ids: within(catalogue.get, item_ids),
        )

    def facts(self, turn: Turn, understood: Understood, memory: Memory) -> Draft | None:
        """What the catalogue says of the product that is asked about; None where none is."""
        act = understood.act
        known = understood.in_scope and understood.confidence >= SURE  # what was answered before is answered so
        if act not in PRODUCT_ACTS and (act is not Act.QUESTION or known or about_service(turn.text)):
            return None
        products = self.meant(turn.text, understood, memory)
        if not products:
            if products is None or act is Act.QUESTION or subject_of(turn.text):
                return None
            question = say(understood.language, "which_product")
            return Draft("asked_back", [Sentence(question)], question=question)
        if act is Act.QUESTION and terse(turn.text) and ordinal(turn.text):
            act = Act.ATTRIBUTE  # "the second one": what there is to say of it
        sentences = [fact for one in products for fact in product_facts(one, act, turn.text, understood.language)]
        if not sentences:
            return None if act is Act.QUESTION else unknown_of(products, understood.language)
        return Draft(
            "answered", sentences, [product_source(one) for one in products], tuple(one.item_id for one in products)
        )

    def unknown(self, turn: Turn, understood: Understood) -> Draft | None:
        """ "The catalogue does not say that of …", where a product is named and nothing else answers."""
        if understood.act is not Act.QUESTION or about_service(turn.text) or understood.in_scope:
            return None
        products = self._of_kind(turn.text, understood.language)
        return unknown_of(products, understood.language) if products else None

    def meant(self, text: str, understood: Understood, memory: Memory) -> list[Product] | None:
        """Products that a message names or points at; None when the catalogue cannot be asked."""
        subject = subject_of(text)
        if subject and _COMPARES.search(text):
            each = [self.of(part, understood.language) for part in _AGAINST.split(text)]
            compared = {one.item_id: one for found in each for one in found or []}
            if len(compared) > 1:
                return list(compared.values())[:SHOWN]
        if memory.items and understood.act is Act.QUESTION and not terse(text):
            rest = without_properties(text)
            if rest != text and self.of(rest, understood.language) == []:
                # "Are batteries included?" asks of what was shown, whatever batteries are sold here.
                return self._get([memory.items[0]]) or []
        if subject:
            found = self.of(text, understood.language)
            if found is None or found:
                return found
        pointed = pointed_at(text, memory.items)
        if pointed is None and memory.items and follows(text):
            pointed = memory.items[0]
        return (self._get([pointed]) or []) if pointed is not None else []

    def currency(self, text: str, language: str) -> str | None:
        """That of all products which words find, ISO 4217; None where there are none, or several."""
        coins = {one.currency for one in self._find(subject_of(text) or text, 2 * SHOWN, language) or []}
        return coins.pop() if len(coins) == 1 else None

    def of(self, text: str, language: str) -> list[Product] | None:
        """Products that a message names, by nearly all its words or by their kind."""
        return self.named(text, language) or self._of_kind(text, language)

    def bare(self, text: str, language: str) -> list[Product] | None:
        """Products that a message names and says nothing else of."""
        found = self.named(text, language)
        if found is None or found:
            return found
        wanted = naming_words(subject_of(text))
        found = self._of_kind(text, language)
        kinds = {kind for one in found or () for kind in kinds_of(one)}
        return found if all(any(kind in word for kind in kinds) for word in wanted) else []

    def named(self, text: str, language: str) -> list[Product] | None:
        """Products that have nearly all words of what is asked about; of a catalogue in another language, the one that
        a dictionary finds."""
        subject = subject_of(text)
        wanted = words_of(subject)
        found = self._find(subject, 2 * SHOWN, language) if wanted else []
        if not found:
            return found
        named = [one for one in found if _is_named(wanted, one)]
        if named:
            return named[:SHOWN]
        foreign = not subject.isascii() and language_of(found[0].title) != language_of(subject)
        return found[:1] if foreign else []  # the answer says which product it speaks of

    def _of_kind(self, text: str, language: str) -> list[Product] | None:
        """Products whose kind a question names among other words: boots of "can the boots get wet"."""
        subject = subject_of(text)
        found = self._find(subject, 2 * SHOWN, language) if subject else []
        named = named_by(words_of(subject), found, SHOWN) if found else None
        return found if found is None else list(named.products) if named is not None else []


def fits(products: Sequence[Product], subject: str, *, goes_on: bool) -> bool:
    """Whether one of these has all words of what is looked for, and, unless a search goes on, is of a kind named."""
    wanted = naming_words(SILENT_ZH.sub(" ", subject)) - SILENT
    return any(_covers(one, wanted) and (goes_on or _is_sort(one, wanted)) for one in products)


def unknown_of(products: Sequence[Product], language: str) -> Draft:
    """That the catalogue does not say what is asked of these."""
    sources = [product_source(one) for one in products]
    titles = ("、" if language == "zh" else ", ").join(one.title[:_TITLE] for one in sources)
    return Draft(
        "unknown",
        [Sentence(say(language, "unknown_product", title=titles))],
        sources,
        tuple(one.item_id for one in products),
    )


def _is_named(wanted: frozenset[str], product: Product) -> bool:
    """Whether a product has nearly all words of what was asked about."""
    return len(wanted & _own_words(product)) >= max(1, round(0.75 * len(wanted)))


def _covers(product: Product, wanted: frozenset[str]) -> bool:
    """Whether a product has all of these words; 裙 of its title is what 裙子 means."""
    own, kinds = _own_words(product), kinds_of(product)
    return all(word in own or any(kind in word for kind in kinds) for word in wanted)


def _is_sort(product: Product, wanted: frozenset[str]) -> bool:
    """Whether words name the kind of a product, or nothing but qualities that it has."""
    values = " ".join(value for one in product.attributes.values() for value in one)
    return bool(kinds_of(product) & wanted) or wanted <= words_of(values)


def _own_words(product: Product) -> frozenset[str]:
    values = [value for one in product.attributes.values() for value in one]
    return words_of(" ".join([product.title, product.brand or "", *product.category, *values, product.item_id]))
