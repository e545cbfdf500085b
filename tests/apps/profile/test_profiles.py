"""Profiles of a shop with planted tastes: what was planted is found, said, traceable, fresh, and forgotten."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from shoplens.domain.events import MICROSECONDS_PER_DAY, Event, EventType
from shoplens.errors import InputError, NotFoundError
from shoplens.models.profile import ProfileModel
from shoplens.service.bundle import PROFILE, read_manifest
from shoplens.service.runtime import Runtime
from shoplens.testing.profile_shop import (
    GUEST,
    LEFT,
    PEOPLE,
    STEADY,
    TASTES,
    open_profile_shop,
    train_profile_shop,
)

NOW = int(time.time() * 1e6)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    settings = {"profile": {"predict": ["club"], "hide": ["brand", "shop > toys > toys 0"]}}
    with open_profile_shop(tmp_path_factory.mktemp("shop"), now=NOW, settings=settings) as shop:
        yield shop


def test_what_was_planted_is_found(shop: Runtime) -> None:
    steady = shop.profiles.of(shop.shelf, STEADY)
    assert steady.rhythm is not None
    assert (steady.rhythm.gap_days, steady.rhythm.steady) == (7, True)
    assert steady.due is not None
    assert steady.churn is not None
    assert steady.churn.probability < 0.1
    values = {(one.field, one.value) for one in steady.affinities}
    assert {("attributes.colour", "red"), ("category.3", "shop > tea > tea 1"), ("part_of_day", "evening")} <= values
    assert steady.discount is not None
    assert steady.discount.confidence > 0.99
    assert steady.next_categories[0].category == "shop > tea > tea 1"
    assert steady.activity.currency == "EUR"
    left = shop.profiles.of(shop.shelf, LEFT)
    assert left.churn is None
    assert "left already" in left.missing["churn"]
    assert left.due is None
    assert left.activity.scores["recency"] == 1


def test_most_people_are_known_by_their_taste(shop: Runtime) -> None:
    found = {one.user_id: one for one in shop.profiles.every(shop.shelf)}
    assert len(found) == PEOPLE
    right = [
        found[f"u{k:03}"].affinities
        and TASTES[k % 4] in {one.value.split(" > ")[1] for one in found[f"u{k:03}"].affinities if " > " in one.value}
        for k in range(PEOPLE)
        if found[f"u{k:03}"].activity.visits >= 10
    ]
    assert len(right) > 50
    assert np.mean([bool(one) for one in right]) > 0.9


def test_one_by_one_and_all_at_once_are_the_same(shop: Runtime) -> None:
    moment = NOW + 5
    every = {one.user_id: one for one in shop.profiles.every(shop.shelf, now=moment)}
    for user_id in (STEADY, LEFT, "u042", "u099"):
        assert shop.profiles.of(shop.shelf, user_id, now=moment).as_dict() == every[user_id].as_dict()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_sentence_names_facts_that_are_there(shop: Runtime, language: str) -> None:
    for one in shop.profiles.every(shop.shelf, language=language):
        assert one.summary
        for sentence in one.summary:
            assert sentence.facts
            assert set(sentence.facts) <= one.fact_ids(), sentence
            assert "{" not in sentence.text
            if language == "zh":
                assert any("\u4e00" <= letter <= "\u9fff" for letter in sentence.text)
            assert all("\u4e00" <= why[-1] <= "\u9fff" for why in one.missing.values()) or language == "en"
        ids = {part["id"] for name in ("affinities", "next_categories", "predicted") for part in one.as_dict()[name]}
        assert ids == {name for name in one.fact_ids() if ":" in name}


def test_nothing_sensitive_or_hidden_is_told(shop: Runtime) -> None:
    told = str([one.as_dict() for one in shop.profiles.every(shop.shelf)]).casefold()
    assert "religion" not in told
    assert "brand 1" not in told
    assert "toys 0" not in told


def test_fields_are_predicted_for_those_who_did_not_tell(shop: Runtime) -> None:
    guesses = [one for one in shop.profiles.every(shop.shelf) if one.predicted]
    assert {int((one.user_id or "u0")[1:]) % 8 for one in guesses} <= {6, 7}
    (club,) = guesses[0].predicted
    assert club.accuracy_high >= club.accuracy >= club.accuracy_low > club.majority
    assert "of the time, always" in guesses[0].summary[-1].text
    right = [one.predicted[0].value == TASTES[int((one.user_id or "u0")[1:]) % 4] for one in guesses]
    assert np.mean(right) > 0.7


def test_a_guest_and_a_stranger(shop: Runtime) -> None:
    guest = shop.profiles.of(shop.shelf, None, GUEST)
    assert guest.activity.visits == 0
    assert any(one.value == "shop > tools" for one in guest.affinities)
    assert {"churn", "due", "segment", "rhythm"} <= set(guest.missing)
    with pytest.raises(NotFoundError):
        shop.profiles.of(shop.shelf, "nobody")
    assert shop.profiles.of(shop.shelf, None, GUEST, now=0).affinities == ()


def test_the_next_event_is_in_the_next_profile(shop: Runtime) -> None:
    before = shop.profiles.of(shop.shelf, "u010")
    shop.append_events(
        Event(
            event_type=EventType.PURCHASE,
            user_id="u010",
            item_id="p05",
            timestamp=int(time.time() * 1e6) - k,
            price=9.0,
        )
        for k in range(3)
    )
    after = shop.profiles.of(shop.shelf, "u010")
    assert after.activity.events == before.activity.events + 3
    assert after.activity.recency_days == 0


def test_segments_have_names_and_people(shop: Runtime) -> None:
    segments = shop.profiles.segments(shop.shelf)
    assert len(segments) >= 3
    assert len({one.id for one in segments}) == len({one.names["en"] for one in segments}) == len(segments)
    assert min(one.people for one in segments) >= 5
    members = [one for segment in segments for one in shop.profiles.members(shop.shelf, segment.id)]
    assert len({one.user_id for one in members}) == len(members)
    taste = {one.user_id: int(one.user_id[1:]) % 4 for one in members}
    for segment in segments:
        mine = [taste[one.user_id] for one in shop.profiles.members(shop.shelf, segment.id)]
        assert max(np.bincount(mine)) / len(mine) > 0.7, segment
    with pytest.raises(NotFoundError):
        shop.profiles.members(shop.shelf, "s99")


def test_look_alikes_share_the_taste(shop: Runtime) -> None:
    alike = shop.profiles.look_alikes(shop.shelf, user_id="u005", n=8)
    assert len(alike) == 8
    assert "u005" not in {one.user_id for one in alike}
    assert np.mean([int(one.user_id[1:]) % 4 == 1 for one in alike]) > 0.7
    segment = shop.profiles.segments(shop.shelf)[0].id
    inside = {one.user_id for one in shop.profiles.members(shop.shelf, segment)}
    assert not inside & {one.user_id for one in shop.profiles.look_alikes(shop.shelf, segment=segment, n=8)}
    with pytest.raises(InputError):
        shop.profiles.look_alikes(shop.shelf)


def test_people_like_those_of_a_list(shop: Runtime) -> None:
    tea = [f"u{k:03}" for k in range(0, PEOPLE, 4)]
    found = shop.profiles.audience(shop.shelf, [*tea[:30], "nobody", "nobody"], n=8)
    assert found.unknown == ("nobody",)
    assert found.seeds + len(found.little_known) == 30
    ids = [one.user_id for one in found.people]
    assert not set(ids) & set(tea[:30])
    assert np.mean([one in tea for one in ids]) > 0.7
    assert [one.percentile for one in found.people] == sorted((one.percentile for one in found.people), reverse=True)
    again = found.found_again
    assert again is not None
    assert again.low <= again.share <= again.high
    assert again.share > again.most_active
    few = shop.profiles.audience(shop.shelf, tea[:2], n=4)
    assert few.found_again is None
    assert np.mean([one.user_id in tea for one in few.people]) > 0.7
    with pytest.raises(InputError):
        shop.profiles.audience(shop.shelf, [])
    with pytest.raises(NotFoundError, match="user_ids"):
        shop.profiles.audience(shop.shelf, ["nobody"])


def test_forgetting_reaches_the_crowd_and_the_next_bundle(tmp_path: Path) -> None:
    with open_profile_shop(tmp_path, now=NOW) as shop:
        before = shop.profiles.segments(shop.shelf)
        assert "u009" in {one.user_id for one in shop.profiles.members(shop.shelf)}
        begun = shop.profiles.every(shop.shelf)
        assert next(begun).user_id == "u000"
        shop.forget_person("u009")
        assert "u009" not in {one.user_id for one in begun}
        assert "u009" not in {one.user_id for one in shop.profiles.members(shop.shelf)}
        with pytest.raises(NotFoundError):
            shop.profiles.of(shop.shelf, "u009")
        reached = shop.profiles.audience(shop.shelf, ["u009", "u013"], n=PEOPLE)
        assert reached.unknown == ("u009",)
        assert "u009" not in {one.user_id for one in reached.people}
        train_profile_shop(shop.workspace, shop.store)
        shop.swap.follow()
        assert "u009" not in {one.user_id for one in shop.profiles.members(shop.shelf)}
        after = shop.profiles.segments(shop.shelf)
        assert {one.id: one.names for one in after} == {one.id: one.names for one in before}, (
            "the same groups as before"
        )


def test_a_bundle_holds_no_person(shop: Runtime) -> None:
    folder = shop.workspace.bundles / (shop.shelf.version or "")
    text = (folder / PROFILE / "profile.json").read_text(encoding="utf-8")
    assert not any(f"u{k:03}" in text for k in range(PEOPLE))
    again = ProfileModel.load(folder / PROFILE)
    assert again.columns.shown == shop.shelf.learned.profile.columns.shown  # type: ignore[union-attr]
    figures = read_manifest(folder)["extra"]["profiles"]
    assert set(figures["churn"]["test"]) == {"profile", "recency, frequency, money", "recency", "base rate"}


def test_before_any_training_the_own_history_is_told(tmp_path: Path) -> None:
    with open_profile_shop(tmp_path, now=NOW, trained=False) as shop:
        found = shop.profiles.of(shop.shelf, STEADY)
        assert found.rhythm is not None
        assert found.due is not None
        assert found.due.source == "rhythm"
        assert found.bundle is None
        assert {"churn", "affinities", "next_categories", "segment"} <= set(found.missing)
        assert found.activity.scores == {}
        with pytest.raises(NotFoundError, match="shoplens train"):
            shop.profiles.segments(shop.shelf)
        early = shop.profiles.of(shop.shelf, STEADY, now=NOW - 150 * MICROSECONDS_PER_DAY)
        assert early.activity.visits < found.activity.visits
