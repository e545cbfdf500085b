"""What words may find of a product."""

from __future__ import annotations

from shoplens.domain.catalogue import RELATIONS, Product
from shoplens.retrieval.lexical.document import Document


def document_of(product: Product, found: str = "") -> Document:
    """The texts and codes of a product. `found`: words in its media."""
    values = [value for name, given in product.attributes.items() if name not in RELATIONS for value in given]
    return Document(
        item_id=product.item_id,
        title=product.title,
        brand=product.brand or "",
        category=product.category,
        attributes=tuple(values),
        description=product.description,
        found=found,
        codes=tuple(code for code in (product.item_id, product.gtin, product.mpn) if code),
    )
