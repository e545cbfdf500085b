"""Categories by titles: who is in a wrong one, and where those without one belong."""

from __future__ import annotations

from shoplens.apps.attributes.categories import SURE, misplaced, placed

CAPS, BELTS, TEAS = ("Wear", "Caps"), ("Wear", "Belts"), ("Food", "Teas")
WORDS = {CAPS: ("cap", "brim"), BELTS: ("belt", "buckle"), TEAS: ("tea", "leaves")}
NAMES = ("harbour", "meadow", "quarry", "river", "valley", "summit")


def shop() -> tuple[list[str], list[tuple[str, ...]]]:
    """Titles whose words say the category, each a few times, and each category's own."""
    titles: list[str] = []
    categories: list[tuple[str, ...]] = []
    for category, (one, other) in WORDS.items():
        for row in range(24):
            titles.append(f"{NAMES[row % 6]} {one} {other} {NAMES[row // 6]}")
            categories.append(category)
    return titles, categories


def test_titles_without_a_category_are_given_the_one_they_read_like() -> None:
    titles, categories = shop()
    found = placed([*titles, "summit belt with buckle", ""], [*categories, (), ()])
    assert [(one.row, one.category) for one in found] == [(len(titles), BELTS)]
    assert SURE <= found[0].confidence < 1
    assert found[0].like > found[0].like_next


def test_one_word_of_several_moves_nothing() -> None:
    titles, categories = shop()
    strange = ["harbour zebra drive", "harbour cap brim"]
    found = misplaced([*titles, *strange], [*categories, TEAS, TEAS])
    assert [(one.row, one.category) for one in found] == [(len(titles) + 1, CAPS)]
    hard = [f"squash {name} hard" for name in NAMES]
    drives = [f"gadget {name} {other}" for name in NAMES for other in ("screen", "cable")]
    where = [("Food", "Squash")] * len(hard) + [("Electronics", "Gadgets")] * (len(drives) + 1)
    assert misplaced([*titles, *hard, *drives, "hard drive"], [*categories, *where]) == []


def test_a_title_of_rare_words_is_moved_where_the_rest_of_it_leaves_no_doubt() -> None:
    titles, categories = shop()
    rare = [f"{name}like {name}ish {number} jar" for name in NAMES for number in (1, 2)]
    own = [("Food", name) for name in NAMES for _ in (1, 2)]  # a category for each rare word
    title = " ".join(f"{name}like" for name in NAMES) + " cap brim"
    found = misplaced([*titles, *rare, title], [*categories, *own, TEAS])
    assert [(one.row, one.category) for one in found] == [(len(titles) + len(rare), CAPS)]
    assert found[0].like_other < 0.35
    assert 0.5 < found[0].confidence < 1


def test_what_reads_like_two_or_like_none_is_left() -> None:
    titles, categories = shop()
    unsure = ["cap and belt", "zebra", "harbour meadow"]
    assert placed([*titles, *unsure], [*categories, (), (), ()]) == []


def test_a_classifier_that_was_wrong_is_not_believed() -> None:
    titles = [f"{NAMES[row % 6]} thing {NAMES[row // 6 % 6]}" for row in range(36)]
    categories = [(CAPS, BELTS)[(row + row // 6) % 2] for row in range(36)]
    assert placed([*titles, "harbour thing"], [*categories, ()]) == []


def test_shops_too_small_to_tell() -> None:
    assert placed(["a cap", "cap"], [CAPS, ()]) == []
    assert placed(["one cap", "two belts", "cap"], [CAPS, BELTS, ()]) == [], "no word stands in two titles"
    assert misplaced(["one cap", "two belts"], [CAPS, BELTS]) == []
    assert placed([], []) == []


def test_a_title_of_another_category_is_misplaced() -> None:
    titles, categories = shop()
    (one,) = misplaced([*titles, "summit tea leaves harbour meadow"], [*categories, BELTS])
    assert (one.row, one.category) == (len(titles), TEAS)
