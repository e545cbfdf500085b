"""What is read and written by whoever runs the shop: keys, jobs, findings, the record of who was forgotten."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from shoplens.http.wire.fields import KEY_NAME_PATTERN, Request, Told

Role = Literal["read", "write", "admin"]
Scope = Literal["shop", "events", "catalogue", "people", "analysis", "operation"]
KeyName = Annotated[str, StringConstraints(pattern=KEY_NAME_PATTERN)]


class KeyIn(Request):
    """A key that is wanted. It may reach no further than the key that asks."""

    name: KeyName = Field(description="Whose key it is: letters, digits, '.', '-' and '_', at most 64.")
    role: Role = "read"
    scopes: list[Scope] | None = Field(default=None, min_length=1, max_length=20, description="null: everywhere.")
    per_minute: int | None = Field(default=None, ge=1, le=10**9, description="Requests; null: as many as come.")


class KeyOut(BaseModel):
    """What is kept of a key."""

    name: str
    role: Role
    scopes: list[Scope] | None
    per_minute: int | None
    created: Told
    key_id: str = Field(description="Its key begins with sl_ and this.")


class KeyMade(KeyOut):
    """A new key."""

    key: str = Field(description="The key itself, told this once: only its hash is kept.")


class KeysAnswer(BaseModel):
    """All keys made by `shoplens keys` or here, oldest first; those of settings are not told."""

    keys: list[KeyOut]


class JobIn(Request):
    """What shoplens schedule should do at its next look."""

    what: Literal["train", "backup"]
    without: list[Literal["bundles", "models", "features", "media"]] = Field(
        default=[], max_length=10, description="Folders that a backup leaves out."
    )


class JobOut(BaseModel):
    """Something that was asked for."""

    job_id: str
    what: Literal["train", "backup"]
    state: Literal["waiting", "running", "done", "failed"]
    asked: Told
    began: Told | None
    ended: Told | None
    outcome: str = Field(description="What came of it, in a sentence.")
    without: list[str]


class JobAsked(JobOut):
    """A job that was asked for, or waits already."""

    note: str | None = Field(description="Why it may wait for long.")


class JobsAnswer(BaseModel):
    """The latest jobs, newest first."""

    jobs: list[JobOut]
    attended: bool = Field(description="Whether a process that does jobs runs: shoplens schedule.")


class FindingOut(BaseModel):
    """One thing that was looked at."""

    subject: str
    state: str
    advice: str = Field(description="What to do; empty when all is well.")


class DoctorAnswer(BaseModel):
    """All that was looked at."""

    well: bool
    findings: list[FindingOut]


class ErasureOut(BaseModel):
    """That somebody was forgotten."""

    sequence: int
    timestamp: Told
    kind: Literal["person", "guest"]
    who: str = Field(description="Salt and slow hash of the id.")
    counts: dict[str, int] = Field(description="What went, and how much of it.")


class ErasuresAnswer(BaseModel):
    """The record of who was forgotten, oldest first."""

    records: list[ErasureOut]
    broken: int | None = Field(description="The first record that was altered or follows a gap; null: all is well.")
    about: list[int] | None = Field(description="Numbers of those about who was asked for; null: nobody was.")
