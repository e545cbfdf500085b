from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from benchmark_cases import write_folder
from PIL import Image

from shoplens.errors import FormatError, InputError
from shoplens.learning import benchmark_content
from shoplens.learning.benchmark_data import read_benchmark


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_catalogue_is_everything_the_folder_mentions(tmp_path: Path) -> None:
    data = read_benchmark(write_folder(tmp_path / "shop"), cache=tmp_path)
    assert data.name == "shop"
    assert data.train.items.ids == tuple(str(n) for n in range(42))  # numeric order: rows are ids
    assert {one.name: one.values.shape for one in data.modalities} == {"attributes": (42, 5), "image": (42, 4)}
    attributes = data.training().modality("attributes")
    assert attributes is not None
    assert attributes.present.sum() == 20  # product 41 has an empty field
    assert np.linalg.norm(attributes.values[attributes.present], axis=1) == pytest.approx(1)
    assert (attributes.values[0] > 0).sum() == 2
    assert not len(data.test)


def test_without_leaves_a_modality_out(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop")
    data = read_benchmark(folder, cache=tmp_path, without=["image"])
    assert [one.name for one in data.modalities] == ["attributes"]
    with pytest.raises(InputError, match="no modality 'sound' to leave out; it has: attributes, image"):
        read_benchmark(folder, cache=tmp_path, without=["sound"])


@pytest.mark.parametrize(("timestamps", "mask"), [("none", ["train"]), ("positions", ["train", "valid"])])
def test_default_protocol(tmp_path: Path, timestamps: str, mask: list[str]) -> None:
    folder = write_folder(tmp_path / "shop", timestamps=timestamps)
    data = read_benchmark(folder, cache=tmp_path, test=folder / "test.csv")
    assert list(data.protocol.mask) == list(data.protocol.history) == mask
    assert data.refits == (timestamps != "none")
    holdout = data.test_holdout()
    length = len(data.train) + (len(data.valid) if timestamps != "none" else 0)
    assert len(holdout.histories.item) == len(holdout.mask_item) == length
    assert holdout.item_events.sum() == length
    valid = data.valid_holdout()
    assert len(valid.histories.item) == len(valid.mask_item) == len(data.train)


def test_protocol_file_decides(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop")
    (folder / "protocol.json").write_text(json.dumps({"mask": [], "history": ["train", "valid"]}))
    data = read_benchmark(folder, cache=tmp_path, test=folder / "test.csv")
    assert data.refits
    assert len(data.test_holdout().mask_item) == 0
    assert len(data.valid_holdout().mask_item) == 0
    for wrong in ('{"mask": ["test"]}', '{"mask": "train"}', "[]", "{"):
        (folder / "protocol.json").write_text(wrong)
        with pytest.raises(FormatError, match=r"protocol\.json"):
            read_benchmark(folder, cache=tmp_path)


def test_units_of_time(tmp_path: Path) -> None:
    second = 1_700_000_000
    for scale in (1, 10**3, 10**6, 10**9):
        write(tmp_path, "train.csv", "user_id,item_id,timestamp", f"a,p,{second * scale}")
        write(tmp_path, "valid.csv", "user_id,item_id,timestamp", f"a,q,{(second + 86_400) * scale}")
        data = read_benchmark(tmp_path, cache=tmp_path)
        assert data.train.timed
        assert data.train.timestamp.tolist() == [second * 10**6]
        assert data.valid_holdout().histories.age_days.tolist() == [1.0]
    write(tmp_path, "train.csv", "user_id,item_id,timestamp", "a,p,2023-11-14T22:13:20Z")
    write(tmp_path, "valid.csv", "user_id,item_id,timestamp", "a,q,2023-11-15 22:13:20")
    data = read_benchmark(tmp_path, cache=tmp_path)
    assert data.train.timestamp.tolist() == [second * 10**6]
    assert data.valid_holdout().histories.age_days.tolist() == [1.0]


def test_positions_order_but_have_no_age(tmp_path: Path) -> None:
    write(tmp_path, "train.csv", "user_id,item_id,timestamp", "a,p,1", "a,o,0", "b,p,7")
    write(tmp_path, "valid.csv", "user_id,item_id,timestamp", "a,q,2", "b,o,5")
    data = read_benchmark(tmp_path, cache=tmp_path)
    assert not data.train.timed
    holdout = data.valid_holdout()
    assert data.train.items.names(holdout.histories.item) == ["o", "p"]  # b's event 7 is later than 5
    assert holdout.history_length.tolist() == [2, 0]
    assert (holdout.histories.age_days == 0).all()
    assert len(holdout.mask_item) == 2


def test_test_products_nobody_mentioned_are_misses(tmp_path: Path) -> None:
    write(tmp_path, "train.csv", "user_id,item_id", "a,p", "b,q")
    write(tmp_path, "valid.csv", "user_id,item_id", "a,q")
    write(tmp_path, "test.csv", "user_id,item_id", "a,new", "b,p", "guest,q")
    before = read_benchmark(tmp_path, cache=tmp_path)
    data = read_benchmark(tmp_path, cache=tmp_path, test=tmp_path / "test.csv")
    assert data.train.items == before.train.items
    holdout = data.test_holdout()
    assert holdout.n_items == 2
    assert holdout.truth_item.tolist() == [2, 0, 1]
    assert holdout.history_length.tolist() == [1, 1, 0]


def test_ratings_below_three_are_not_relevant(tmp_path: Path) -> None:
    write(tmp_path, "train.csv", "user_id,item_id,rating", "a,p,5", "a,q,1")
    write(tmp_path, "valid.csv", "user_id,item_id,rating", "a,r,3", "a,s,2", "b,p,2.5")
    data = read_benchmark(tmp_path, cache=tmp_path)
    assert data.train.weight.tolist() == [1.0, -1.0]
    holdout = data.valid_holdout()
    assert data.train.items.names(holdout.truth_item) == ["r"]
    assert data.train.items.names(holdout.mask_item) == ["p", "q"]
    write(tmp_path, "train.csv", "user_id,item_id,rating", "a,p,10", "a,q,2")  # a scale of ten
    assert read_benchmark(tmp_path, cache=tmp_path).train.weight.tolist() == [1.0, -1.0]


def test_people_become_profiles(tmp_path: Path) -> None:
    write_folder(tmp_path)
    fields = [f"{user},{'fm'[user % 2] if user else ''},{20 + user / 10}" for user in range(60)]
    write(tmp_path, "users.csv", "user_id,gender,age", *fields, "late,f,")
    profiles = read_benchmark(tmp_path, cache=tmp_path).profiles
    assert profiles is not None
    assert profiles.categories == {"gender": ["", "f", "m"]}
    users = read_benchmark(tmp_path, cache=tmp_path).train.users
    gender, age = profiles.categorical["gender"], profiles.numeric["age"]
    assert [gender[users.row(name)] for name in ("0", "1", "2", "late")] == [0, 2, 1, 1]
    assert age[users.row("10")] == pytest.approx(21.0)
    assert np.isnan(age[users.row("late")])


class FakeEncoder:
    """Counts calls; the vector is the length of the text or the size of the photo."""

    calls = 0
    name, version, size = "fake", "1", 2

    def encode(self, inputs: list[object]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        FakeEncoder.calls += 1
        measured = [one.width if isinstance(one, Image.Image) else len(str(one)) for one in inputs]
        return np.array([[value, 1] for value in measured], np.float32)


def test_texts_and_photos_are_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_content, "open_encoder", lambda name, options: FakeEncoder())
    folder = tmp_path / "shop"
    folder.mkdir()
    write(folder, "train.csv", "user_id,item_id", "a,tea", "b,cup")
    write(folder, "valid.csv", "user_id,item_id", "a,cup")
    write(
        folder, "items.csv", "item_id,title,description,image", "cup,Cup,Of clay,cup.png", "tea,Tea,,gone.png", "pot,,,"
    )
    Image.new("L", (7, 5)).save(folder / "cup.png")
    for expected in (2, 2):  # the second reading finds the vectors in the cache
        data = read_benchmark(folder, cache=tmp_path / "cache")
        assert FakeEncoder.calls == expected
        text, image = data.modalities
        row = data.train.items.row
        assert (text.name, image.name) == ("text", "image")
        assert text.values[row("cup")].tolist() == [len("Cup. Of clay"), 1]
        assert text.present.tolist() == [name != "pot" for name in data.train.items.ids]
        assert image.present.tolist() == [name == "cup" for name in data.train.items.ids]
        assert image.values[row("cup"), 0] == 7
    (folder / "cup.png").write_bytes(b"not a picture")
    with pytest.raises(FormatError, match=r"cup\.png is not a readable picture"):
        read_benchmark(folder, cache=tmp_path / "cache")


def test_refused_folders_say_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        read_benchmark(tmp_path / "nowhere", cache=tmp_path)
    with pytest.raises(InputError, match=r"train\.csv is missing; it needs the columns user_id,item_id"):
        read_benchmark(tmp_path, cache=tmp_path)
    write(tmp_path, "train.csv", "user_id,item_id", "a,p")
    with pytest.raises(InputError, match=r"valid\.csv is missing"):
        read_benchmark(tmp_path, cache=tmp_path)
    for lines, message in [
        (["user,item_id", "a,p"], "has no column user_id; it has: user, item_id"),
        (["user_id,item_id", "a,p", ",p"], "line 3: user_id is empty"),
        (["user_id,item_id"], "holds no events"),
        (["user_id,item_id,rating", "a,p,good"], "rating must be a number"),
        (["user_id,item_id", "a,p,too,many"], "cannot be read as CSV"),
    ]:
        write(tmp_path, "valid.csv", *lines)
        with pytest.raises(InputError, match=message):
            read_benchmark(tmp_path, cache=tmp_path)
    write(tmp_path, "train.csv", "user_id,item_id,timestamp", "a,p,yesterday")
    write(tmp_path, "valid.csv", "user_id,item_id,timestamp", "a,p,1")
    with pytest.raises(FormatError, match="numbers or ISO 8601"):
        read_benchmark(tmp_path, cache=tmp_path)


def test_refused_content_says_what_is_wrong(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop")
    np.save(folder / "features" / "audio.npy", np.zeros((3, 2), np.float32))
    with pytest.raises(FormatError, match="different numbers of rows"):
        read_benchmark(folder, cache=tmp_path)
    np.save(folder / "features" / "audio.npy", np.zeros(3, np.float32))
    with pytest.raises(FormatError, match="must hold a matrix"):
        read_benchmark(folder, cache=tmp_path)
    (folder / "features" / "audio.npy").write_bytes(b"text")
    with pytest.raises(FormatError, match="not a NumPy file"):
        read_benchmark(folder, cache=tmp_path)
    (folder / "features" / "audio.npy").unlink()
    table = pl.read_csv(folder / "train.csv").with_columns(pl.lit("p").alias("item_id"))
    table.write_csv(folder / "train.csv")
    with pytest.raises(FormatError, match="whole numbers; 'p' is not"):
        read_benchmark(folder, cache=tmp_path)
    (folder / "items.csv").write_text("title\nTea\n")
    with pytest.raises(FormatError, match="needs a column item_id"):
        read_benchmark(folder, cache=tmp_path)
