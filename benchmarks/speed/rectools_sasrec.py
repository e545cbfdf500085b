"""RecTools' SASRec on a file of events: seconds a training step, and one person's top 20. Run by recommend_sequence.

Runs in an environment of its own, because RecTools needs an older numpy than Shoplens; imports nothing of Shoplens. The
file is CSV with user_id,item_id,datetime. An epoch takes minutes, so that a number of steps is measured, the first few
are left out (memory is still being found), and the epoch is extrapolated. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

UNTIMED = 3  # steps before the clock counts


class Clock(Callback):  # type: ignore[misc]
    """Moments at which steps ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        """One more."""
        self.ends.append(time.perf_counter())


def trained(wanted: argparse.Namespace, dataset: Dataset) -> tuple[SASRecModel, Clock]:
    """The model after the wanted number of steps."""
    clock = Clock()

    def trainer() -> Trainer:
        return Trainer(
            accelerator="cpu",
            devices=1,
            max_steps=wanted.steps + UNTIMED,
            max_epochs=1_000,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[clock],
        )

    model = SASRecModel(
        n_blocks=wanted.layers,
        n_heads=wanted.heads,
        n_factors=wanted.dim,
        session_max_len=wanted.length,
        batch_size=wanted.batch,
        loss=wanted.loss,
        dropout_rate=0.2,
        dataloader_num_workers=0,
        get_trainer_func=trainer,
        recommend_torch_device="cpu",
    )
    model.fit(dataset)
    return model, next(one for one in model.fit_trainer.callbacks if isinstance(one, Clock))


def main() -> None:
    """Train, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", required=True)
    parser.add_argument("--dim", type=int, default=96)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--length", type=int, default=50)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--loss", default="softmax")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--requests", type=int, default=20)
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    events = pd.read_csv(wanted.events)
    events[Columns.Weight] = 1.0
    events[Columns.Datetime] = pd.to_datetime(events[Columns.Datetime], unit="s")
    dataset = Dataset.construct(events)
    torch.manual_seed(0)
    model, clock = trained(wanted, dataset)
    steps = np.diff(clock.ends)[UNTIMED - 1 :]
    per_epoch = len(model.data_preparator.get_dataloader_train())
    people = events[Columns.User].unique()[: wanted.requests + 2]
    asked = []
    for person in people:
        began = time.perf_counter()
        model.recommend(users=[person], dataset=dataset, k=20, filter_viewed=True)
        asked.append(1e3 * (time.perf_counter() - began))
    result = {
        "step_s": float(np.median(steps)),
        "steps_measured": len(steps),
        "steps_an_epoch": per_epoch,
        "epoch_s_extrapolated": float(np.mean(steps)) * per_epoch,
        "one_person_ms": asked[2:],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
