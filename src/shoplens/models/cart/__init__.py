"""What completes a cart: pairs, baskets like it, kinds that go together, and what the person buys again."""

from shoplens.models.cart.baskets import Baskets
from shoplens.models.cart.model import CartModel
from shoplens.models.cart.scored import Asked
from shoplens.models.cart.settings import CartSettings

__all__ = ["Asked", "Baskets", "CartModel", "CartSettings"]
