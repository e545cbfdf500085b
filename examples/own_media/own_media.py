"""Photos, videos and sound of your own to features, without a shop: vectors, words, colours, doubles, search by words.

python examples/own_media/own_media.py                                                 on files that it makes
python examples/own_media/own_media.py photos/ clip.mp4 voice.wav --words "red dress" --words 红色连衣裙    on yours
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from shoplens.encoders.colour import dominant_colours
from shoplens.encoders.photo_hash import near_duplicates, photo_hashes
from shoplens.service.alignment import bridge_in_use
from shoplens.service.loose_files import ReadFile, read_files
from shoplens.service.media_sources import MediaSources
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.testing.sample_media import sample_tone, sample_video, sample_wav

WORDS = ("a daisy", "雏菊", "an old palace", "宫殿")


def make_files(folder: Path) -> list[Path]:
    """Two photographs that scikit-learn brings, one once more but smaller, a tea box, a video, a tone."""
    here = files("sklearn.datasets") / "images"
    flower, palace = (ImageOps.fit(Image.open(str(here / f"{name}.jpg")), (420, 420)) for name in ("flower", "china"))
    box = Image.new("RGB", (480, 360), "white")
    pen = ImageDraw.Draw(box)
    pen.rectangle((60, 40, 420, 320), fill=(40, 110, 60))
    pen.text((100, 110), "GREEN TEA\n100 g  $4.50", fill="white", font=ImageFont.load_default(44))
    photos = {"flower.jpg": flower, "flower-again.jpg": flower.resize((240, 240)), "palace.jpg": palace, "tea.png": box}
    for name, photo in photos.items():
        photo.save(folder / name)
    scenes = [photo.resize((320, 320)) for photo in (flower, palace)]
    film = sample_video(scenes, seconds=2.0, sound=sample_tone(4.0, rate=48_000))
    (folder / "clip.mp4").write_bytes(film)
    (folder / "tone.wav").write_bytes(sample_wav(sample_tone(2.0)))
    return sorted(folder.iterdir())


def look(paths: Sequence[Path], words: Sequence[str]) -> dict[str, Any]:
    """Everything that the files say, and which of them fit the words."""
    workspace = Workspace(Path(), Settings.read(None))  # default settings; a shop's would be Workspace.open(folder)
    read = {one.path.name: one for one in read_files(paths, workspace=workspace)}
    with MediaSources(workspace) as sources:  # decodes in processes of their own, within limits
        photos = {name: sources.photo(one.path, name) for name, one in read.items() if one.seen.kind == "image"}
    names = list(photos)
    doubles = near_duplicates(photo_hashes(list(photos.values())))
    return {
        "files": {name: described(one, photos.get(name)) for name, one in read.items()},
        "same photo": [[names[row] for row in group] for group in doubles],
        "found by words": found(workspace, words, list(pictures(read))),
    }


def described(file: ReadFile, photo: Image.Image | None) -> dict[str, Any]:
    """One file, without the numbers of its vectors."""
    if file.refused:
        return {"refused": file.refused}
    seen = file.seen
    told: dict[str, Any] = {"kind": seen.kind, "vectors": {name: len(one) for name, one in seen.vectors.items()}}
    if photo is not None:
        told["colours"] = [f"{english} {chinese} {share:.2f}" for english, chinese, share in dominant_colours(photo)]
        told["written"] = [one.text for one in seen.found]
    elif seen.kind != "text":
        told["said"] = [f"{one.start:.1f}–{one.end:.1f} s: {one.text}" for one in seen.found]
        told["shots"] = [f"{shot.start:.1f}–{shot.end:.1f} s" for shot in seen.shots]
    return told


def pictures(read: Mapping[str, ReadFile]) -> Iterator[tuple[str, Any]]:
    """What can be found by words: photos, and the shots of videos. They share one space."""
    for name, one in read.items():
        if one.seen.kind == "image":
            yield name, one.seen.vectors["image"]
        for shot in one.seen.shots:
            yield f"{name} at {shot.start:.1f} s", shot.vector


def found(workspace: Workspace, words: Sequence[str], known: Sequence[tuple[str, Any]]) -> dict[str, list[str]]:
    """Pictures for each of the words, best first: through the names of the things that the photo encoder knows."""
    bridge = bridge_in_use(workspace)
    if bridge is None or not known:
        return {}
    scores = bridge.text_vectors(words) @ bridge.photo_vectors(np.stack([vector for _, vector in known])).T
    return {
        word: [known[place][0] for place in np.argsort(-line, kind="stable")[:3].tolist()]
        for word, line in zip(words, scores, strict=True)
    }


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, help="files or folders; without any, some are made")
    parser.add_argument("--words", action="append", help="what to look for; repeat it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = look(given.paths or make_files(Path(folder)), given.words or WORDS)
    sys.stdout.write(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
