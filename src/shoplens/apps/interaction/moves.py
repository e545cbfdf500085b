"""What a shopper does with what is on the table: the moves of a conversation that plain search words are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from shoplens.recommend.asking import Sort

#: Products on the table by place: 1 is the first, -1 the last, 0 the one that is being talked about ("this one").
Places: TypeAlias = tuple[int, ...]

POINTED = (0,)


@dataclass(frozen=True, slots=True)
class Reset:
    """Begin anew: "start over", "重新开始"."""


@dataclass(frozen=True, slots=True)
class Undo:
    """One step back: "go back", "上一步"."""


@dataclass(frozen=True, slots=True)
class More:
    """The next products of the same search: "show more", "还有吗"."""


@dataclass(frozen=True, slots=True)
class Others:
    """The same search without what was shown: "none of these", "都不喜欢"."""


@dataclass(frozen=True, slots=True)
class Price:
    """Relative to what is on the table, or to one product of it: "cheaper", "比第二个便宜"."""

    down: bool = True
    much: bool = False
    than: Places = ()


@dataclass(frozen=True, slots=True)
class Order:
    """Another order of the same products: "the cheapest", "按销量"."""

    sort: Sort


@dataclass(frozen=True, slots=True)
class Free:
    """What was asked of a field no longer holds: "any colour", "价格不限"."""

    field: str  # as `wording.FIELDS` calls it, or an attribute of the catalogue


@dataclass(frozen=True, slots=True)
class Other:
    """Not what a product has there: "not that brand", "换个颜色"."""

    field: str
    than: Places = ()


@dataclass(frozen=True, slots=True)
class Without:
    """Not these products: "not the second", "不要第三个"."""

    places: Places


@dataclass(frozen=True, slots=True)
class Like:
    """What resembles products, or the photo: "more like the third", "和第三个差不多的"."""

    places: Places = POINTED


@dataclass(frozen=True, slots=True)
class Pick:
    """These products themselves; with a change, what they would be then: "the second one in blue", "第二个要蓝色的"."""

    places: Places


Move: TypeAlias = Reset | Undo | More | Others | Price | Order | Free | Other | Without | Like | Pick


@dataclass(frozen=True, slots=True)
class Reading:
    """An utterance taken apart."""

    moves: tuple[Move, ...] = ()
    rest: str = ""  # plain search words
    feature: bool = False  # the words say what the thing has or is for ("with a hood", "带口袋的"), not what it is
