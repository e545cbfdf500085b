"""Products and people over the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, field_validator

from shoplens.domain.catalogue import Availability, Product
from shoplens.domain.moments import told
from shoplens.domain.people import Person
from shoplens.http.wire.fields import Currency, Id, Request, RowError, ShortText, Text, Time, Title, Told
from shoplens.http.wire.product_opinions import ProductOpinions
from shoplens.service.uploads import LINK

Price = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=20)]
Links = Annotated[list[ShortText], Field(max_length=100)]


YEARS = (1900, 2200)  # a product outside of these is a mistake of the sender


def _plausible(moment: datetime) -> datetime:
    """In UTC (a time without a zone is taken as such)."""
    first, last = YEARS
    if first - 1 <= moment.year <= last + 1:  # near year 1 or 9999 the zone itself would overflow
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        if first <= moment.year <= last:
            return moment
    raise ValueError(f"lies outside of the years {first} to {last}")


Moment = Annotated[Time, AfterValidator(_plausible)]


class ProductFields(Request):
    """A product without its id, for PUT."""

    title: Title
    description: Text = ""
    brand: ShortText | None = None
    category: Annotated[list[ShortText], Field(max_length=20)] = Field(
        default_factory=list, description='From broad to narrow; "A > B" is understood too.'
    )
    price: Price | None = None
    sale_price: Price | None = None
    currency: Currency | None = None
    availability: Availability | None = None
    stock: Annotated[int, Field(ge=0, le=2**53)] | None = None
    gtin: ShortText | None = None
    mpn: ShortText | None = None
    group_id: Id | None = None
    link: ShortText | None = None
    attributes: dict[ShortText, list[ShortText]] = Field(default_factory=dict)
    images: Links = Field(default_factory=list)
    videos: Links = Field(default_factory=list)
    audio: Links = Field(default_factory=list)
    created_at: Moment | None = None

    @field_validator("title")
    @classmethod
    def _said(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("has at least 1 character that is not a space")
        return value

    @field_validator("category", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(">") if part.strip()] if isinstance(value, str) else value

    @field_validator("attributes", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: [one] if isinstance(one, str) else one for name, one in value.items()}

    @field_validator("images", "videos", "audio")
    @classmethod
    def _remote(cls, value: list[str]) -> list[str]:
        """A client must not name files of the server, but what was uploaded: its name is the hash of its content."""
        for link in value:
            if not link.startswith(("https://", "http://")) and not LINK.match(link):
                raise ValueError("only http(s) addresses and uploaded files (media/…) are taken here")
        return value

    def to_product(self, item_id: str) -> Product:
        """As the shop knows it."""
        return Product(
            item_id=item_id,
            title=self.title,
            description=self.description,
            brand=self.brand,
            category=tuple(self.category),
            price=self.price,
            sale_price=self.sale_price,
            currency=self.currency,
            availability=self.availability,
            stock=self.stock,
            gtin=self.gtin,
            mpn=self.mpn,
            group_id=self.group_id,
            link=self.link,
            attributes={name: tuple(values) for name, values in self.attributes.items()},
            images=tuple(self.images),
            videos=tuple(self.videos),
            audio=tuple(self.audio),
            created_at=self.created_at,
        )


class ProductIn(ProductFields):
    """A product with its id, for bulk import."""

    item_id: Id


class ProductPut(ProductFields):
    """A product for PUT. What GET gave may be sent back: its id must be that of the path, `stub` and `opinions` are not
    looked at."""

    item_id: Id | None = None
    stub: bool | None = None
    opinions: ProductOpinions | None = None


class ProductOut(BaseModel):
    """A product as the shop knows it. Prices are decimals as text."""

    item_id: str
    title: str
    description: str
    brand: str | None
    category: list[str]
    price: str | None
    sale_price: str | None
    currency: str | None
    availability: Availability | None
    stock: int | None
    gtin: str | None
    mpn: str | None
    group_id: str | None
    link: str | None
    attributes: dict[str, list[str]]
    images: list[str]
    videos: list[str]
    audio: list[str]
    created_at: Told | None
    stub: bool = Field(description="Known only because an event mentioned it.")
    opinions: ProductOpinions | None = Field(description="What people say about it, when they do.")

    @classmethod
    def of(cls, product: Product, opinions: ProductOpinions | None = None) -> ProductOut:
        """From the shop's own type."""
        text = {name: getattr(product, name) for name in ("item_id", "title", "description", "brand", "currency")}
        codes = {name: getattr(product, name) for name in ("availability", "stock", "gtin", "mpn", "group_id", "link")}
        return cls(
            **text,
            **codes,
            category=list(product.category),
            price=None if product.price is None else str(product.price),
            sale_price=None if product.sale_price is None else str(product.sale_price),
            attributes={name: list(values) for name, values in product.attributes.items()},
            images=list(product.images),
            videos=list(product.videos),
            audio=list(product.audio),
            created_at=told(product.created_at),
            stub=product.stub,
            opinions=opinions,
        )


