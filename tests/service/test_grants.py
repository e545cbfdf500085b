"""What a grant reaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.errors import InputError
from shoplens.service.grants import ROLES, SCOPES, Grant, read_grant

grants = st.builds(Grant, st.sampled_from(ROLES), st.none() | st.frozensets(st.sampled_from(list(SCOPES)), min_size=1))


@given(grants)
def test_a_grant_is_read_as_it_is_written(grant: Grant) -> None:
    assert read_grant(str(grant)) == grant


@given(grants, st.sampled_from(ROLES), st.sets(st.sampled_from(list(SCOPES)), min_size=1))
def test_scopes_only_take_away(grant: Grant, role: str, scopes: set[str]) -> None:
    assert Grant(grant.role).covers(scopes)
    assert grant.as_deep_as(role) == Grant(grant.role).as_deep_as(role)
    assert grant.covers(scopes) == (grant.scopes is None or bool(grant.scopes & scopes))


@pytest.mark.parametrize("text", ["", "root", "read:", "read:everything", "read:shop,,root", "read people", ":shop"])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"role|scope"):
        read_grant(text)
