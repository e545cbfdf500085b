"""The review list in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import and_, delete, func, or_, select, update

from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus
from shoplens.store.database import Database, chunks
from shoplens.store.schema import proposal
from shoplens.store.sql_answers import CHUNK, storable


class SqlReviewList:
    """Proposals by id. What somebody decided stays decided."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._among = database.among(proposal.c.proposal_id, "ids")
        self._of_products = database.among(proposal.c.item_id, "item_ids")

    def offer(self, proposals: Iterable[Proposal]) -> int:
        """Put on the list what is new, bring up to date what is open; what was decided stays. Returns how many are
        new."""
        new = 0
        for chunk in chunks(proposals, CHUNK):
            rows = {one.proposal_id: _to_row(one) for one in chunk}
            put = self._database.insert(proposal)
            changed = {name: put.excluded[name] for name in ("current", "source", "confidence", "evidence", "offered")}
            put = put.on_conflict_do_update(
                index_elements=["proposal_id"], set_=changed, where=proposal.c.status == ProposalStatus.OPEN
            )
            with self._database.writing() as connection:
                ids = {"ids": self._database.many(list(rows))}
                known = select(func.count()).select_from(proposal).where(self._among)
                new += len(rows) - int(connection.execute(known, ids).scalar_one())
                connection.execute(put, list(rows.values()))
        return new

    def withdraw(self, kinds: Sequence[ProposalKind], before: int) -> int:
        """Take open proposals of these kinds off the list that were last offered before a time (microseconds): the
        catalogue no longer gives reason for them. Returns how many went."""
        gone = delete(proposal).where(
            proposal.c.status == ProposalStatus.OPEN,
            proposal.c.kind.in_([kind.value for kind in kinds]),
            proposal.c.offered < before,
        )
        with self._database.writing() as connection:
            return int(connection.execute(gone).rowcount)

    def accepted(self, item_ids: Sequence[str]) -> list[Proposal]:
        """See the protocol."""
        wanted = select(proposal).where(self._of_products, proposal.c.status == ProposalStatus.ACCEPTED.value)
        found: list[Proposal] = []
        with self._database.reading() as connection:
            for chunk in chunks(dict.fromkeys(item_ids), CHUNK):
                rows = connection.execute(wanted, {"item_ids": self._database.many(chunk)})
                found += [_from_row(row) for row in rows]
        return sorted(found, key=lambda one: (one.decided or 0, one.proposal_id))

    def list(
        self,
        *,
        status: ProposalStatus = ProposalStatus.OPEN,
        kind: ProposalKind | None = None,
        attribute: str | None = None,
        item_id: str | None = None,
        least: float = 0.0,
        after: str | None = None,
        limit: int = 50,
    ) -> list[Proposal]:
        """The surest first, at most `limit`, those behind the one whose id is `after`; see the protocol."""
        wanted = [proposal.c.status == status.value, proposal.c.confidence >= least]
        if kind is not None:
            wanted.append(proposal.c.kind == kind.value)
        if attribute is not None:
            wanted.append(proposal.c.attribute == attribute)
        if item_id is not None:
            wanted.append(proposal.c.item_id == item_id)
        with self._database.reading() as connection:
            if after is not None:
                place = select(proposal.c.confidence).where(proposal.c.proposal_id == after)
                confidence = connection.execute(place).scalar()
                if confidence is None:
                    return []
                same = and_(proposal.c.confidence == confidence, proposal.c.proposal_id > after)
                wanted.append(or_(proposal.c.confidence < confidence, same))
            page = select(proposal).where(*wanted).order_by(proposal.c.confidence.desc(), proposal.c.proposal_id)
            return [_from_row(row) for row in connection.execute(page.limit(limit))]

    def get(self, proposal_ids: Sequence[str]) -> dict[str, Proposal]:
        """Those that exist."""
        found: dict[str, Proposal] = {}
        with self._database.reading() as connection:
            for chunk in chunks(proposal_ids, CHUNK):
                rows = connection.execute(select(proposal).where(self._among), {"ids": self._database.many(chunk)})
                found.update((row.proposal_id, _from_row(row)) for row in rows)
        return found

    def decide(
        self, proposal_ids: Sequence[str], status: ProposalStatus, now: int, *, together: bool = False
    ) -> set[str]:
        """Remember a decision about those that are open, or take one back; see the protocol."""
        opens = status is ProposalStatus.OPEN
        is_open = proposal.c.status == ProposalStatus.OPEN.value
        change = update(proposal).where(self._among, ~is_open if opens else is_open)
        change = change.values(status=status.value, decided=None if opens else now)
        done: set[str] = set()
        parts = [list(chunk) for chunk in chunks(proposal_ids, CHUNK)]
        for part in [parts] if together else [[chunk] for chunk in parts]:
            with self._database.writing() as connection:
                for chunk in part:
                    ids = {"ids": self._database.many(chunk)}
                    done |= set(connection.execute(change.returning(proposal.c.proposal_id), ids).scalars())
                if together and len(done) < len(set(proposal_ids)):
                    connection.rollback()
                    return set()
        return done

    def decided(self, status: ProposalStatus) -> set[str]:
        """Ids of all proposals that were accepted, or rejected."""
        with self._database.reading() as connection:
            found = connection.execute(select(proposal.c.proposal_id).where(proposal.c.status == status.value))
            return set(found.scalars())

    def counts(self) -> dict[tuple[ProposalKind, ProposalStatus], int]:
        """How many there are of each kind and status; none where there are none."""
        counted = select(proposal.c.kind, proposal.c.status, func.count()).group_by(proposal.c.kind, proposal.c.status)
        with self._database.reading() as connection:
            return {
                (ProposalKind(kind), ProposalStatus(status)): count
                for kind, status, count in connection.execute(counted)
            }


def _to_row(one: Proposal) -> dict[str, Any]:
    return {
        "proposal_id": one.proposal_id,
        "kind": one.kind.value,
        "item_id": storable(one.item_id),
        "attribute": storable(one.attribute),
        "value": storable(one.value),
        "current": orjson.dumps([storable(value) for value in one.current]).decode(),
        "source": one.source,
        "confidence": one.confidence,
        "evidence": orjson.dumps(dict(one.evidence), option=orjson.OPT_SERIALIZE_NUMPY).decode(),
        "status": one.status.value,
        "offered": one.offered,
        "decided": one.decided,
    }


def _from_row(row: Any) -> Proposal:
    return Proposal(
        kind=ProposalKind(row.kind),
        item_id=row.item_id,
        attribute=row.attribute,
        value=row.value,
        current=tuple(orjson.loads(row.current)),
        source=row.source,
        confidence=row.confidence,
        evidence=orjson.loads(row.evidence),
        status=ProposalStatus(row.status),
        offered=row.offered,
        decided=row.decided,
    )
