"""A cart as it is asked, and its answer: that of every ranking, and sets of products."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, Field

from shoplens.apps.cart import CartQuestion, Completed
from shoplens.http.wire.fields import Id
from shoplens.http.wire.ranking import RankedOut, RankingIn, answer_bytes


class CartIn(RankingIn):
    """What is in the cart, and for whom: `user_id`, `session_id` of a guest, both right after a login, or neither."""

    items: list[Id] = Field(
        default_factory=list,
        max_length=1_000,
        description="item_ids in the cart; order makes no difference; unknown ones are left out and named in `note`.",
        examples=[["p001", "p017"]],
    )
    viewing: Id | None = Field(default=None, description="item_id that is looked at now; counts half.")
    user_id: Id | None = None
    session_id: Id | None = None
    scenario: Annotated[str, Field(max_length=100)] = Field(default="cart", description="Whose rules hold.")
    repeat: bool = Field(
        default=True,
        description="Whether what the person bought before may be suggested; not said: as the scenario.",
    )
    bundles: int = Field(default=3, ge=0, le=20, description="Sets of two or three products to look for.")

    def given(self) -> dict[str, Any]:
        """The same, with what only a cart may say."""
        return super().given() | ({"repeat": self.repeat} if "repeat" in self.model_fields_set else {})

    def to_question(self) -> CartQuestion:
        """In terms of the shop."""
        return CartQuestion(
            items=tuple(self.items),
            viewing=self.viewing,
            user_id=self.user_id,
            session_id=self.session_id,
            bundles=self.bundles,
        )


class BundleOut(BaseModel):
    """Products that were bought together; the first is in the cart."""

    item_ids: list[str]
    support: int = Field(description="Baskets that held all of them, among the latest.")
    lift: float = Field(description="How many times as often as if they were bought independently.")


class CartAnswer(BaseModel):
    """Best first. Events quote `impression_id`, so that they can be attributed. `score` is for ordering only."""

    impression_id: str
    items: list[RankedOut]
    model: str = Field(description="What ranked the products.")
    bundle: str | None = Field(description="Version of the trained bundle that answered.")
    fallback: Literal["cold_start", "no_bundle", "recommend", "shown_again", "model_failed"] | None = Field(
        description="What answered when nothing is known about the cart, or its model failed."
    )
    note: str | None = Field(description="The same as a sentence, and which products that were sent are unknown.")
    sources: list[str] = Field(
        description="Who had a say in what is shown, loudest first: together, baskets, kinds, habit, taste, popular; "
        "of a fallback recommend, or popular and new."
    )
    bundles: list[BundleOut] = Field(description="Sets that were bought together, the strongest first.")


def completed_json(completed: Completed) -> dict[str, object]:
    """What a cart's answer says beside that of every ranking."""
    return {
        "sources": list(completed.sources),
        "bundles": [
            {"item_ids": list(one.item_ids), "support": one.support, "lift": one.lift} for one in completed.bundles
        ],
    }


def cart_bytes(completed: Completed, *, explain: bool) -> bytes:
    """`CartAnswer` as JSON: the ranking's own bytes with two more fields."""
    ranking = answer_bytes(completed.impression_id, completed.answer, explain=explain)
    return ranking[:-1] + b"," + orjson.dumps(completed_json(completed))[1:]
