"""Checks of what a store deletes with a person, and of the record it keeps of that. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

from dataclasses import replace

from shoplens.store.erasures import first_broken, is_about
from shoplens.store.records import SearchRecord
from shoplens.testing.store_events import START, Opened, batch_of, scanned, view
from shoplens.testing.store_impressions import shown


class ErasureConformance:
    """Forgetting people."""

    def test_what_a_session_did_before_it_signed_in_goes_too(self, opened: Opened) -> None:
        store = opened()
        before, after = view(1, user=None, session="s1"), view(2, session="s1")
        others = (view(3, user=None, session="s2"), view(4, user="bob", session="s1"))
        store.events.append(batch_of(before, after, *others))
        store.impressions.append([shown(1, user_id=None, session_id="s1"), shown(2, user_id="bob", session_id="s1")])
        gone = store.people.delete("ann")
        assert gone == {"people": 1, "events": 2, "searches": 0, "impressions": 1, "transcripts": 0, "opinions": 0}
        assert store.events.count() == len(scanned(store)) == 2
        assert store.events.history(session_id="s1") == []
        assert len(store.events.history(session_id="s2")) == len(store.events.history(user_id="bob")) == 1
        assert store.events.append(batch_of(before)).stored == 1, "it may happen again, as news"
        store.close()

    def test_a_record_tells_how_much_went_and_not_whose(self, opened: Opened) -> None:
        store = opened()
        assert store.erasures.last() == 0
        store.events.append(batch_of(view(1), view(2, user="bob")))
        store.searches.append([SearchRecord(impression_id="q1", timestamp=START, query="tea", user_id="ann")])
        store.people.delete("ann", also={"conversations": 3})
        store.people.delete("nobody")
        store.people.delete("bob")
        store.close()
        store = opened()
        first, second = store.erasures.scan()
        counts = {"people": 1, "events": 1, "searches": 1, "impressions": 0, "transcripts": 0, "opinions": 0}
        counts |= {"conversations": 3}
        assert (first.sequence, first.counts) == (1, counts)
        assert store.erasures.last() == second.sequence == 2
        assert "ann" not in str(first)
        assert is_about(first, "ann")
        assert not is_about(first, "bob")
        assert first_broken([first, second]) is None
        assert first_broken([replace(first, counts={}), second]) == 1
        assert first_broken([second]) == 2
        store.close()

    def test_what_waited_to_be_written_is_left_out(self, opened: Opened) -> None:
        store = opened()
        store.events.append(batch_of(view(1), view(2, user="bob")))
        store.people.delete("ann")
        told = next(iter(store.erasures.scan())).timestamp
        guest = {"user_id": None, "session_id": "s1"}
        waited = [shown(1), shown(2, user_id="bob"), shown(3, **guest), shown(4, user_id=None)]
        later = [replace(one, impression_id=f"later {one.impression_id}", timestamp=told + 10**6) for one in waited]
        assert store.impressions.append([*waited, *later]) == 6
        names = [one.impression_id for chunk in store.impressions.scan() for _, one in chunk]
        assert names[:2] == ["imp2", "imp4"], "a guest may have been ann"
        asked = [
            SearchRecord(impression_id=f"q{who}", timestamp=START, query="tea", user_id=who) for who in ("ann", "bob")
        ]
        assert store.searches.append(asked) == 1
        assert store.searches.of_person("ann") == []
        store.close()

    def test_all_of_a_person_can_be_read(self, opened: Opened) -> None:
        store = opened()
        store.searches.append([SearchRecord(impression_id="q1", timestamp=START, query="tea", user_id="ann")])
        store.impressions.append([shown(1), shown(2, user_id="bob")])
        assert [one.query for one in store.searches.of_person("ann")] == ["tea"]
        assert [one.impression_id for one in store.impressions.of_person("ann")] == ["imp1"]
        assert store.searches.of_person("bob") == []
        store.close()
