"""`shoplens experiments list|start|show|stop|replay`: compare ways of answering on the people who come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit
from shoplens.cli.tables import moment
from shoplens.errors import did_you_mean

if TYPE_CHECKING:
    from shoplens.domain.experiments import Arm
    from shoplens.service.experiment_report import ExperimentReport

experiments_app = typer.Typer(
    help="Experiments: compare ways of answering on the people who come.", no_args_is_help=True
)
app.add_typer(experiments_app, name="experiments")
NUMBERS = ("diversity", "exploration", "freshness", "per_brand", "per_category")
DIFFERS = ("bundle", "scenario", "sources.NAME", "margin.attribute", "margin.by", *NUMBERS)  # what an arm may say
Name = Annotated[str, typer.Argument(help="As `shoplens experiments list` names it.")]


@experiments_app.command("list")
def list_all(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """All experiments, in the order of their beginnings."""
    from shoplens.http.wire.experiments import experiment_json
    from shoplens.service.experiments import Experiments
    from shoplens.service.workspace import Workspace

    opened = Workspace.open(workspace)
    found = Experiments(opened.root, opened.bundles).all.values()
    table = Table("experiment", "began (UTC)", "ended", "arms", "note")
    for one in found:
        arms = ", ".join(f"{arm.name} {arm.share:.0%}" for arm in one.arms)
        ended = "runs" if one.stopped is None else moment(one.stopped)
        table.add_row(one.name, moment(one.started), ended, arms, escape(one.note))
    none = Text("no experiments yet; how to begin one: shoplens experiments start --help")
    emit({"experiments": [experiment_json(one) for one in found]}, json=json, table=table if found else none)


@experiments_app.command()
def start(
    name: Annotated[str, typer.Argument(help="Small letters, digits, - and _.")],
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=SHARE, then what differs: NAME=SHARE,bundle=VERSION or NAME=SHARE,diversity=0.3. The first is "
            "the control. Repeat; shares sum to 1."
        ),
    ] = None,
    arms: Annotated[
        Path | None,
        typer.Option(help="A JSON file instead, with a list of arms as POST /v1/experiments takes them; boosts too."),
    ] = None,
    workspace: WorkspaceOption = Path("."),
    audience: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of all people who take part.")] = 1.0,
    note: Annotated[str, typer.Option(help="What it is to find out.")] = "",
    json: JsonFlag = False,
) -> None:
    """Begin an experiment. Running servers take part within a second or two.

    Example: shoplens experiments start newer-model --arm now=0.5 --arm newer=0.5,bundle=20260101-120000

    An arm may have settings of its own, in every scenario or one: scenario=home,sources.model=1,sources.trending=0.5,
    diversity=0.3,exploration=0.1,freshness=0.5,margin.attribute=margin,margin.by=0.3,per_brand=2,per_category=4.
    """
    from shoplens.domain.experiments import Experiment
    from shoplens.http.wire.experiments import experiment_json
    from shoplens.service.experiments import Experiments
    from shoplens.service.scenario_settings import scenarios_of
    from shoplens.service.workspace import Workspace

    opened = Workspace.open(workspace)
    if (arms is None) == (not arm):
        raise typer.BadParameter("say the arms: --arm for each, or --arms FILE", param_hint="--arm")
    told = tuple(map(_arm, arm or ())) if arms is None else _read_arms(arms)
    experiment = Experiment(name, told, audience, note=note)
    scenarios = scenarios_of(opened.settings.scenario)
    begun = Experiments(opened.root, opened.bundles).start(experiment, scenarios)
    emit(experiment_json(begun), json=json, table=Text(f"{name} runs; see: shoplens experiments show {name}"))


@experiments_app.command()
def show(name: Name, workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """Figures of each arm and differences from the control, with intervals that hold whenever one looks."""
    from shoplens.http.wire.experiments import figures_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        found = shop.experiment_report(name)
    emit(figures_json(found), json=json, table=_figures(found))


@experiments_app.command()
def stop(name: Name, workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """End an experiment: everybody gets the shop as it is. Its figures stay."""
    from shoplens.http.wire.experiments import experiment_json
    from shoplens.service.experiments import Experiments
    from shoplens.service.workspace import Workspace

    opened = Workspace.open(workspace)
    ended = Experiments(opened.root, opened.bundles).stop(name)
    emit(experiment_json(ended), json=json, table=Text(f"{name} is over"))


@experiments_app.command()
def replay(
    bundle: Annotated[str, typer.Option(help="As `shoplens bundles list` names it.")],
    workspace: WorkspaceOption = Path("."),
    days: Annotated[float, typer.Option(min=0.01, max=365, help="Days that are looked back.")] = 28.0,
    places: Annotated[int, typer.Option(min=1, max=20, help="Places of each answer, from the first.")] = 1,
    reward: Annotated[str, typer.Option(help="click, cart or purchase.")] = "click",
    json: JsonFlag = False,
) -> None:
    """What a bundle would have earned where others answered, before it goes live: no visitor takes part.

    Rests on answers with places left to chance (`exploration` of a scenario or request) after the bundle was trained,
    and says when they are too few, or could never have shown what the bundle would.
    """
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        found = shop.bundles.replay(bundle, days=days, places=places, reward=reward)
    table = Table("", f"{reward}s an answer", "95 %", title=f"{found.found.answers:,} answers, first {places} places")
    for name in ("logged", "ips", "snips", "dr", "gain"):
        one = getattr(found.found, name)
        value = f"{one.value:+.4f}" if name == "gain" else f"{one.value:.4f}"
        table.add_row(name, value, f"{one.low:.4f} … {one.high:.4f}")
    told = f"worth {found.found.effective:.0f} answers; the log can speak of {found.found.covered:.0%}"
    said = Text(told if found.found.refused is None else f"do not believe it: {found.found.refused}")
    emit(found.as_dict(), json=json, table=Group(table, said))


def _arm(text: str) -> Arm:
    from shoplens.domain.experiments import Arm

    first, *rest = text.split(",")
    name, _, share = first.partition("=")
    told: dict[str, Any] = {}
    for part in rest:
        key, _, said = (one.strip() for one in part.partition("="))
        group, _, inner = key.partition(".")
        if group in ("sources", "margin") and inner:
            value = said if inner == "attribute" else _number(text, key, said)
            told.setdefault(group, {})[inner] = value
        elif key in NUMBERS:
            number = _number(text, key, said)
            told[key] = int(number) if number.is_integer() and key.startswith("per_") else number
        elif key in ("bundle", "scenario"):
            told[key] = said
        else:
            raise _bad_arm(text, f"there is no {key}; {did_you_mean(key, DIFFERS)}")
    return Arm(name.strip(), _number(text, "the share", share), **told)


def _read_arms(file: Path) -> tuple[Arm, ...]:
    from pydantic import TypeAdapter, ValidationError

    from shoplens.http.wire.experiments import ArmIn

    try:
        return tuple(one.to_arm() for one in TypeAdapter(list[ArmIn]).validate_json(file.read_bytes()))
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="--arms") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise typer.BadParameter(f"{file}: {place}: {first['msg']}", param_hint="--arms") from error


def _number(arm: str, what: str, said: str) -> float:
    try:
        return float(said)
    except ValueError:
        raise _bad_arm(arm, f"{what} is a number such as 0.5, not {said!r}; ") from None


def _bad_arm(text: str, why: str) -> typer.BadParameter:
    return typer.BadParameter(f"{text!r}: {why}write NAME=SHARE[,bundle=VERSION][,diversity=0.3]…", param_hint="--arm")


def _figures(found: ExperimentReport) -> RenderableType:
    from shoplens.service.experiment_report import FIGURES

    parts: list[RenderableType] = []
    if found.mismatch:
        parts.append(
            Text(
                f"People did not fall into the arms as they should (p ≤ {found.shares_p:.2g}): some answers are not "
                "counted, or not everybody is asked. Believe none of the figures below before that is found.",
                style="bold red",
            )
        )
    table = Table("arm")
    for column in ("people", "impressions", *(name.replace("_", " ") for name in FIGURES)):
        table.add_column(column, justify="right")
    for arm in found.arms:
        cells = []
        for name in FIGURES:
            value, against = arm.figures[name], arm.against_control.get(name)
            text = Text("–" if value is None else f"{value:.4g}")
            if against is not None:
                style = ("green" if against.value > 0 else "red") if against.decided else "dim"
                text.append(f"\n{against.value:+.3g} ({against.low:+.3g} … {against.high:+.3g})", style=style)
            elif arm.against_control:
                text.append("\ntoo few to say", style="dim")
            cells.append(text)
        table.add_row(arm.name, f"{arm.people:,}", f"{arm.impressions:,}", *cells)
    parts += [
        table,
        Text(f"events within {found.window_days:g} days of what they quote; intervals of 95 %", style="dim"),
    ]
    return Group(*parts)
