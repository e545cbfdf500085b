from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from shoplens.encoders import model_cache
from shoplens.encoders.model_cache import Conversion, ConvertedModel, WeightFile, prepare, sha256_of
from shoplens.errors import ModelFileError


def weights_in(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes = b"weights") -> WeightFile:
    """A made-up installed package with one weight file."""
    module = folder / "site" / "tinyweights"
    module.mkdir(parents=True)
    (module / "__init__.py").write_text("")
    (module / "w.bin").write_bytes(content)
    info = folder / "site" / "tinyweights-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinyweights\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(str(folder / "site"))
    return WeightFile("tinyweights", "1.2", "tinyweights", "w.bin", sha256_of(module / "w.bin"), "use another encoder")


def upper(sources: Mapping[str, Path], folder: Path) -> None:
    (folder / "out.bin").write_bytes(sources["weights"].read_bytes().upper())


def conversion_of(weights: WeightFile, convert=upper) -> Conversion:  # type: ignore[no-untyped-def]
    return Conversion("tiny", "1", {"weights": weights}, ("out.bin",), convert)


def test_a_model_is_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def convert(sources: Mapping[str, Path], folder: Path) -> None:
        calls.append(folder)
        upper(sources, folder)

    conversion = conversion_of(weights_in(tmp_path, monkeypatch), convert)
    for _ in range(2):
        model = prepare(tmp_path / "cache", conversion)
        assert model.file("out.bin").read_bytes() == b"WEIGHTS"
    assert len(calls) == 1
    manifest = json.loads((model.folder / "manifest.json").read_text())
    assert manifest["sources"]["weights"]["package"] == "tinyweights"
    assert manifest["files"]["out.bin"]["sha256"] == sha256_of(model.folder / "out.bin")


def test_an_altered_package_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = weights_in(tmp_path, monkeypatch)
    (tmp_path / "site" / "tinyweights" / "w.bin").write_bytes(b"evil!!!")
    with pytest.raises(ModelFileError, match=r"tinyweights==1\.2; or use another encoder"):
        prepare(tmp_path / "cache", conversion_of(weights))
    assert not list((tmp_path / "cache").glob("*tiny-1/*"))


def test_a_missing_file_or_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = weights_in(tmp_path, monkeypatch)
    (tmp_path / "site" / "tinyweights" / "w.bin").unlink()
    with pytest.raises(ModelFileError, match=r"w\.bin is missing from the package tinyweights 1\.2"):
        prepare(tmp_path / "cache", conversion_of(weights))
    absent = WeightFile("no-such-package", "9", "no_such_package", "w.bin", "", "use another encoder")
    with pytest.raises(ModelFileError, match="no-such-package is not installed"):
        absent.locate()


def test_a_converted_file_is_checked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conversion = conversion_of(weights_in(tmp_path, monkeypatch))
    path = prepare(tmp_path / "cache", conversion).file("out.bin")
    stamp = path.stat()
    path.write_bytes(b"WEIGHTZ")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1_000_000))
    with pytest.raises(ModelFileError, match="altered after it was converted; delete the folder"):
        prepare(tmp_path / "cache", conversion).file("out.bin")
    path.unlink()
    with pytest.raises(ModelFileError, match="is missing"):
        prepare(tmp_path / "cache", conversion).file("out.bin")


def test_a_file_is_hashed_once_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = prepare(tmp_path / "cache", conversion_of(weights_in(tmp_path, monkeypatch)))
    model.file("out.bin")
    monkeypatch.setattr(model_cache, "sha256_of", lambda file: pytest.fail(f"{file} was hashed again"))
    model.file("out.bin")


def test_a_damaged_manifest_says_what_to_delete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conversion = conversion_of(weights_in(tmp_path, monkeypatch))
    model = prepare(tmp_path / "cache", conversion)
    (model.folder / "manifest.json").write_text("{")
    with pytest.raises(ModelFileError, match="delete the folder"):
        prepare(tmp_path / "cache", conversion)
    with pytest.raises(ModelFileError, match="do something"):
        ConvertedModel(tmp_path / "nowhere", "do something")


def test_a_failed_conversion_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(sources: Mapping[str, Path], folder: Path) -> None:
        (folder / "out.bin").write_bytes(b"half")
        raise RuntimeError("interrupted")

    weights = weights_in(tmp_path, monkeypatch)
    with pytest.raises(RuntimeError):
        prepare(tmp_path / "cache", conversion_of(weights, fail))
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []
    assert prepare(tmp_path / "cache", conversion_of(weights)).file("out.bin").read_bytes() == b"WEIGHTS"


def test_what_a_killed_conversion_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    abandoned = tmp_path / "cache" / ".tiny-1.abc"
    abandoned.mkdir(parents=True)
    (abandoned / "out.bin").write_bytes(b"half")
    prepare(tmp_path / "cache", conversion_of(weights_in(tmp_path, monkeypatch)))
    assert not abandoned.exists()


def _slow_prepare(folder: str, site: str) -> None:
    sys.path.insert(0, site)

    def convert(sources: Mapping[str, Path], target: Path) -> None:
        with (Path(folder) / "calls").open("a") as stream:
            stream.write("x")
        time.sleep(0.3)
        upper(sources, target)

    file = Path(site) / "tinyweights" / "w.bin"
    weights = WeightFile("tinyweights", "1.2", "tinyweights", "w.bin", sha256_of(file), "use another encoder")
    prepare(Path(folder) / "cache", conversion_of(weights, convert)).file("out.bin")


def test_two_processes_convert_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_in(tmp_path, monkeypatch)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_slow_prepare, args=(str(tmp_path), str(tmp_path / "site"))) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "calls").read_text() == "x"
