"""Plain types of the shop: products, events, people, rankings. Needs nothing but numpy."""
