"""What completes a cart: products one by one, and sets of them that were bought together."""

from shoplens.apps.cart.completion import Cart, CartQuestion, Completed
from shoplens.apps.cart.together import Bundle

__all__ = ["Bundle", "Cart", "CartQuestion", "Completed"]
