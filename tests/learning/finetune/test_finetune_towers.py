"""What learns, learns: photos and texts come to lie where the other side puts them; what is below stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.features.align.painted_shop import new_reader, paint, painted_shop

from shoplens.encoders.efficientnet_graph import LITE0
from shoplens.encoders.hub_device import choose_hardware
from shoplens.features.align.examples import Material
from shoplens.features.align.lexicon import built_in
from shoplens.learning.finetune import words
from shoplens.learning.finetune.fitting import FitSettings, fit
from shoplens.learning.finetune.photos import PhotoTask, PhotoTower, Seen
from shoplens.learning.finetune.sayings import Sayings
from shoplens.learning.finetune.words import TextTask, TextTower

HARDWARE = choose_hardware("cpu", "fp32")
SETTINGS = FitSettings(epochs=2, batch=16, rate=5e-4)


def silent(*_: object) -> None:
    pass


def gathered(products: int) -> tuple[Sayings, Material, np.ndarray]:
    lessons, truth = painted_shop(products)
    random = np.random.default_rng(0)
    material = Material.gather(lessons, built_in(), new_reader(), random, silent)
    return Sayings.gather(material, random), material, truth


@pytest.mark.slow
def test_photos_learn_in_the_upper_part_alone() -> None:
    sayings, material, truth = gathered(160)  # with fewer it is luck whether the few that validate are found better
    random = np.random.default_rng(0)
    tower = PhotoTower(LITE0)
    photos = iter([paint(str(truth[row, 0]), str(truth[row, 1]), random) for row in sayings.photos])
    seen = Seen.look(tower, photos, len(sayings.photos), silent)
    before = {name: value.clone() for name, value in tower.state_dict().items()}
    task = PhotoTask(tower, seen, sayings, material.lessons.photos.colour, hardware=HARDWARE, seed=0)
    fitted = fit(task, replace(SETTINGS, epochs=4), hardware=HARDWARE, seed=0)
    assert fitted.learnt
    changed = {name for name, value in tower.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(
        name.startswith(("body._conv_head", "body._bn1")) or int(name.split(".")[2]) >= tower.cut for name in changed
    )
    assert not any("running" in name for name in changed)  # statistics of ImageNet


def test_texts_learn_and_stay_near_where_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "STEP", 4)
    sayings, material, _ = gathered(40)
    tower = TextTower(layers=1)
    task = TextTask(tower, sayings, material.inputs, hardware=HARDWARE, seed=0, tell=silent)
    fitted = fit(task, SETTINGS, hardware=HARDWARE, seed=0)
    assert fitted.learnt
    moved = (tower.read(sayings.texts[:20], "query: ").before * task.typed.before[:20]).sum(1)
    assert 0.7 < moved.min() < 0.9999
