"""Train the shop in argv[1] and die, as by kill -9, when epoch argv[3] of the stage argv[2] has been told."""

import os
import signal
import sys
from pathlib import Path

import torch

from shoplens.service.training import train_shop
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store


def tell(what: str, done: int, _total: int) -> None:
    if what.startswith(sys.argv[2]) and done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as the test that waits for this: sums are the same bits for the same number of threads
    workspace = Workspace.open(Path(sys.argv[1]))
    train_shop(workspace, open_store(workspace.database_url), progress=tell)
