"""A made-up benchmark folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_folder(folder: Path, *, timestamps: str = "none", seed: int = 0) -> Path:
    """train.csv, valid.csv and test.csv of 60 people and 40 products in four departments; also features and items.csv.

    `timestamps`: none, positions (per person) or seconds.
    """
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for user in range(60):
        own = [item for item in range(40) if item % 4 == user % 4]
        chosen = random.permutation(own)[: random.integers(5, 9)].tolist()
        chosen[0] = int(random.integers(40))
        for position, item in enumerate(dict.fromkeys(chosen)):
            left = len(dict.fromkeys(chosen)) - position
            part = "test" if left == 1 else "valid" if left == 2 else "train"
            moment = {
                "none": "",
                "positions": f",{position}",
                "seconds": f",{1_700_000_000 + 86_400 * position + user}",
            }
            parts[part].append(f"{user},{item}{moment[timestamps]}")
    header = "user_id,item_id" + ("" if timestamps == "none" else ",timestamp")
    for name, rows in parts.items():
        (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
    (folder / "features").mkdir(exist_ok=True)
    department = np.eye(4)[np.arange(42) % 4] + random.normal(0, 0.1, (42, 4))
    np.save(folder / "features" / "image.npy", department.astype(np.float16))
    rows = [f"{item},{'abcd'[item % 4]}|x{item % 3}" for item in range(0, 40, 2)]
    (folder / "items.csv").write_text("\n".join(["item_id,attributes", *rows, "41,"]) + "\n")
    return folder
