"""Where classifiers and taggers of a workspace learn."""

from __future__ import annotations

from dataclasses import replace

from shoplens.encoders.hub_device import learning_device
from shoplens.models.text_body.settings import FineTuning
from shoplens.service.settings import Settings


def on_device(
    learning: FineTuning,
    settings: Settings,
    device: str | None = None,
    precision: str | None = None,
    *,
    effort: str = "good",
) -> FineTuning:
    """The same learning on what is asked for; None: on what the settings say (`encoders.device`, `learning_precision`).

    ConfigurationError, at once and not after what comes before learning, for a device that this machine does not have;
    not where only the settings name it and nothing is fine-tuned (`effort` "fast"), which the CPU does anyway.
    """
    if effort == "fast" and device is None:
        return learning
    wanted = device or settings.encoders.device
    learning_device(wanted)
    return replace(learning, device=wanted, precision=precision or settings.encoders.learning_precision)
