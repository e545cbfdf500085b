"""Experiments: begin, end, and what they showed so far."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.concurrency import run_in_threadpool

from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.experiments import (
    ExperimentFigures,
    ExperimentIn,
    ExperimentOut,
    ExperimentsAnswer,
    experiment_json,
    figures_json,
)
from shoplens.http.wire.fields import PROBLEMS

router = APIRouter(tags=["experiments"], responses=PROBLEMS)
Name = Annotated[str, Path(max_length=64)]


@router.get("/v1/experiments", response_model=ExperimentsAnswer, dependencies=[needs("read", "operation")])
async def get_experiments(shop: Shop) -> dict[str, Any]:
    """All experiments, in the order of their beginnings."""
    return {"experiments": [experiment_json(one) for one in shop.experiments.all.values()]}


@router.post(
    "/v1/experiments", response_model=ExperimentOut, status_code=201, dependencies=[needs("admin", "operation")]
)
async def start_experiment(body: ExperimentIn, shop: Shop) -> dict[str, Any]:
    """Begin an experiment; every worker takes part within a second or two."""
    return experiment_json(await run_in_threadpool(shop.start_experiment, body.to_experiment()))


@router.get("/v1/experiments/{name}", response_model=ExperimentFigures, dependencies=[needs("read", "operation")])
async def get_experiment(name: Name, shop: Shop) -> dict[str, Any]:
    """What an experiment showed so far. One may look, and stop, at any time."""
    return figures_json(await run_in_threadpool(shop.experiment_report, name))


@router.post("/v1/experiments/{name}/stop", response_model=ExperimentOut, dependencies=[needs("admin", "operation")])
async def stop_experiment(name: Name, shop: Shop) -> dict[str, Any]:
    """End an experiment: everybody gets the shop as it is. Its figures stay."""
    return experiment_json(await run_in_threadpool(shop.stop_experiment, name))
