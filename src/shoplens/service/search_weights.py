"""How much words, meaning and looks count in one shop: learnt from its own judgements, kept only where better.

`judgements.csv` beside shoplens.toml has a line for each judged product: query, item_id and, if answers differ in how
good they are, gain (1 where it is missing). What was learnt is `search/weights.json`, replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from shoplens.encoders.centring import LANGUAGES, language_of
from shoplens.errors import FormatError, ModelFileError
from shoplens.files import replaced
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.blend import Blend, BlendReport, Judged, fit_blend
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.service.workspace import Workspace

FILE_NAME = "weights.json"
FORMAT = 1
DEPTH = 200  # products that a query finds, which its judged ones must stand out from
MOST_QUERIES = 20_000


@dataclass(frozen=True, slots=True)
class WeightsLearnt:
    """What came of it."""

    told: str  # a sentence
    blend: Blend
    reports: Mapping[str, BlendReport]  # by language; "" = those with few queries


def judgements_file(workspace: Workspace) -> Path | None:
    """Where the shop's judgements are; None when it has none."""
    path = workspace.root / workspace.settings.search.judgements
    return path if path.is_file() else None


def read_judgements(path: Path) -> dict[str, dict[str, float]]:
    """Query → item_id → gain. FormatError says what is wrong with the file."""
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        raise FormatError(f"{path} cannot be read as CSV: {error}") from error
    if missing := [name for name in ("query", "item_id") if name not in table.columns]:
        raise FormatError(f"{path} needs a column {missing[0]}; it has: {', '.join(table.columns)}")
    judged: dict[str, dict[str, float]] = {}
    for line, row in enumerate(table.iter_rows(named=True), start=2):
        query, item_id, said = (row["query"] or "").strip(), row["item_id"], row.get("gain")
        try:
            gain = 1.0 if said in (None, "") else float(said)
        except ValueError as error:
            raise FormatError(f"{path}, line {line}: gain {said!r} is not a number") from error
        if not query or not item_id or not 0 <= gain < 1e6:
            raise FormatError(f"{path}, line {line}: expected a query, an item_id and a gain from 0 on")
        judged.setdefault(query, {})[item_id] = gain
        if len(judged) > MOST_QUERIES:
            raise FormatError(f"{path} has more than {MOST_QUERIES:,} queries; a sample of them says as much")
    return judged


def learn_weights(
    workspace: Workspace, judgements: Path, hybrid: HybridIndex, facts: CatalogueFacts, *, seed: int = 0
) -> WeightsLearnt:
    """Fit the blend to the judgements and let it answer from now on; words alone stay where nothing is better."""
    judged = []
    for query, gains in read_judgements(judgements).items():
        found = hybrid.search(Asked(text=query), DEPTH).rows
        rows = np.unique(np.concatenate([found, facts.rows(gains)]))
        rows = rows[rows > 0]
        gained = np.array([gains.get(facts.ids[row], 0.0) for row in rows.tolist()], np.float32)
        judged.append(Judged(LANGUAGES[language_of(query)], hybrid.parts(Asked(text=query), rows), gained))
    blend, reports = fit_blend(judged, seed=seed)
    if not reports:
        return WeightsLearnt(f"{judgements.name}: no judged product is in the catalogue", blend, {})
    _write(workspace.search / FILE_NAME, blend)
    return WeightsLearnt(f"search on queries held out, NDCG@10: {_told(reports)}", blend, reports)


def read_weights(workspace: Workspace) -> Blend | None:
    """What was learnt; None when nothing was. ModelFileError when the file is damaged."""
    path = workspace.search / FILE_NAME
    try:
        told = orjson.loads(path.read_bytes())
        if told["format"] != FORMAT:
            raise ModelFileError(f"{path} was written by another version; train again: shoplens train")
        return Blend.from_dict(
            {
                str(name): {str(one): float(weight) for one, weight in part.items()}
                for name, part in told["blend"].items()
            }
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path} cannot be read ({error}); train again: shoplens train") from error


def weights_stamp(workspace: Workspace) -> int:
    """Changes when other weights were learnt."""
    path = workspace.search / FILE_NAME
    return path.stat().st_mtime_ns if path.exists() else 0


def _told(reports: Mapping[str, BlendReport]) -> str:
    parts = []
    for language, one in reports.items():
        name = language or "all"
        taken = "" if one.taken else ", words alone stay"
        parts.append(f"{name} {one.blend:.3f} (words alone {one.words:.3f}{taken})")
    return ", ".join(parts)


def _write(path: Path, blend: Blend) -> None:
    with replaced(path) as stream:
        stream.write(orjson.dumps({"format": FORMAT, "blend": blend.as_dict()}, option=orjson.OPT_INDENT_2))
