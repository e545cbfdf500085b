"""What decisions teach: nothing without them, never the other way round, and a rejected value never again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.apps.attributes.feedback import Feedback
from shoplens.apps.attributes.found import FoundValue, Source, joined
from shoplens.apps.attributes.photo import PhotoAttribute
from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus

RED = Proposal(
    kind=ProposalKind.VALUE, item_id="a", attribute="colour", value="Dark-Red", source="photo", confidence=0.7
)
shares = st.floats(0.02, 0.98)


def decided(accepted: int, rejected: int, one: Proposal = RED) -> Feedback:
    feedback = Feedback()
    for number in range(accepted + rejected):
        status = ProposalStatus.ACCEPTED if number < accepted else ProposalStatus.REJECTED
        feedback.count(replace(one, item_id=f"p{number}", status=status))
    return feedback


@given(shares, shares, st.integers(0, 30), st.integers(0, 30))
def test_decisions_move_belief_their_way(one: float, other: float, accepted: int, rejected: int) -> None:
    def believed(feedback: Feedback, confidence: float) -> float:
        return feedback.believed(ProposalKind.VALUE, "photo", "colour", confidence)

    assert believed(Feedback(), one) == one
    feedback = decided(accepted, rejected)
    low, high = sorted((believed(feedback, min(one, other)), believed(feedback, max(one, other))))
    assert believed(feedback, min(one, other)) == low
    assert 0 <= low <= high <= 1
    assert believed(decided(accepted, rejected + 1), one) <= believed(feedback, one) + 1e-9
    assert believed(decided(accepted + 1, rejected), one) >= believed(feedback, one) - 1e-9
    assert feedback.believed(ProposalKind.VALUE, "photo", "material", one) == one, "of another attribute"


def test_what_was_expected_moves_nothing() -> None:
    feedback = decided(7, 3)  # as often as 0.7 said
    assert feedback.believed(ProposalKind.VALUE, "photo", "colour", 0.4) == pytest.approx(0.4)
    assert feedback.as_dict() == {"value by photo": {"colour": [7, 10]}}


def test_a_rejected_value_is_not_said_again_by_anybody() -> None:
    feedback = decided(0, 1)
    again = FoundValue(attribute="colour", value="dark red", source=Source.MODEL, confidence=0.9, field="title")
    assert feedback.heard(again, "p0") is None
    assert feedback.heard(again, "another") == replace(again, measured=0.9)
    assert feedback.heard(replace(again, value="blue"), "p0") is not None
    assert feedback.judged(replace(RED, item_id="p0", kind=ProposalKind.CONTRADICTION, value="dark red")) is None
    twice = Proposal(kind=ProposalKind.DUPLICATE, item_id="a", value="b", status=ProposalStatus.REJECTED)
    feedback.count(twice)
    assert feedback.judged(Proposal(kind=ProposalKind.DUPLICATE, item_id="b", value="a", confidence=0.9)) is None
    assert feedback.judged(Proposal(kind=ProposalKind.DUPLICATE, item_id="b", value="c", confidence=0.9)) is not None


def test_a_source_that_is_always_rejected_falls_silent() -> None:
    price = Proposal(kind=ProposalKind.PRICE, item_id="a", attribute="price", source="shop", confidence=0.6)
    once, often = (decided(0, many, price).judged(price) for many in (1, 12))
    assert once is not None
    assert once.evidence["measured"] == 0.6
    assert 0.25 < once.confidence < 0.6
    assert often is None


def test_a_photo_learns_what_it_does_not_show() -> None:
    """Photos between red and blue: those of which "red" was rejected are seen as blue."""
    random = np.random.default_rng(3)
    middle = {"red": (3.0, 0.0, 0.0), "blue": (0.0, 3.0, 0.0), "green": (0.0, 0.0, 3.0)}
    truth = ["red", "blue", "green"] * 30
    vectors = np.array([middle[one] for one in truth], np.float32) + random.normal(0, 0.8, (90, 3)).astype(np.float32)
    between = np.array([[1.7, 1.3, 0.1]], np.float32) + random.normal(0, 0.1, (20, 3)).astype(np.float32)
    before = PhotoAttribute.fit("colour", vectors, truth)
    after = PhotoAttribute.fit("colour", vectors, truth, rejected=(between, ["red"] * 15 + ["unknown"] * 5))
    assert before is not None
    assert after is not None
    assert sum(one.value == "red" for one in before.see(between)) > 10
    assert {one.value for one in after.see(between)} == {"blue"}
    assert np.mean([one.value == own for one, own in zip(after.see(vectors), truth, strict=True)]) > 0.8


def test_all_who_agree_are_credited_as_sure_as_they_were_together() -> None:
    photo = FoundValue(attribute="colour", value="red", source=Source.PHOTO, confidence=0.6)
    text = FoundValue(attribute="colour", value="red", source=Source.DICTIONARY, confidence=0.5, field="title")
    (one,) = joined(heard for said in (photo, text) if (heard := Feedback().heard(said)) is not None)
    assert (one.source, one.agreeing) == (Source.PHOTO, (Source.DICTIONARY,))
    assert one.confidence == pytest.approx(0.8)
    assert one.measured == pytest.approx(0.8)
    feedback = decided(8, 2, replace(RED, evidence={"measured": one.measured, "agreeing": ["dictionary"]}))
    assert feedback.as_dict() == {
        "value by dictionary": {"colour": [8, 10]},
        "value by photo": {"colour": [8, 10]},
    }
    for source in ("photo", "dictionary"):
        assert feedback.believed(ProposalKind.VALUE, source, "colour", 0.5) == pytest.approx(0.5), "as expected"
