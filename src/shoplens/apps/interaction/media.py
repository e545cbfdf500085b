"""What the photos, videos and sounds of a turn hold: something to be found like, and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shoplens.apps.interaction.scene import Base
from shoplens.apps.interaction.turns import Appearance, Heard, MediaReader, Seen, SeenVideo, Shot, Turn
from shoplens.errors import InputError
from shoplens.recommend.asking import MAX_GIVEN, Ask, Moment, Search
from shoplens.recommend.scenarios import Scenario
from shoplens.retrieval.asked import Given

MOST_SHOTS = 32  # of one video that are looked at, the longest ones
SPOKEN = 300  # characters of a video's speech that may be a wish; more is what the film is about
WRITTEN = 200  # characters read in photos that are searched for
GAP = 1.0  # seconds between two shots of the same product that count as one appearance
CLEAR = 0.5  # of the best score of a video, below which a product is not said to appear


@dataclass(frozen=True, slots=True, eq=False)
class Brought:
    """The media of one turn."""

    base: Base | None = None
    speech: str = ""
    language: str = ""  # of the speech, where it is known
    seen: tuple[Mapping[str, str], ...] = ()
    read: str = ""
    films: tuple[tuple[str, tuple[Shot, ...]], ...] = field(default=())  # source, shots in order


def bring(turn: Turn, reader: MediaReader | None) -> Brought:
    """Open everything. InputError for what cannot be used, or when nothing reads media here."""
    if not (turn.photos or turn.videos or turn.sounds):
        return Brought()
    if reader is None:
        raise InputError("photos, videos and sounds cannot be searched with here: only words are read")
    photos = [reader.photo(one.source, one.crop) for one in turn.photos]
    films = [(str(source), reader.video(source)) for source in turn.videos]
    sounds = [reader.sound(source) for source in turn.sounds]
    spoken = [heard.speech for heard in sounds if heard.speech.strip()]
    if not spoken and not turn.text.strip():
        spoken = [film.speech for _, film in films if 0 < len(film.speech.strip()) <= SPOKEN]
    read = " ".join(dict.fromkeys(photo.words.strip() for photo in photos if photo.words.strip()))[:WRITTEN]
    return Brought(
        base=_base(photos, [film for _, film in films], sounds, read),
        speech=" ".join(one.strip() for one in spoken),
        language=next((heard.language for heard in sounds if heard.language and heard.speech.strip()), ""),
        seen=tuple(photo.attributes for photo in photos),
        read=read,
        films=tuple((source, film.shots) for source, film in films),
    )


def appearances(
    source: str, shots: Sequence[Shot], peek: Search, user_id: str | None, scenario: Scenario | None = None
) -> list[Appearance]:
    """Which product each shot shows, in order; neighbouring shots of one product are one appearance."""
    # A pinned product is not seen in every shot.
    one_of = Ask(n=1, user_id=user_id, personal=0.0, highlight=False, scenario=scenario, pinned=False)
    longest = sorted(shots, key=lambda shot: shot.start - shot.end)[:MOST_SHOTS]
    found: list[Appearance] = []
    for shot in sorted(longest, key=lambda shot: shot.start):
        answer = peek(replace(one_of, given=shot.given[:MAX_GIVEN]))
        if not answer.items:
            continue
        hit = answer.items[0]
        last = found[-1] if found else None
        if last is not None and last.item_id == hit.item_id and shot.start - last.moment.end <= GAP:
            moment = replace(last.moment, end=shot.end, score=max(last.moment.score, hit.score))
            found[-1] = Appearance(hit.item_id, moment)
        else:
            found.append(Appearance(hit.item_id, Moment(source, shot.start, shot.end, hit.score)))
    best = max((one.moment.score for one in found), default=0.0)
    return [one for one in found if one.moment.score >= CLEAR * best]


def _base(photos: Sequence[Seen], films: Sequence[SeenVideo], sounds: Sequence[Heard], read: str) -> Base | None:
    """What to find the like of: photos before videos before sounds that nobody speaks in."""
    if photos:
        given = _shared([photo.given for photo in photos])
        shown = tuple(photo.shown for photo in photos if photo.shown is not None)
        return Base("photo", given, shown, read, many=len(photos))
    shots = [shot for film in films for shot in film.shots]
    if shots:
        longest = sorted(shots, key=lambda shot: shot.start - shot.end)[:MAX_GIVEN]
        return Base("video", _shared([shot.given for shot in longest]))
    silent = [heard.given for heard in sounds if not heard.speech.strip() and heard.given]
    return Base("sound", _shared(silent)) if silent else None


def _shared(parts: Sequence[Sequence[Given]]) -> tuple[Given, ...]:
    """Vectors of several things: of each signal as many as a search may be given, all of the same weight."""
    return tuple(given for one in parts for given in one)[:MAX_GIVEN]
