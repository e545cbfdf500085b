"""`shoplens train --finetune` refuses what it cannot do before it does anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplens.cli.app import app
from shoplens.cli.predict import predict
from shoplens.cli.train import train
from shoplens.errors import ConfigurationError
from shoplens.service.workspace import Workspace

WRONG = {
    "another modality": (["--finetune", "text,audio"], "write text, image or text,image"),
    "nothing": (["--finetune", ","], "write text, image or text,image"),
    "minutes of nothing": (["--finetune-minutes", "3"], "needs --finetune"),
    "with a table": (["--csv", "sales.csv", "--finetune", "text"], "has no meaning with --csv"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_says_what_is_right(case: str) -> None:
    assert callable(train)
    assert callable(predict)  # with one command alone typer takes no names
    words, said = WRONG[case]
    done = CliRunner().invoke(app, ["train", *words])
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())


def test_an_encoder_that_cannot_learn_is_named(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "shop", encoders={"text": "hashed-ngrams"})
    with pytest.raises(ConfigurationError, match=r"hashed-ngrams.*cannot be fine-tuned; e5-small can"):
        CliRunner().invoke(app, ["train", "-w", str(tmp_path / "shop"), "--finetune", "text"], catch_exceptions=False)
