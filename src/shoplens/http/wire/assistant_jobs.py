"""Teaching and evaluating the assistant over the wire: dialogues in, a job out, its result later."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from shoplens.domain.moments import told
from shoplens.http.wire.fields import Request, Text, Told
from shoplens.service.assistant_jobs import Job

MOST_EXAMPLES = 50_000
Said = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")]


class ExampleIn(Request):
    """One message of the past."""

    utterance: Said = Field(examples=["how long can I return shoes?"])
    intent: Said | None = Field(default=None, description="Without any, intents are discovered.")
    answer: Text | None = None
    slots: dict[str, Said] | None = Field(default=None, description="Name → what was said.")
    source: Said | None = Field(
        default=None, description="For evaluation: what answers it, `FILE`, `FILE: HEADING` or a heading."
    )


class LearnIn(Request):
    """Dialogues to learn from."""

    examples: list[ExampleIn] = Field(
        default=[], max_length=MOST_EXAMPLES, description="Empty: take up the corrections of the shop."
    )
    add: bool = Field(default=False, description="Keep what was learnt before, beside the examples.")


class EvaluateIn(Request):
    """What to judge the assistant by."""

    examples: list[ExampleIn] = Field(min_length=1, max_length=MOST_EXAMPLES)
    split: bool = Field(
        default=False, description="Learn from four fifths of them and judge on the rest; the shop's intents stay."
    )


class JobOut(BaseModel):
    """A piece of work that goes on by itself."""

    job_id: str
    kind: Literal["learn", "evaluate"]
    state: Literal["running", "done", "failed"]
    started: Told
    ended: Told | None
    result: dict[str, Any] | None = Field(description="As the command prints it with --json.")
    error: str = Field(description="Why it failed.")


class JobsAnswer(BaseModel):
    """The latest first."""

    jobs: list[JobOut]


def job_json(job: Job) -> dict[str, Any]:
    """`JobOut` as plain values."""
    plain = {name: getattr(job, name) for name in JobOut.model_fields}
    return plain | {"started": told(job.started), "ended": told(job.ended)}
