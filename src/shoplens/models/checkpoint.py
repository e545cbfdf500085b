"""The state of a fit in a file: written whole or not at all, and used by the very same fit only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from shoplens.files import replaced


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Save tensors and plain values; a kill at any moment leaves the old file or the new one."""
    with replaced(path) as stream:
        torch.save(dict(state), stream)


def read_state(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """What was saved with this "fingerprint"; None when there is no such file, or it is damaged or of another fit.

    On the CPU, whatever device it was saved from: networks and optimisers copy what they load to where they are, but
    for counters of steps, which must not be on a GPU, or every step would wait for it to tell them.
    """
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # what reading damaged bytes ends in depends on the bytes; learning then starts afresh
        return None
    return state if isinstance(state, dict) and state.get("fingerprint") == fingerprint else None


class Resumable(Protocol):
    """A fit that can be killed after any epoch and go on."""

    @property
    def network(self) -> nn.Module:
        """What learns."""
        ...

    @property
    def optimiser(self) -> torch.optim.Optimizer:
        """What makes its steps."""
        ...

    def fingerprint(self) -> str:
        """Identity of the fit: settings, data and shapes."""
        ...


def keep_fit(path: Path, fit: Resumable, names: Sequence[str]) -> None:
    """Write the state after an epoch: weights, optimiser and the fit's attributes of these names."""
    state = {
        "fingerprint": fit.fingerprint(),
        "weights": fit.network.state_dict(),
        "optimiser": fit.optimiser.state_dict(),
        **{name: getattr(fit, name) for name in names},
    }
    write_state(path, state)


def take_up_fit(
    path: Path, fit: Resumable, names: Sequence[str], *, prepare: Callable[[Mapping[str, Any]], None] | None = None
) -> None:
    """Go on where a killed fit of the same settings and data was; leaves everything as it is where there was none.

    `prepare` is called with the state once the weights are in place, where the optimiser depends on it.
    """
    state = read_state(path, fit.fingerprint())
    if state is None:
        return
    fit.network.load_state_dict(state["weights"])
    if prepare is not None:
        prepare(state)
    fit.optimiser.load_state_dict(state["optimiser"])
    for name in names:
        setattr(fit, name, state[name])
