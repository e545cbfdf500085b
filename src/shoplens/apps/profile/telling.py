"""A profile in sentences, English or Chinese. Each is made of facts that are in the profile, and names them."""

from __future__ import annotations

from collections.abc import Sequence

from shoplens.apps.profile.facts import Affinity, Profile, Sentence
from shoplens.domain.events import EventType
from shoplens.models.profile.traits import OFFER, PART_OF_DAY, PART_OF_WEEK
from shoplens.models.profile.wording import trait_text

SURE = 0.9  # of a share of offers above the shop's; below 1 - SURE it is below
TELLING = 3  # affinities in a sentence

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "bought": "Bought on {visits} since {first}, last {ago}.",
        "came": "Came on {visits} since {first}, last {ago}.",
        "nothing": "Has not bought anything yet.",
        "day": "1 day",
        "days": "{n} days",
        "today": "today",
        "ago": "{days} ago",
        "paid": "Spent {paid} in all, {basket} a visit.",
        "top": "Among the fifth of people who {what}.",
        "top_recency": "came most lately",
        "top_frequency": "come most often",
        "top_monetary": "spend most",
        "steady": "Comes about every {gap}, quite regularly.",
        "loose": "Comes about every {gap}, mostly between {low} and {high} days.",
        "due": "The next visit is likely around {date} (in {low} to {high}).",
        "due_sharp": "The next visit is likely around {date} (in {low}).",
        "due_open": "The next visit is likely around {date} (from {low}; perhaps not within {horizon}).",
        "churn": "The chance of not coming within {days} is {chance}; of all who came lately {shop} do not.",
        "affinities": "Chooses more than others: {list}.",
        "affinity": "{value} ({share} of it, {lift} times the shop's)",
        "times": "Mostly there {list}.",
        "offers": "Buys more at reduced prices than others ({share}, the shop {shop}).",
        "no_offers": "Buys less at reduced prices than others ({share}, the shop {shop}).",
        "next": "The next visit probably holds {list}.",
        "segment": "Belongs to the segment “{name}”.",
        "predicted": "{name} is perhaps {value} ({chance}; such guesses are right {accuracy} of the time, always "
        "saying the commonest {majority}).",
        "comma": ", ",
    },
    "zh": {
        "bought": "自{first}以来在{visits}里购买过，最近一次是{ago}。",
        "came": "自{first}以来在{visits}里来访过，最近一次是{ago}。",
        "nothing": "尚未购买过。",
        "day": "1天",
        "days": "{n}天",
        "today": "今天",
        "ago": "{days}前",
        "paid": "总计消费{paid}，平均每次{basket}。",
        "top": "属于{what}的前五分之一顾客。",
        "top_recency": "最近来过",
        "top_frequency": "来得最频繁",
        "top_monetary": "消费最高",
        "steady": "大约每{gap}来一次，相当规律。",
        "loose": "大约每{gap}来一次，多在{low}到{high}天之间。",
        "due": "下次来访大约在{date}（{low}到{high}后）。",
        "due_sharp": "下次来访大约在{date}（{low}后）。",
        "due_open": "下次来访大约在{date}（最早{low}后；也可能{horizon}内不来）。",
        "churn": "{days}内不再来的可能性为{chance}；近期来过的顾客中这一比例为{shop}。",
        "affinities": "比其他顾客更常选择：{list}。",
        "affinity": "{value}（占{share}，是本店平均的{lift}倍）",
        "times": "多在{list}来访。",
        "offers": "比其他顾客更常购买优惠商品（{share}，本店平均{shop}）。",
        "no_offers": "比其他顾客更少购买优惠商品（{share}，本店平均{shop}）。",
        "next": "下次购买很可能包括{list}。",
        "segment": "属于客群“{name}”。",
        "predicted": "{name}可能是{value}（{chance}；此类推测的准确率为{accuracy}，始终猜最常见值为{majority}）。",
        "comma": "、",
    },
}
TIMES = (PART_OF_DAY, PART_OF_WEEK)


def tell(profile: Profile, act: EventType, language: str) -> tuple[Sentence, ...]:
    """The summary of a profile whose facts are all there."""
    text = TEXTS.get(language, TEXTS["en"])
    found = [*_activity(profile, act, text), *_rhythm(profile, text)]
    tastes = _told_once([one for one in profile.affinities if one.field not in (*TIMES, OFFER)])
    if tastes:
        parts = [_affinity(one, text, language) for one in tastes]
        said = text["affinities"].format(list=text["comma"].join(parts))
        found.append(Sentence(said, tuple(one.id for one in tastes)))
    times = [one for one in profile.affinities if one.field in TIMES]
    if times:
        said = text["comma"].join(trait_text(one.field, one.value, language) for one in times)
        found.append(Sentence(text["times"].format(list=said), tuple(one.id for one in times)))
    return (
        *found,
        *_discount(profile, text),
        *_next(profile, text),
        *_segment(profile, text),
        *_guesses(profile, text),
    )


