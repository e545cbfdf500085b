"""/v1/assistant/learn, /v1/assistant/evaluate: work beside the serving process; /v1/assistant/jobs tells what became
of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.assistant_jobs import EvaluateIn, JobOut, JobsAnswer, LearnIn, job_json
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.service.assistant_jobs import AssistantJobs

router = APIRouter(tags=["assistant"], responses=PROBLEMS, dependencies=[needs("write", "operation")])


@router.post("/v1/assistant/learn", response_model=JobOut, status_code=202)
async def post_learn(body: LearnIn, shop: Shop) -> dict[str, Any]:
    """Learn intents and answers in a process of its own; servers answer by them a second or two after it is done.

    409 while another job goes on.
    """
    rows = [one.model_dump(exclude_none=True) for one in body.examples]
    jobs = AssistantJobs(shop.workspace)
    return job_json(await run_in_threadpool(lambda: jobs.start("learn", rows, add=body.add)))


@router.post("/v1/assistant/evaluate", response_model=JobOut, status_code=202)
async def post_evaluate(body: EvaluateIn, shop: Shop) -> dict[str, Any]:
    """Measure the assistant in a process of its own. 409 while another job goes on."""
    rows = [one.model_dump(exclude_none=True) for one in body.examples]
    jobs = AssistantJobs(shop.workspace)
    return job_json(await run_in_threadpool(lambda: jobs.start("evaluate", rows, split=body.split)))


@router.get("/v1/assistant/jobs", response_model=JobsAnswer)
async def get_jobs(shop: Shop) -> dict[str, Any]:
    """The latest jobs."""
    found = await run_in_threadpool(AssistantJobs(shop.workspace).latest)
    return {"jobs": [job_json(one) for one in found]}


@router.get("/v1/assistant/jobs/{job_id:id}", response_model=JobOut)
async def get_job(job_id: Id, shop: Shop) -> dict[str, Any]:
    """One job: ask again until it is `done` or `failed`."""
    return job_json(await run_in_threadpool(AssistantJobs(shop.workspace).get, job_id))
