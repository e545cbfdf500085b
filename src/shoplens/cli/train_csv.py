"""The body of `shoplens train --csv`: one table in, one model file out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from shoplens.cli.app import console, emit, progress_bar, ready_to_write

if TYPE_CHECKING:
    from shoplens.learning.tabular_training import TableTraining

SLOW = 600.0  # seconds from which on an estimate comes with advice


def train_csv(file: Path, *, out: Path, json: bool, **settings: Any) -> None:
    """Read, learn with a line an epoch, test, save the model with its report beside it."""
    from shoplens.learning.tabular_report import write_table_report
    from shoplens.learning.tabular_training import train_table

    ready_to_write(out)
    refused = out.with_name(f"{out.stem}_refused.jsonl")
    refused.unlink(missing_ok=True)
    watch = _Watch(int(settings["batch_size"]))
    with watch.bar:
        done = train_table(
            file,
            refused=refused,
            checkpoint=out.with_name(f"{out.name}.checkpoint"),
            say=lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True),
            progress=watch.say_epoch,
            steps=watch.tell,
            **settings,
        )
    done.model.save(out)
    page = write_table_report(out.parent, done, name=out.stem)
    result = {
        "model": str(out),
        "report": str(page),
        "refused": str(refused) if done.facts["refused"] else None,
        "facts": dict(done.facts),
        "columns": list(done.notes),
        "epochs": done.history,
        "test": done.test.as_dict(),
        "seconds": round(done.seconds, 2),
    }
    emit(result, json=json, table=_table(done, f"saved: {out} · report: {page}"))


def _table(done: TableTraining, title: str) -> Table:
    header, rows = done.test.table()
    table = Table(title=escape(title))
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    table.caption = f"{done.test.n:,} test rows, judged once; weights of epoch {done.best_epoch}"
    return table


def _say(epoch: int, epochs: int, entry: dict[str, float]) -> None:
    """One line: loss and accuracy of training and validation."""
    name = "rmse" if "rmse" in entry else "accuracy"
    console.print(
        f"epoch {epoch:>{len(str(epochs))}}/{epochs}  loss {entry['loss']:.4f}  {name} {entry[name]:.4f}  ·  "
        f"validation loss {entry['valid_loss']:.4f}  {name} {entry[f'valid_{name}']:.4f}  ·  {entry['seconds']:.1f} s",
        highlight=False,
        soft_wrap=True,
    )


class _Watch:
    """A bar over all steps, and one word about the time when it will be long."""

    def __init__(self, batch_size: int) -> None:
        self.bar = progress_bar()
        self.batch_size = batch_size
        self._task: Any = None
        self._first: tuple[float, int] | None = None
        self._told = False
        self._epochs = 0

    def say_epoch(self, epoch: int, epochs: int, entry: dict[str, float]) -> None:
        """A line an epoch; before the first of a run that goes on, where it goes on from."""
        if not self._epochs and epoch > 1:
            console.print(f"goes on after epoch {epoch - 1}, where the same command was stopped", highlight=False)
        self._epochs += 1
        _say(epoch, epochs, entry)

    def tell(self, done: int, steps: int) -> None:
        """`done` of `steps` steps."""
        now = time.perf_counter()
        if self._task is None:
            self._task = self.bar.add_task("learn", total=steps)
            self._first = (now, done)
        self.bar.update(self._task, completed=done)
        assert self._first is not None
        if not self._told and done - self._first[1] >= 200:
            self._told = True
            left = (now - self._first[0]) / (done - self._first[1]) * (steps - done)
            if left > SLOW:
                console.print(
                    f"about {left / 60:.0f} minutes at batch {self.batch_size}; --batch-size {self.batch_size * 32} "
                    "takes a fraction of it. Stop with Ctrl-C at any time: the same command goes on",
                    highlight=False,
                    soft_wrap=True,
                )
