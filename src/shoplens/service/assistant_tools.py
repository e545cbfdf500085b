"""The assistant's tools in a running shop: catalogue, recommendations, and a search that goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from shoplens.apps.assistant.tools.base import Shown
from shoplens.apps.home import Shown as Recommended
from shoplens.apps.interaction import Interaction, PhotoAsk
from shoplens.apps.interaction import Turn as ShoppingTurn
from shoplens.domain.catalogue import Product
from shoplens.recommend.asking import Ask, Search
from shoplens.store.base import Store

Recommend = Callable[[int, str | None, str | None], Recommended]  # how many, user_id, session_id


class ShopCatalogue:
    """Products by id and by words."""

    def __init__(self, store: Store, search: Search) -> None:
        self._store, self._search = store, search

    def get(self, item_ids: Sequence[str]) -> list[Product]:
        """See `tools.base.Catalogue`."""
        known = self._store.catalogue.get(list(item_ids))
        return [known[one] for one in item_ids if one in known and not known[one].stub]

    def find(self, text: str, n: int, language: str) -> list[Product]:
        """See `tools.base.Catalogue`. What is sold out is found as well: it is asked about."""
        found = self._search(Ask(text=text, n=n, language=language, unavailable=True, highlight=False))
        return self.get([one.item_id for one in found.items])


class Recommendations:
    """What a person, or a guest's conversation, may like."""

    def __init__(self, recommend: Recommend, catalogue: ShopCatalogue) -> None:
        self._recommend, self._catalogue = recommend, catalogue

    def __call__(self, user_id: str | None, session_id: str, n: int) -> list[Product]:
        """See `tools.base.Recommends`."""
        shown = self._recommend(n, user_id, session_id if user_id is None else None)
        return self._catalogue.get([one.item_id for one in shown.answer.items])


class ShoppingSearch:
    """The conversation about what to buy, under the id of the conversation with the assistant."""

    def __init__(self, interaction: Callable[[], Interaction], catalogue: ShopCatalogue) -> None:
        self._interaction, self._catalogue = interaction, catalogue

    def __call__(
        self, conversation_id: str, user_id: str | None, text: str, photos: Sequence[object], language: str, n: int
    ) -> Shown:
        """See `tools.base.Shopping`."""
        turn = ShoppingTurn(
            session_id=shopping_session(conversation_id),
            user_id=user_id,
            text=text[:1_000],
            photos=tuple(cast(PhotoAsk, one) for one in photos),
            n=n,
            language=language,
        )
        reply = self._interaction().turn(turn)
        question = reply.question
        return Shown(
            tuple(self._catalogue.get([one.item_id for one in reply.found.items])),
            reply.found.total,
            None if question is None else question.text,
            () if question is None else tuple(one.label for one in question.options),
        )


def shopping_session(conversation_id: str) -> str:
    """The id of the search for products that goes on within a conversation with the assistant."""
    return f"assistant-{conversation_id}"
