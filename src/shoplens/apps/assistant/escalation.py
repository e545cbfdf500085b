"""When a person takes over, when people are there, and what they are told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.turns import Act, Handover, Source, Tone, Understood
from shoplens.errors import ConfigurationError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(
    r"^(mon|tue|wed|thu|fri|sat|sun)(?:-(mon|tue|wed|thu|fri|sat|sun))? (\d\d):(\d\d)-(\d\d):(\d\d)$", re.I
)
_DANGER = re.compile(
    r"\b(?:lawyer|attorney|sue|lawsuit|court|police|injur\w+|hospital|allergic reaction|"
    r"poison\w*|caught fire|exploded|electric shock|"
    r"fraud\w*|stolen card|"
    r"unauthori[sz]ed (?:\w+ )?(?:charge|payment|transaction|purchase|withdrawal|debit|access|order|use)s?|"
    r"(?:charge|payment|transaction)s?\b.{0,40}\b(?:(?:did not|didn't|never) "
    r"(?:authori[sz]ed?|approved?)|(?:i|we) (?:did not|didn't|never) (?:make|made)(?! it\b| sense))|"
    r"identity theft|data protection|gdpr|suicid\w*|kill myself)\b|"
    r"律师|起诉|法院|报警|警察|受伤|医院|过敏|中毒|起火|爆炸|触电|诈骗|盗刷|没(?:有)?买过.{0,8}扣|不是我(?:本人)?(?:付|买|下)的|消费者协会|12315|自杀",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Opening:
    """When people answer: "Mon-Fri 09:00-18:00; Sat 10:00-14:00"; "" = always."""

    hours: str = ""
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        for part in self._parts():
            if not _SPAN.match(part):
                raise ConfigurationError(
                    f"assistant.hours: {part!r} is not like Mon-Fri 09:00-18:00; separate several by semicolons"
                )
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigurationError(
                f"assistant.timezone: {self.timezone!r} is no time zone; write Europe/Berlin, for example"
            ) from error

    def is_open(self, now: datetime) -> bool:
        """Whether people answer at this moment (with a time zone). A span may go past midnight."""
        if not self.hours.strip():
            return True
        local = now.astimezone(ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        return any(self._within(part, local.weekday(), minute) for part in self._parts())

    def opens(self, now: datetime) -> datetime | None:
        """When people answer again, in their time zone; None while they do."""
        if self.is_open(now):
            return None
        local = now.astimezone(ZoneInfo(self.timezone))
        starts = [
            datetime.combine(local.date() + timedelta(days=ahead), time(*divmod(begin, 60)), local.tzinfo)
            for part in self._parts()
            for days, begin in [self._span(part)[:2]]
            for ahead in range(8)
            if (local.weekday() + ahead) % 7 in days
        ]
        return min((one for one in starts if one > local), default=None)

    @property
    def shown(self) -> str:
        """For customers: with the time zone."""
        return f"{self.hours} ({self.timezone})" if self.hours.strip() else ""

    def _parts(self) -> list[str]:
        return [part.strip() for part in self.hours.split(";") if part.strip()]

    @staticmethod
    def _span(part: str) -> tuple[set[int], int, int]:
        """Days of the week, and the minutes of the day between which people answer."""
        match = _SPAN.match(part)
        assert match is not None
        first = DAYS.index(match[1].lower())
        last = DAYS.index((match[2] or match[1]).lower())
        days = {(first + step) % 7 for step in range((last - first) % 7 + 1)}
        return days, int(match[3]) * 60 + int(match[4]), int(match[5]) * 60 + int(match[6])

    @classmethod
    def _within(cls, part: str, day: int, minute: int) -> bool:
        days, begin, end = cls._span(part)
        if begin <= end:
            return day in days and begin <= minute < end
        return (day in days and minute >= begin) or ((day - 1) % 7 in days and minute < end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a person is asked to take over."""

    misses: int = 2  # turns in a row without an answer
    upset: int = 2  # turns that sounded upset
    intents: frozenset[str] = frozenset()  # always handed over
    opening: Opening = field(default_factory=Opening)
    handover_hours: float = 72.0  # without a word, after which a conversation is the assistant's again

    def before(self, text: str, understood: Understood, memory: Memory) -> str | None:
        """Why a person should answer this, whatever is known: "asked", "topic", "rule", "upset"."""
        if understood.act is Act.HUMAN:
            return "asked"
        if _DANGER.search(text):
            return "topic"
        if understood.in_scope and understood.intent in self.intents:
            return "rule"
        if understood.tone is Tone.UPSET and memory.upset + 1 >= self.upset:
            return "upset"
        return None


def hand_over(
    reason: str,
    text: str,
    understood: Understood,
    memory: Memory,
    sources: Sequence[Source],
    opening: Opening,
    now: datetime,
) -> Handover:
    """With all that a person needs to go on from here."""
    slots: Mapping[str, str] = {**memory.slots, **understood.slots}
    intents = list(
        dict.fromkeys([*memory.intents, *([understood.intent] if understood.in_scope and understood.intent else [])])
    )
    lines = [
        f"reason: {reason}",
        f"language: {understood.language}; tone: {understood.tone.value}",
        f"intents: {', '.join(intents) or 'not understood'}",
        f"named: {', '.join(f'{name} {value}' for name, value in slots.items()) or 'nothing'}",
        f"products: {', '.join(memory.items[:5]) or 'none'}",
        f"looked at: {', '.join(one.id for one in sources) or 'nothing'}",
        *(f"customer: {asked}\nassistant: {answered}" for asked, answered in memory.said[-3:]),
        f"customer: {text[:400]}",
    ]
    opens = opening.opens(now)
    return Handover(reason, "\n".join(lines), opens is None, opening.shown, opens)
