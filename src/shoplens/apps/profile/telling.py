"""A profile in sentences, English or Chinese. Each is made of facts that are in the profile, and names them."""

from __future__ import annotations

from collections.abc import Sequence

from shoplens.apps.profile.facts import Affinity, Profile, Sentence
from shoplens.apps.profile.sentences import TEXTS
from shoplens.domain.events import EventType
from shoplens.ingest.money import WITHOUT_CENTS
from shoplens.models.profile.traits import OFFER, PART_OF_DAY, PART_OF_WEEK
from shoplens.models.profile.wording import trait_text

SURE = 0.9  # of a share of offers above the shop's; below 1 - SURE it is below
TELLING = 3  # affinities in a sentence
CLEAR = 0.1  # of a segment: below, the next best is hardly farther
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
        found.append(_times(times, text, language))
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
    once = "_once" if one.visits == 1 else ""
    said = [text[f"{verb}{once}"].format(visits=_days(one.visits, text), first=one.first_visit, ago=ago)]
    if one.paid is not None and one.basket is not None:
        paid, basket = (_money(amount, one.currency) for amount in (one.paid, one.basket))
        said.append(text[f"paid{once}"].format(paid=paid, basket=basket))
    best = [name for name, score in one.scores.items() if score == 5]
    if best:
        what = text["and"].join(text[f"top_{name}"] for name in best)
        said.append(text["top"].format(what=what))
    return [Sentence(sentence, ("activity",)) for sentence in said]


def _rhythm(profile: Profile, text: dict[str, str]) -> list[Sentence]:
    found = []
    if (one := profile.rhythm) is not None:
        name = "steady" if one.steady else "loose"
        if profile.due is None and (profile.activity.recency_days or 0) > one.gap_high:
            name += "_left"
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
    if one is None:
        return []
    return [Sentence(text["segment" if one.clearness >= CLEAR else "between"].format(name=one.name), ("segment",))]


def _guesses(profile: Profile, text: dict[str, str]) -> list[Sentence]:
    return [
        Sentence(
            text["predicted"].format(
                name=one.name.replace("_", " "),
                value=one.value,
                chance=_percent(one.probability),
                accuracy=_percent(one.accuracy),
                low=_percent(one.accuracy_low),
                high=_percent(one.accuracy_high),
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


def _times(found: Sequence[Affinity], text: dict[str, str], language: str) -> Sentence:
    said = [
        text["time"].format(
            value=trait_text(one.field, one.value, language), share=_percent(one.share), shop=_percent(one.shop_share)
        )
        for one in found
    ]
    return Sentence(text["times"].format(list=text["comma"].join(said)), tuple(one.id for one in found))


def _affinity(one: Affinity, text: dict[str, str], language: str) -> str:
    value = trait_text(one.field, one.value, language)
    return text["affinity"].format(value=value, share=_percent(one.share), lift=f"{one.lift:.1f}")


def _days(n: float, text: dict[str, str]) -> str:
    return text["day"] if round(n) == 1 else text["days"].format(n=f"{n:.0f}")


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.095 else f"{share:.1%}"


def _money(amount: float, currency: str) -> str:
    """With as many decimals as the currency has."""
    return f"{amount:,.{0 if currency in WITHOUT_CENTS else 2}f} {currency}".strip()
