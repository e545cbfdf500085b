"""Profiles over the store: everybody's deeds for lists, and segments as files and messages for marketing."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from shoplens.apps.profile import Audience, CrowdMember, Everybody, Profiles
from shoplens.apps.profile.working import usual_price
from shoplens.domain.events import MICROSECONDS_PER_DAY, event_weight
from shoplens.domain.moments import EPOCH
from shoplens.errors import ConflictError, InputError, ServiceError
from shoplens.models.profile import Deeds, ProfileModel
from shoplens.models.profile.segments import Segment
from shoplens.recommend.shelf import Shelf
from shoplens.service.dataset import read_log
from shoplens.service.settings import ProfileSettings
from shoplens.service.webhook import Webhook
from shoplens.store.base import Store

MEMBERS_A_MESSAGE = 1_000
KIND = "segments"  # of a message
USER_ID = "user_id"  # column of a list
COLUMNS = (*(column.name for column in fields(CrowdMember)), "segment_name")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # beginnings that a spreadsheet would run
EXCEL = "\ufeff"  # before a CSV: without it Excel reads UTF-8 as something else, and Chinese names as gibberish


def read_everybody(store: Store, shelf: Shelf, model: ProfileModel) -> Everybody:
    """All people with an id and what they did, as the bundle weighs it; guests are left out."""
    log, _ = read_log(store, shelf.event_weights, money=True)
    known = np.flatnonzero(log.user < log.n_people)
    used, number = np.unique(log.item[known], return_inverse=True)
    item_ids = [log.items.ids[row] for row in used.tolist()]
    kind, value = log.event_type[known], log.value[known]
    ours = log.currency == model.currency
    unknown = np.full(len(known), np.nan, np.float32)
    look = usual_price(shelf, model)
    usual = np.array([look(item_id) for item_id in item_ids], np.float32)
    deeds = Deeds.of(
        log.user[known],
        log.n_people,
        item=number.astype(np.int64),
        kind=kind,
        time=log.timestamp[known],
        weight=event_weight(kind, value, shelf.event_weights),
        paid=log.paid[known] if ours else unknown,
        price=log.price[known] if ours else unknown,
        usual=usual[number],
    )
    return Everybody(tuple(log.users.ids[: log.n_people]), deeds, item_ids)


_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def moment_of(text: str, zone: str) -> int:
    """Microseconds of a time that people write: 2026-01-31 (the end of that day on the shop's clock), or
    2026-01-31T18:00Z. InputError for what is no time, or lies ahead."""
    try:
        when = datetime.fromisoformat(text.strip())
        if _DAY.fullmatch(text.strip()):
            when = when + timedelta(days=1)
        elif "W" in text:
            raise ValueError("a week")
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is no time: write 2026-01-31 or 2026-01-31T18:00Z") from None
    aware = when.replace(tzinfo=ZoneInfo(zone)) if when.tzinfo is None else when
    moment = (aware - EPOCH) // timedelta(microseconds=1) - 1
    if moment > time.time() * 1e6 + MICROSECONDS_PER_DAY:
        raise InputError(f"{text} lies ahead: profiles know the past")
    return moment


def profile_lines(
    profiles: Profiles, shelf: Shelf, language: str, *, now: int | None = None, after: str | None = None
) -> Iterator[bytes]:
    """Everybody's profile, one JSON object a line (NDJSON), in the store's order."""
    for one in profiles.every(shelf, language=language, now=now, after=after):
        yield orjson.dumps(one.as_dict()) + b"\n"


def segments_csv(
    members: Sequence[CrowdMember], segments: Sequence[Segment], language: str, *, excel: bool = False
) -> Iterator[str]:
    """Lines of a CSV, header first. A text that a spreadsheet would take for a formula is quoted with an apostrophe.
    `excel`: with the mark by which Excel knows UTF-8."""
    names = {one.id: one.names.get(language, one.names["en"]) for one in segments}
    buffer = io.StringIO()
    buffer.write(EXCEL if excel else "")
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for member in members:
        values = {**asdict(member), "segment_name": names.get(member.segment or "", "")}
        writer.writerow([_cell(values[name]) for name in COLUMNS])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def audience_csv(found: Audience, *, excel: bool = False) -> str:
    """People like those of a list as CSV, best first."""
    buffer = io.StringIO()
    buffer.write(EXCEL if excel else "")
    writer = csv.writer(buffer)
    writer.writerow(("user_id", "percentile"))
    writer.writerows((_cell(one.user_id), one.percentile) for one in found.people)
    return buffer.getvalue()


def read_user_ids(text: str) -> list[str]:
    """A list of people: a CSV with a column user_id (as an export has it), or one id a line. Each once, in order.

    InputError for a CSV without that column.
    """
    lines = [line for line in text.removeprefix(EXCEL).splitlines() if line.strip()]
    marks = next((mark for mark in ",;\t|" if lines and mark in lines[0]), "")
    if not marks and (not lines or lines[0].strip().strip('"') != USER_ID):
        return list(dict.fromkeys(_read(line.strip()) for line in lines))
    try:
        rows = list(csv.reader(lines, delimiter=marks or ","))
    except csv.Error as error:
        raise InputError(f"the list cannot be read: {error}; write one id a line") from error
    header = [cell.strip() for cell in rows[0]] if rows else []
    if USER_ID not in header and any(len(row) > 1 for row in rows):
        raise InputError(
            f"the list has columns {', '.join(header)}; one must be called {USER_ID}, or write one id a line"
        )
    place, told = (header.index(USER_ID), rows[1:]) if USER_ID in header else (0, rows)
    cells = (row[place].strip() for row in told if len(row) > place)
    return list(dict.fromkeys(_read(cell) for cell in cells if cell))


def send_segments(
    settings: ProfileSettings,
    profiles: Profiles,
    shelf: Shelf,
    segment: str | None,
    *,
    now: int | None = None,
    after: str | None = None,
    webhook: Webhook | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Send everybody, or one segment, to the webhook of the settings, some at a time in the order of their ids.

    `after`: those behind this one, so that who comes and goes between two runs shifts nobody. Returns people, messages
    and tries.

    ConflictError without an address or secret; ServiceError says after whom to go on.
    """
    to = webhook or webhook_of(settings)
    everybody, segments = profiles.members(shelf, segment, now=now), profiles.segments(shelf)
    members = sorted((one for one in everybody if after is None or one.user_id > after), key=lambda one: one.user_id)
    told = [one.as_dict() for one in segments if segment is None or one.id == segment]
    parts = [members[k : k + MEMBERS_A_MESSAGE] for k in range(0, len(members), MEMBERS_A_MESSAGE)] or [[]]
    tries = sent = 0
    for number, part in enumerate(parts, start=1):
        people = [asdict(one) for one in part]
        try:
            tries += to.send(KIND, {"part": number, "parts": len(parts), "segments": told, "people": people})
        except ServiceError as error:
            onward = f"go on after user_id {after!r}" if after is not None else "begin again"
            raise type(error)(f"part {number} of {len(parts)} did not arrive, {onward}: {error}") from error
        sent += len(part)
        after = part[-1].user_id if part else after
        if progress is not None:
            progress(number, len(parts))
    return {"people": sent, "messages": len(parts), "tries": tries}


def webhook_of(settings: ProfileSettings) -> Webhook:
    """As the settings say; ConflictError tells what is missing."""
    if settings.webhook_url is None or settings.webhook_secret is None:
        raise ConflictError(
            "segments have nowhere to go: set profile.webhook_url, and profile.webhook_secret "
            "(in the environment: SHOPLENS_PROFILE__WEBHOOK_SECRET)"
        )
    secret = settings.webhook_secret.get_secret_value().encode()
    return Webhook(settings.webhook_url, secret, retries=settings.webhook_retries, private=settings.webhook_private)


def _read(cell: str) -> str:
    """An id as it is, without the apostrophe that `_cell` wrote before it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value