def _activity(profile: Profile, act: EventType, text: dict[str, str]) -> list[Sentence]:
    one = profile.activity
    if not one.visits or one.recency_days is None:
        return [Sentence(text["nothing"], ("activity",))]
    ago = text["today"] if one.recency_days < 1 else text["ago"].format(days=_days(one.recency_days, text))
    verb = "bought" if act is EventType.PURCHASE else "came"
    said = [text[verb].format(visits=_days(one.visits, text), first=one.first_visit, ago=ago)]
    if one.paid is not None and one.basket is not None:
        said.append(text["paid"].format(paid=_money(one.paid, one.currency), basket=_money(one.basket, one.currency)))
    best = [name for name, score in one.scores.items() if score == 5]
    if best:
        what = text["comma"].join(text[f"top_{name}"] for name in best)
        said.append(text["top"].format(what=what))
    return [Sentence(sentence, ("activity",)) for sentence in said]


def _rhythm(profile: Profile, text: dict[str, str]) -> list[Sentence]:
    found = []
    if (one := profile.rhythm) is not None:
        name = "steady" if one.steady else "loose"
        gap = _days(max(one.gap_days, 1), text)
        said = text[name].format(gap=gap, low=f"{one.gap_low:.0f}", high=f"{one.gap_high:.0f}")
        found.append(Sentence(said, ("rhythm",)))
    if (due := profile.due) is not None:
        low = _days(due.low_days, text)
        if due.high_days is None:
            horizon = _days(due.horizon_days or 0, text)
            said = text["due_open"].format(date=due.date, low=low, horizon=horizon)
        elif round(due.low_days) == round(due.high_days):
            said = text["due_sharp"].format(date=due.date, low=low)
        else:
            said = text["due"].format(date=due.date, low=f"{due.low_days:.0f}", high=_days(due.high_days, text))
        found.append(Sentence(said, ("due",)))
    if (churn := profile.churn) is not None:
        days = _days(churn.horizon_days, text)
        said = text["churn"].format(days=days, chance=_percent(churn.probability), shop=_percent(churn.shop))
        found.append(Sentence(said, ("churn",)))
    return found


def _discount(profile: Profile, text: dict[str, str]) -> list[Sentence]:
    one = profile.discount
    if one is None or 1 - SURE < one.confidence < SURE:
        return []
    name = "offers" if one.confidence >= SURE else "no_offers"
    return [Sentence(text[name].format(share=_percent(one.share), shop=_percent(one.shop_share)), ("discount",))]


def _next(profile: Profile, text: dict[str, str]) -> list[Sentence]:
    some = profile.next_categories[:TELLING]
    if not some:
        return []
    said = [f"{one.category.rpartition(' > ')[2]} ({_percent(one.probability)})" for one in some]
    return [Sentence(text["next"].format(list=text["comma"].join(said)), tuple(one.id for one in some))]


def _segment(profile: Profile, text: dict[str, str]) -> list[Sentence]:
    one = profile.segment
    return [] if one is None else [Sentence(text["segment"].format(name=one.name), ("segment",))]


def _guesses(profile: Profile, text: dict[str, str]) -> list[Sentence]:
    return [
        Sentence(
            text["predicted"].format(
                name=one.name,
                value=one.value,
                chance=_percent(one.probability),
                accuracy=_percent(one.accuracy),
                majority=_percent(one.majority),
            ),
            (one.id,),
        )
        for one in profile.predicted
    ]


def _told_once(found: Sequence[Affinity]) -> list[Affinity]:
    """The surest few: of categories within one another only the first, of other fields only one value."""
    chosen: list[Affinity] = []
    for one in found:
        category = one.field.startswith("category")
        readable = any(letter.isalpha() for letter in one.value)
        near = (
            any(_nested(one.value, other.value) for other in chosen if other.field.startswith("category"))
            if category
            else any(other.field == one.field for other in chosen)
        )
        if readable and not near:
            chosen.append(one)
        if len(chosen) == TELLING:
            break
    return chosen


def _nested(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other} > ") or other.startswith(f"{one} > ")


def _affinity(one: Affinity, text: dict[str, str], language: str) -> str:
    value = trait_text(one.field, one.value, language)
    return text["affinity"].format(value=value, share=_percent(one.share), lift=f"{one.lift:.1f}")


def _days(n: float, text: dict[str, str]) -> str:
    return text["day"] if round(n) == 1 else text["days"].format(n=f"{n:.0f}")


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.095 else f"{share:.1%}"


def _money(amount: float, currency: str) -> str:
    return f"{amount:,.2f} {currency}".strip()
