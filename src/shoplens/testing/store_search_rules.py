"""Checks of what a store keeps for its search. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

from shoplens.domain.search_rules import RuleKind
from shoplens.testing.store_events import START, Opened


class SearchRuleConformance:
    """Curation, synonyms, words."""

    def test_rules_are_taken_away_and_come_back(self, opened: Opened) -> None:
        store, other = opened(), opened()
        assert store.search_rules.list() == []
        before = store.search_rules.revision()
        sofa, word = store.search_rules.change(
            START, add=[(RuleKind.SYNONYMS, "sofa, couch"), (RuleKind.WORDS, "优衣库")]
        )
        assert (sofa.kind, sofa.body, sofa.added, sofa.removed) == (RuleKind.SYNONYMS, "sofa, couch", START, None)
        assert other.search_rules.list() == [sofa, word]
        assert other.search_rules.revision() > before
        before = store.search_rules.revision()
        (tv,) = store.search_rules.change(
            START + 5, add=[(RuleKind.SYNONYMS, "tv => television")], remove=[sofa.rule_id, 10**9]
        )
        assert other.search_rules.revision() > before
        assert other.search_rules.list() == [word, tv]
        assert [(one.body, one.removed) for one in other.search_rules.list(removed=True)] == [
            ("sofa, couch", START + 5)
        ]
        assert store.search_rules.restore([sofa.rule_id, word.rule_id]) == 1
        assert other.search_rules.list() == [sofa, word, tv]
        store.close()
        other.close()

    def test_what_changes_nothing_is_no_change(self, opened: Opened) -> None:
        store = opened()
        (one,) = store.search_rules.change(START, add=[(RuleKind.WORDS, "膳魔师")])
        before = store.search_rules.revision()
        assert store.search_rules.change(START) == []
        assert store.search_rules.restore([one.rule_id]) == 0
        assert store.search_rules.revision() == before
        store.close()