class ProductsBulkAnswer(BaseModel):
    """What became of the rows."""

    accepted: int
    changed: int = Field(description="How many of the accepted differ from what was known.")
    refused: int
    errors: list[RowError]


class PersonIn(Request):
    """Whatever the shop knows: age, gender, region, … Numbers stay numbers, all else is text."""

    fields: dict[Annotated[str, Field(min_length=1, max_length=100)], ShortText | float] = Field(
        default_factory=dict, max_length=200
    )

    user_id: Id | None = Field(default=None, description="If given, that of the path.")
    stub: bool | None = Field(default=None, description="Not looked at; GET gives it.")

    def to_person(self, user_id: str) -> Person:
        """As the shop knows them."""
        return Person(user_id=user_id, fields=dict(self.fields))


class PersonOut(BaseModel):
    """A person as the shop knows them."""

    user_id: str
    fields: dict[str, str | float]
    stub: bool = Field(description="Known only because an event mentioned them.")


class Forgotten(BaseModel):
    """How much went with a person. The record of it, without their id: `GET /v1/erasures`."""

    user_id: str
    people: int = Field(description="1 when the shop knew them by an event or a profile.")
    events: int = Field(description="Theirs, and those of their sessions before they signed in.")
    searches: int
    impressions: int
    transcripts: int
    opinions: int = Field(description="Posts of theirs; counts of what people say stay, they name nobody.")
    conversations: int


class GuestForgotten(BaseModel):
    """How much went with a guest's session. The record of it, without the id: `GET /v1/erasures`."""

    session_id: str
    events: int = Field(description="Of the session while nobody was signed in; what came later is the person's.")
    searches: int
    impressions: int
    transcripts: int
    conversations: int


class GuestExport(BaseModel):
    """All that is held about a guest's session. What is not known is left out of each record."""

    format: int
    session_id: str
    events: list[dict[str, Any]] = Field(description="As posted, oldest first.")
    searches: list[dict[str, Any]] = Field(description="What was asked and shown, oldest first.")
    impressions: list[dict[str, Any]] = Field(description="Recommendations that were shown, oldest first.")
    transcripts: list[dict[str, Any]] = Field(description="What was said to the assistant.")
    profile: dict[str, Any] | None = Field(description="As it is worked out now; null where there are no events.")
    conversations: list[dict[str, Any]] = Field(description="Those that still go on.")


class PersonExport(BaseModel):
    """All that is held about a person. What is not known is left out of each record."""

    format: int
    user_id: str
    fields: dict[str, Any]
    events: list[dict[str, Any]] = Field(description="As posted, oldest first;")
    searches: list[dict[str, Any]] = Field(description="What was asked and shown, oldest first.")
    impressions: list[dict[str, Any]] = Field(description="Recommendations that were shown, oldest first.")
    transcripts: list[dict[str, Any]] = Field(description="What was said to the assistant, oldest first.")
    profile: dict[str, Any] | None = Field(description="As it is worked out now; null where only searches are held.")
    opinions: list[dict[str, Any]] = Field(description="What they wrote in public, oldest first.")
    conversations: list[dict[str, Any]] = Field(description="Those that still go on.")
