"""Photos, videos and sounds in a conversation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.apps.interaction.small_shop import COLOURS, KINDS, SIGNAL, Shop

from shoplens.apps.interaction import Interaction, PhotoAsk, Reply, Turn
from shoplens.apps.interaction.turns import Box, Heard, Seen, SeenVideo, Shot, Source, Vector
from shoplens.errors import InputError
from shoplens.recommend.asking import Ask, Found
from shoplens.retrieval.asked import Given


def looks(kind: str, colour: str) -> Vector:
    """What a photo of that thing looks like. [5]"""
    vector = np.zeros(5, np.float32)
    vector[list(KINDS).index(kind)] = vector[2 + list(COLOURS).index(colour)] = np.sqrt(0.5)
    return vector


class NamedMedia:
    """Files are named after what they show: "Dress Red.jpg", shot by shot in a video, and after what is said."""

    def photo(self, source: Source, crop: Box | None) -> Seen:
        kind, colour = str(source).removesuffix(".jpg").split()[:2]
        if kind == "broken":
            raise InputError(f"{source}: not a photo")
        if crop is not None:
            kind = "Shoes"  # what is inside the box
        vector = looks(kind, colour)
        return Seen((Given(SIGNAL, vector),), "SALE", {"colour": colour}, vector)

    def video(self, source: Source) -> SeenVideo:
        scenes, _, speech = str(source).removesuffix(".mp4").partition("|")
        shots = [
            Shot(float(second), second + 1.0, (Given(SIGNAL, looks(*scene.split())),))
            for second, scene in enumerate(scenes.split(","))
        ]
        return SeenVideo(tuple(shots), speech)

    def sound(self, source: Source) -> Heard:
        said = str(source).removesuffix(".wav")
        given = (Given(SIGNAL, looks("Shoes", "Black")),)
        return Heard(given, "" if said == "hum" else said, "zh" if not said.isascii() else "en")


def compose(shown: Sequence[Vector], change: str) -> Vector | None:
    """The photo's kind in the words' colour."""
    vector: Vector = np.mean(shown, axis=0)
    for place, (colour, zh) in enumerate(COLOURS.items()):
        if colour.casefold() in change.casefold() or zh in change:
            vector = vector.copy()
            vector[2:] = 0
            vector[2 + place] = np.sqrt(0.5)
    return vector


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def talk(shop: Shop) -> Interaction:
    return shop.talk(media=NamedMedia(), composer=compose)


def shown(reply: Reply) -> list[str]:
    return [hit.item_id for hit in reply.found.items]


def photo(name: str, crop: Box | None = None) -> tuple[PhotoAsk, ...]:
    return (PhotoAsk(f"{name}.jpg", crop),)


def test_a_photo_finds_what_looks_like_it(talk: Interaction) -> None:
    reply = talk.turn(Turn(photos=photo("Shoes Blue"), n=3))
    assert all("shoes-blue" in one for one in shown(reply))
    assert reply.seen == ({"colour": "Blue"},)
    assert reply.read == "SALE"
    assert "what looks like the photo" in reply.said


def test_a_part_of_a_photo(talk: Interaction) -> None:
    reply = talk.turn(Turn(photos=photo("Dress Blue", (0.0, 0.5, 1.0, 1.0)), n=3))
    assert all("shoes-blue" in one for one in shown(reply))
    with pytest.raises(InputError, match="crop"):
        PhotoAsk("a.jpg", (0.5, 0, 0.5, 1))


def test_several_photos_are_one_question(talk: Interaction, shop: Shop) -> None:
    talk.turn(Turn(photos=photo("Shoes Blue") + photo("Dress Blue")))
    assert len(shop.search.asked[-1].given) == 2


@pytest.mark.parametrize("text", ["like this but in red, under 60", "和这张照片一样，但是要红色的，60元以下"])
def test_a_photo_and_words_that_change_it(talk: Interaction, shop: Shop, text: str) -> None:
    reply = talk.turn(Turn(photos=photo("Shoes Blue"), text=text, n=3))
    assert shown(reply)[0] == "shoes-red-acme"
    assert {one.id for one in reply.understood} == {"colour=Red", "price<=60"}
    asked = shop.search.asked[-1]
    composed = next(one for one in asked.given if one.signal == "looks")
    assert np.allclose(composed.vector, looks("Shoes", "Red"))
    beside = next(one for one in asked.given if one.signal == SIGNAL)
    assert beside.weight < 0.5


def test_the_photo_stays_while_the_wish_changes(talk: Interaction, shop: Shop) -> None:
    reply = talk.turn(Turn(photos=photo("Shoes Blue"), n=3))
    reply = talk.turn(Turn(session_id=reply.session_id, text="in red", n=3))
    assert all("shoes-red" in one for one in shown(reply)[:3])
    reply = talk.turn(Turn(session_id=reply.session_id, text="cheaper", n=3))
    assert all("red" in one for one in shown(reply))
    reply = talk.turn(Turn(session_id=reply.session_id, photos=photo("Dress Black"), n=3))
    assert all("dress-black" in one for one in shown(reply))
    assert reply.understood == ()
    reply = talk.turn(Turn(session_id=reply.session_id, text="back", n=3))
    assert all("red" in one for one in shown(reply))


def test_what_is_said_is_read_like_what_is_typed(talk: Interaction) -> None:
    reply = talk.turn(Turn(sounds=("red dress.wav",)))
    assert reply.heard == "red dress"
    assert all("dress-red" in one for one in shown(reply))
    reply = talk.turn(Turn(session_id=reply.session_id, sounds=("换成黑色.wav",)))
    assert reply.language == "zh"
    assert all("dress-black" in one for one in shown(reply))


def test_a_sound_without_words_finds_what_sounds_like_it(talk: Interaction) -> None:
    reply = talk.turn(Turn(sounds=("hum.wav",), n=3))
    assert all("shoes-black" in one for one in shown(reply))
    assert reply.heard is None


def test_a_video_tells_which_products_appear_when(talk: Interaction) -> None:
    reply = talk.turn(Turn(videos=("Dress Red,Dress Red,Shoes Blue.mp4",), n=18))
    assert [(one.item_id, one.moment.start, one.moment.end) for one in reply.moments] == [
        ("dress-red-acme", 0.0, 2.0),
        ("shoes-blue-acme", 2.0, 3.0),
    ]
    hit = next(one for one in reply.found.items if one.item_id == "shoes-blue-acme")
    assert [moment.start for moment in hit.moments] == [2.0]


def test_shots_are_looked_at_without_leaving_a_trace(shop: Shop) -> None:
    seen: list[Ask] = []

    def peek(ask: Ask) -> Found:
        seen.append(ask)
        return shop.search(ask)

    talk = shop.talk(media=NamedMedia(), peek=peek)
    talk.turn(Turn(videos=("Dress Red,Shoes Blue.mp4",)))
    assert len(seen) == 2
    assert len(shop.search.asked) == 3  # two through `peek`, one that is shown


def test_a_wish_that_is_said_in_a_video(talk: Interaction) -> None:
    reply = talk.turn(Turn(videos=("Dress Red|under 20.mp4",)))
    assert reply.heard == "under 20"
    assert {one.id for one in reply.understood} == {"price<=20"}
    reply = talk.turn(Turn(videos=("Dress Red|under 20.mp4",), text="blue"))
    assert reply.heard is None  # who types does not mean what the film says


def test_what_cannot_be_opened_is_refused_and_changes_nothing(talk: Interaction) -> None:
    reply = talk.turn(Turn(text="dress"))
    with pytest.raises(InputError, match="not a photo"):
        talk.turn(Turn(session_id=reply.session_id, photos=photo("broken Red")))
    reply = talk.turn(Turn(session_id=reply.session_id, text="cheaper"))
    assert (reply.turn, shown(reply)[0]) == (2, "dress-red-acme")


def test_without_a_reader_media_are_refused() -> None:
    with pytest.raises(InputError, match="only words"):
        Shop().talk().turn(Turn(photos=photo("Shoes Blue")))


def test_a_product_is_composed_like_a_photo(shop: Shop) -> None:
    def likeness(item_id: str) -> Seen:
        kind, colour, _ = item_id.title().split("-")
        return Seen((Given(SIGNAL, looks(kind, colour)),), shown=looks(kind, colour))

    talk = shop.talk(likeness=likeness, composer=compose)
    reply = talk.turn(Turn(text="dress", n=4))
    talk.turn(Turn(session_id=reply.session_id, text="the second one in black"))
    composed = next(one for one in shop.search.asked[-1].given if one.signal == "looks")
    assert np.allclose(composed.vector, looks("Dress", "Black"))
