"""How shoppers speak of prices, order, fields and likeness, as patterns on text in which references are signs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from re import IGNORECASE, Pattern

from shoplens.apps.interaction.references import REF

#: Kinds of facts that shoppers name → their names; an attribute of the catalogue's own is named by its name.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "brand": ("brand", "make", "label", "manufacturer", "牌子", "品牌", "厂家", "厂商"),
    "price": ("price", "budget", "cost", "价格", "价位", "价钱", "预算"),
    "colour": ("colour", "color", "shade", "颜色", "色"),
    "size": ("size", "尺码", "尺寸", "大小", "码"),
    "material": ("material", "fabric", "材质", "面料", "材料", "质地"),
    "pattern": ("pattern", "print", "图案", "花纹"),
    "category": ("category", "type", "kind", "类别", "种类", "类型", "品类"),
    "style": ("style", "款式", "风格", "样式"),
}
LONGEST_NAME = 40  # characters of an attribute's name that is said

Patterns = tuple[Pattern[str], ...]


def _all(*patterns: str) -> Patterns:
    return tuple(re.compile(one, IGNORECASE) for one in patterns)


def field_names(catalogue: Sequence[str]) -> dict[str, str]:
    """Every name of a field, in small letters → what `Free` and `Other` call it. `catalogue`: names of attributes."""
    names = {spelled: field for field, spellings in FIELDS.items() for spelled in spellings}
    for name in catalogue:
        if name and len(name) <= LONGEST_NAME:
            names.setdefault(name.casefold(), name)
    return names


class FieldWording:
    """Patterns that speak of a field; group "field" is its name."""

    def __init__(self, names: Sequence[str]) -> None:
        longest = sorted(map(re.escape, names), key=len, reverse=True)
        en = rf"(?P<field>{'|'.join(one for one in longest if one.isascii()) or '(?!)'})(?:s\b|\b)"
        zh = rf"(?P<field>{'|'.join(one for one in longest if not one.isascii()) or '(?!)'})"
        self.free = _all(*_free(en, zh))
        self.other_than = _all(
            rf"\b{_NO} (?:from |by |of |in )?the (?:same )?{en} (?:of|as) (?P<ref>{REF})",
            rf"{_ZH_NO}(?P<ref>{REF})(?:的|那个)?(?:那个|这个)?{zh}(?:的)?",
            rf"(?:和|跟|与)(?P<ref>{REF})不(?:同|一样)(?:的)?{zh}(?:的)?",
        )
        self.other = _all(*_other(en, zh))


_NO = (
    r"(?:(?:i )?(?:do not|don'?t) (?:like|want|need)|not|no|never|except|without|exclude|anything but|other than"
    r"|(?:i )?hate|avoid)"
)
_ZH_NO = "(?:不要|不喜欢|不想要|别要|除了|除去|排除|去掉|讨厌|不买|别给我)"


def _free(en: str, zh: str) -> tuple[str, ...]:
    """The field does not matter, or its limit goes."""
    limit = r"(?: ?(?:limit|filter|constraint|restriction|range|cap|requirement)s?)"
    fine = r"(?: (?:is|are|will|would) (?:fine|ok|okay|good|do|work)| works| goes| will do)?"
    return (
        rf"\b(?:any|whatever|every|all) {en}{fine}",
        rf"\b(?:the )?{en} (?:does not|doesn'?t|do not|don'?t) matter",
        rf"\b(?:the )?{en} is (?:not|n't) important",
        rf"\b(?:i )?(?:do not|don'?t) (?:care|mind)(?: about| what| which)?(?: the)? {en}",
        rf"\b(?:remove|drop|forget(?: about)?|clear|ignore|lift|delete) (?:the |my |that |this )?{en}{limit}?",
        rf"\b(?:no|without(?: the| a)?) {en}{limit}",
        rf"(?:什么|任何|随便什么|哪种|哪个|随便哪个){zh}(?:的)?(?:都|也)?(?:行|可以|好|要|没关系)",
        rf"(?:不限|不管|不论|无论|不在乎|不介意|不挑)(?:是)?(?:什么|哪个|哪种)?{zh}(?:都(?:行|可以|好))?",
        rf"{zh}(?:都|也)?(?:不限|无所谓|随便|随意|都可以|都行|不重要|没关系|不要求|没要求|不用管)",
        rf"(?:去掉|取消|删掉|删除|移除|不要|别管|忘掉|放开|忽略)(?:这个|那个)?{zh}"
        r"(?:的)?(?:限制|条件|要求|筛选|上限|范围)",
    )


def _other(en: str, zh: str) -> tuple[str, ...]:
    """Not what it is now."""
    this = "(?:这个|那个|这种|那种|这些|那些|同样的?|同一个?|刚才那个|这|那)"
    another = "(?:别的|其他的?|其它的?|另外的?|另一?(?:个|种)|不同的?)"
    return (
        rf"\b(?:but )?{_NO} (?:from |by |of |in )?(?:that|this|the same|these|those) {en}",
        rf"\b(?:in |from |by |of |with )?(?:(?:a |an |some |any |what )?(?:other|different)|another) {en}"
        r"(?: (?:are there|do you have|instead|please))?",
        rf"\b(?:change|switch) the {en}",
        rf"{_ZH_NO}{this}的?{zh}(?:的|以外的?|之外的?)?",
        rf"(?:换成|改成|换|有没有|有|要|看看|想要|想看)?(?:一)?(?:个|种)?{another}{zh}(?:的)?",
        rf"换(?:一)?(?:个|种|下){zh}(?:的)?",
    )


_MUCH = r"(?P<much>much |far |way |a lot |lots |considerably )?"
_BIT = r"(?:a little(?: bit)? |a bit |slightly |somewhat |even |still )?"
_SOME = r"(?:(?:show me |give me |find )?(?:something|anything|some|any|one|ones) )?"
_THAN = rf"(?: than (?P<ref>{REF}))?"
_THEY = rf"(?:(?:this|that|it|these|they|those|{REF})(?: is| are|'s|'re)? )?"
_THINGS = r"(?: (?:one|ones|options?|products?|alternatives?))?"
_ZH_BIT = "(?:一点儿?|一些|点儿?|些|(?P<much>很多|得多|不少|多了))"
_ZH_ASK = "(?:有没有|有|要|来|想要|想看|给我|能不能|可不可以|可以|我要|看看)?"
CHEAPER = _all(
    rf"\b{_SOME}{_BIT}{_MUCH}{_BIT}(?:cheaper|less (?:expensive|pricey|costly)|more (?:affordable|budget[- ]friendly)"
    rf"|lower[- ](?:priced?|cost)|(?:easier|lighter) on the wallet){_THINGS}{_THAN}",
    rf"\b{_THEY}(?:a bit |a little |way |much |far |still )?too (?:expensive|pricey|dear|costly)(?: for me)?",
    r"\b(?:it |they |these |this )?costs? too much",
    rf"\bnot (?:so|that|as|quite so) (?:expensive|pricey|dear){_THAN}",
    r"\b(?:i )?(?:can'?t|cannot|can not) afford (?:this|that|it|these|them|those)",
    rf"比(?P<ref>{REF})(?:要|还|更|再)*(?:便宜|实惠|低价){_ZH_BIT}?(?:的)?",
    rf"{_ZH_ASK}(?:再|更|还要?|还能)+(?:便宜|实惠|低价|平价){_ZH_BIT}?(?:的)?",
    rf"{_ZH_ASK}(?:便宜|实惠|低价){_ZH_BIT}(?:的)?",
    r"(?:这些|那些|这|那|它们?|都|价格)*(?:太|有点儿?|有些|好|这么|那么|还是)+贵(?:了)?",
    rf"(?:价格|价钱|价位)(?:再|更|要)?低{_ZH_BIT}(?:的)?",
    r"^(?:有没有|有|要)?便宜(?:的)?$",
    r"(?:买不起|超(?:出)?预算(?:了)?)",
)
DEARER = _all(
    rf"\b{_SOME}{_BIT}{_MUCH}{_BIT}(?:more (?:expensive|premium|upmarket|luxurious|high[- ]end)|pricier|dearer"
    rf"|higher[- ](?:priced?|end|quality)|fancier|classier){_THINGS}{_THAN}",
    rf"\b{_THEY}(?:a bit |way |much )?too cheap",
    rf"比(?P<ref>{REF})(?:要|还|更|再)*(?:贵|高档|高端|高级){_ZH_BIT}?(?:的)?",
    rf"{_ZH_ASK}(?:再|更|还要?)+(?:贵|高档|高端|高级|好){_ZH_BIT}?(?:的)?",
    rf"{_ZH_ASK}(?:贵|高档|高端|高级){_ZH_BIT}(?:的)?",
    r"(?:这些|那些|都)*(?:太|有点儿?)便宜(?:了)?",
    rf"(?:价格|价位|档次)(?:再|更|要)?高{_ZH_BIT}(?:的)?",
)

_FIRST = r"(?: (?:ones?|first|products?|options?))*"
_SORTED = r"(?:sort(?:ed)?|order(?:ed)?) (?:them |these |it )?by"
_LOW_TO_HIGH = r"low(?:est)?(?: to high(?:est)?)?(?: first)?"
_HIGH_TO_LOW = r"high(?:est)?(?: to low(?:est)?)?(?: first)?"
_ZH_SORTED = "(?:排序|排列|排)?"
_ZH_FIRST = "(?:排前面|在前|优先)?"
#: Field to order by, whether descending, and how it is said.
ORDERS: tuple[tuple[str, bool, Patterns], ...] = (
    (
        "price",
        True,
        _all(
            rf"\b(?:the )?(?:most expensive|priciest|dearest|highest[- ]priced?){_FIRST}",
            rf"\b(?:{_SORTED} )?(?:the )?price,? (?:from )?(?:{_HIGH_TO_LOW}|desc(?:ending)?)",
            rf"(?:按|以)?价格(?:从高到低|降序|由高到低){_ZH_SORTED}",
            r"从贵到便宜",
            rf"最贵(?:的)?{_ZH_FIRST}",
        ),
    ),
    (
        "price",
        False,
        _all(
            rf"\b(?:the )?(?:cheapest|least expensive|lowest[- ]priced?|most affordable){_FIRST}",
            rf"\b{_SORTED} (?:the )?price(?:,? (?:from )?(?:{_LOW_TO_HIGH}|asc(?:ending)?))?",
            r"\bprice,? (?:from )?low(?:est)?(?: to high(?:est)?| first)",
            rf"(?:按|以)?价格(?:从低到高|升序|由低到高){_ZH_SORTED}",
            rf"(?:按|以)价格{_ZH_SORTED}",
            r"从便宜到贵",
            rf"(?:价格)?最(?:便宜|低价|实惠)(?:的)?{_ZH_FIRST}",
            r"价格最低(?:的)?",
        ),
    ),
    (
        "created_at",
        True,
        _all(
            r"\b(?:the )?(?:newest|latest|most recent)(?: (?:ones?|first|products?|arrivals?|models?|items?))*$",
            r"\b(?:show me )?(?:the )?new arrivals\b",
            rf"\b{_SORTED} (?:date|newest|new)(?: first)?",
            rf"(?:按|以)(?:时间|上架时间|新品|最新){_ZH_SORTED}",
            r"最新(?:的|款|款的|上架的?)?$",
            r"新品(?:优先|在前)",
        ),
    ),
    (
        "popularity",
        True,
        _all(
            rf"\b(?:the )?(?:most popular|best[- ]?sell(?:ing|ers?)|most sold|top[- ]?selling){_FIRST}",
            rf"\b{_SORTED} (?:popularity|sales)",
            rf"(?:按|以)(?:销量|人气|热度){_ZH_SORTED}",
            r"(?:最热(?:门|销)?|最受欢迎|卖得最(?:好|多)|销量最(?:高|好)|最火|最畅销)(?:的)?",
        ),
    ),
)

_REFS = rf"(?P<ref>{REF}(?:(?:,| and| or|, and)? ?{REF})*)"
_ZH_REFS = rf"(?P<ref>{REF}(?:[和跟与、,]?{REF})*)"
WITHOUT = _all(
    rf"\b(?:but )?(?:{_NO}|no,? not|skip|remove|hide|except for|drop) {_REFS}",
    rf"(?:不要|不喜欢|不想要|去掉|排除|跳过|除了|别要|删掉|隐藏){_ZH_REFS}(?:以外的?|之外的?|了)?(?:都行|都可以)?",
    rf"{_ZH_REFS}(?:我)?(?:都)?(?:不要|不喜欢|不想要|去掉|不行|不合适)",
)
_GIVE_ME = r"(?:(?:show |give |find )?(?:me )?"
LIKE = _all(
    rf"\b{_GIVE_ME}(?:(?:some |something |anything |products |items |ones? |things )?(?:more|others?|else)?"
    r"(?: products| ones| items)? ?)?)?(?:similar to|(?:just |exactly |much )?like|same as|the same as|in the style of"
    rf"|resembling|comparable to|close to|as) {_REFS}",
    rf"(?:我)?(?:想要|要|找|有没有|有|来|看看)?(?:和|跟|与|像|类似于?|照着|按照){_ZH_REFS}(?:里)?(?:的)?"
    r"(?:一模一样|一样|相似|差不多|类似|那样|这样|同款|相近|近似)?(?:的)?",
    rf"(?P<ref>{REF})(?:的)?(?:同款|相似款?|类似款?)(?:的)?",
)
#: Whole utterances: like what is being talked about.
RESEMBLING = _all(
    rf"^{_GIVE_ME})?(?:(?:some|any|more|something|other) )?similar"
    r"(?: (?:ones|products|items|things|options|styles?))?$",
    r"^(?:有没有|有|找|找找|看看|来点)?(?:相似|类似|同款|差不多|相近)(?:款)?(?:的)?(?:商品|产品)?$",
)
