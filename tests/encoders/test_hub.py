"""Hub models as encoders, on checkpoints of a few thousand random weights that the tests save themselves."""

from __future__ import annotations

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.encoders import tiny_checkpoints as tiny
from tests.encoders.tiny_checkpoints import HALVES, save_all

from shoplens.encoders import hub
from shoplens.encoders.base import Encoder, EncoderOptions, TextEncoder, Vectors, open_encoder, shared_space
from shoplens.encoders.hub_device import Hardware, choose_hardware
from shoplens.encoders.hub_vision_language import INSTRUCTIONS
from shoplens.errors import ConfigurationError, MissingExtraError, ModelFileError
from shoplens.testing.encoders import TEXTS, check_encoder, sample_photos


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_all(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def opened(folder: Path, cache: Path, modality: str | None = None, precision: str = "fp32") -> Encoder:
    return open_encoder(f"hub:{folder}", EncoderOptions(cache, precision=precision, modality=modality, device="cpu"))


@pytest.mark.parametrize(("name", "half", "size"), HALVES)
def test_every_family_keeps_the_contract(name: str, half: str, size: int, saved: Path, cache: Path) -> None:
    encoder = opened(saved / name, cache, half)
    assert (encoder.name, encoder.modality, encoder.size) == (f"hub-{name}", half, size)
    assert isinstance(encoder, TextEncoder) == (half == "text")
    check_encoder(lambda: opened(saved / name, cache, half))


@pytest.mark.parametrize("name", ["clip", "siglip", "siglip2", "chinese-clip", "sentence-clip", "qwen3-vl"])
def test_both_halves_of_a_checkpoint_are_one_space(name: str, saved: Path, cache: Path) -> None:
    text, image = opened(saved / name, cache, "text"), opened(saved / name, cache, "image")
    assert shared_space(text) == shared_space(image) is not None
    assert text.size == image.size
    assert text.version == image.version


def test_halves_of_different_checkpoints_are_not(saved: Path, cache: Path, tmp_path: Path) -> None:
    tiny.save_clip(tmp_path / "clip", seed=1)
    other = opened(tmp_path / "clip", cache)
    assert shared_space(other) != shared_space(opened(saved / "clip", cache))
    assert shared_space(opened(saved / "bert", cache)) is None


def test_vectors_are_those_of_the_library_itself(saved: Path, cache: Path) -> None:
    from transformers import AutoModel, AutoTokenizer, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    texts = ["red shoe", "blue coat with a hood"]
    photos = sample_photos()[:2]
    clip, tokenizer = CLIPModel.from_pretrained(saved / "clip"), AutoTokenizer.from_pretrained(saved / "clip")
    prepared = CLIPImageProcessorPil.from_pretrained(saved / "clip")(photos, return_tensors="pt")
    with torch.inference_mode():
        words = clip.get_text_features(**tokenizer(texts, padding=True, return_tensors="pt")).pooler_output
        seen = clip.get_image_features(**prepared).pooler_output
        bert = AutoModel.from_pretrained(saved / "bert").eval()
        each = [bert(**tokenizer(one, return_tensors="pt")).last_hidden_state.mean(1)[0] for one in texts]
    assert np.allclose(opened(saved / "clip", cache, "text").encode(texts), _unit(words), atol=1e-5)
    assert np.allclose(opened(saved / "clip", cache, "image").encode(photos), _unit(seen), atol=1e-5)
    assert np.allclose(opened(saved / "bert", cache).encode(texts), _unit(torch.stack(each)), atol=1e-5)


def test_siglip_reads_texts_padded_to_its_full_length(saved: Path, cache: Path) -> None:
    from transformers import AutoTokenizer, SiglipModel

    model, tokenizer = SiglipModel.from_pretrained(saved / "siglip"), AutoTokenizer.from_pretrained(saved / "siglip")
    ids = tokenizer(["red shoe"], padding="max_length", max_length=16, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected = _unit(model.get_text_features(input_ids=ids).pooler_output)
    assert np.allclose(opened(saved / "siglip", cache, "text").encode(["red shoe"]), expected, atol=1e-5)


def _unit(values: torch.Tensor) -> Vectors:
    result: Vectors = torch.nn.functional.normalize(values, dim=-1).detach().numpy()
    return result


def test_sentence_transformers_pool_project_and_prompt_as_they_say(saved: Path, cache: Path) -> None:
    from sentence_transformers import SentenceTransformer

    encoder = opened(saved / "sentence", cache)
    assert isinstance(encoder, TextEncoder)
    peer = SentenceTransformer(str(saved / "sentence"), device="cpu")
    expected = peer.encode(["red shoe"], prompt_name="passage")
    assert np.allclose(encoder.encode(["red shoe"]), expected, atol=1e-5)
    expected = peer.encode(["red shoe"], prompt_name="query")
    assert np.allclose(encoder.encode_queries(["red shoe"]), expected, atol=1e-5)
    assert not np.allclose(encoder.encode(["red shoe"]), encoder.encode_queries(["red shoe"]), atol=1e-5)


def test_bfloat16_stays_close(saved: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    for name in ("bert", "sentence", "clip"):
        exact, fast = opened(saved / name, cache), opened(saved / name, cache, precision="int8")
        assert fast.version.endswith("bf16")
        assert exact.version.endswith("fp32")
        assert (exact.encode(TEXTS) * fast.encode(TEXTS)).sum(axis=1).min() > 0.99
    eyes = [opened(saved / "clip", cache, "image", precision) for precision in ("fp32", "int8")]
    assert (eyes[0].encode(sample_photos()) * eyes[1].encode(sample_photos())).sum(axis=1).min() > 0.99
    check_encoder(lambda: opened(saved / "bert", cache, precision="int8"), tolerance=0.02)


def test_the_precision_is_what_the_chip_is_good_at(monkeypatch: pytest.MonkeyPatch) -> None:
    for chip, expected in (({"amx_bf16": True}, "bf16"), ({"avx512_bf16": True}, "bf16"), ({}, "fp32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda chip=chip: chip)
        assert choose_hardware("cpu", "int8").precision == expected
        assert choose_hardware("cpu", "fp32").precision == "fp32"
    for device in ("tpu9", "cuda:99"):
        with pytest.raises(ConfigurationError, match="auto"):
            choose_hardware(device, "fp32")


def test_both_halves_share_one_copy_in_memory(saved: Path, cache: Path) -> None:
    text, image = opened(saved / "clip", cache, "text"), opened(saved / "clip", cache, "image")
    assert isinstance(text, hub.HubTextEncoder)
    assert isinstance(image, hub.HubImageEncoder)
    assert text._network.get() is image._network.get()


def test_several_threads_get_the_vectors_of_one(saved: Path, cache: Path) -> None:
    encoder = opened(saved / "clip", cache, "image")
    photos = sample_photos()
    expected = encoder.encode(photos)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(encoder.encode, [photos] * 8):
            assert np.allclose(vectors, expected, atol=1e-6)


def test_naming_a_model_loads_no_network(saved: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(saved / "bert", cache).size  # noqa: B018 - asked for once, then remembered
    monkeypatch.setattr("shoplens.encoders.hub_families.load_model", lambda *_: pytest.fail("it was loaded"))
    again = opened(saved / "bert", cache)
    assert again.size == 16
    assert again.encode([]).shape == (0, 16)


def test_a_changed_model_has_another_version(tmp_path: Path, saved: Path) -> None:
    shutil.copytree(saved / "bert", tmp_path / "copy")
    copy = opened(tmp_path / "copy", tmp_path / "cache")
    assert copy.version == opened(saved / "bert", tmp_path / "cache").version
    tiny.save_bert(tmp_path / "copy", seed=5)
    assert opened(tmp_path / "copy", tmp_path / "cache").version != copy.version


def test_the_digest_is_remembered_until_a_file_changes(
    tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = opened(saved / "bert", tmp_path).version
    monkeypatch.setattr("shoplens.encoders.hub_checkpoint.sha256_of", lambda _: pytest.fail("it was read again"))
    assert opened(saved / "bert", tmp_path).version == version
    for file in (tmp_path / "hub").glob("*-digest.json"):
        file.write_text("damaged", encoding="utf-8")
    monkeypatch.undo()
    assert opened(saved / "bert", tmp_path).version == version


@pytest.mark.parametrize(("name", "half", "reads"), [("bert", "image", "text"), ("dino", "text", "image")])
def test_a_half_that_is_not_there(name: str, half: str, reads: str, saved: Path, cache: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"reads {reads}, not {half}"):
        opened(saved / name, cache, half)


def test_half_of_a_clip_is_sent_back_for_the_whole(tmp_path: Path, cache: Path) -> None:
    tiny.save_half_of_a_clip(tmp_path / "half")
    with pytest.raises(ConfigurationError, match="take the whole one"):
        opened(tmp_path / "half", cache).encode(["x"])


def test_a_causal_model_gives_its_last_state(saved: Path, cache: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(saved / "causal"), AutoTokenizer.from_pretrained(saved / "causal")
    with torch.inference_mode():
        states = model(**tokenizer(["red shoe"], return_tensors="pt")).last_hidden_state
    vectors = opened(saved / "causal", cache).encode(["red shoe", "a much longer text beside it"])
    assert np.allclose(vectors[:1], _unit(states[:, -1]), atol=1e-5)


def test_pickled_weights_are_refused(tmp_path: Path, cache: Path) -> None:
    tiny.save_bert(tmp_path / "bert")
    torch.save({}, tmp_path / "bert" / "pytorch_model.bin")
    assert opened(tmp_path / "bert", cache).encode(["safe weights are taken"]).shape == (1, 16)
    (tmp_path / "bert" / "model.safetensors").unlink()
    with pytest.raises(ModelFileError, match="may run code"):
        opened(tmp_path / "bert", cache)
    (tmp_path / "bert" / "pytorch_model.bin").unlink()
    with pytest.raises(ModelFileError, match="not a complete checkpoint"):
        opened(tmp_path / "bert", cache)


def test_code_of_a_checkpoint_is_never_run(tmp_path: Path, saved: Path, cache: Path) -> None:
    shutil.copytree(saved / "sentence", tmp_path / "sentence")
    modules = json.loads((tmp_path / "sentence" / "modules.json").read_text(encoding="utf-8"))
    modules[1]["type"] = "evil.Pooling"
    (tmp_path / "sentence" / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"own code \(evil\.Pooling\)"):
        opened(tmp_path / "sentence", cache)
    ran = tmp_path / "ran"
    tiny.save_bert(tmp_path / "own")
    (tmp_path / "own" / "modeling_own.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: ...", encoding="utf-8")
    tiny.write_json(tmp_path / "own" / "config.json", model_type="own", auto_map={"AutoModel": "modeling_own.Own"})
    with pytest.raises(ModelFileError, match="could not be opened"):
        opened(tmp_path / "own", cache).encode(["x"])
    assert not ran.exists()


def test_damaged_and_incomplete_checkpoints_are_named(tmp_path: Path, saved: Path, cache: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(saved / "bert", tmp_path / "short")
    weights = load_file(tmp_path / "short" / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer.1.output" not in name}
    save_file(kept, tmp_path / "short" / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelFileError, match="lacks weights"):
        opened(tmp_path / "short", cache).encode(["x"])
    (tmp_path / "short" / "model.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00nonsense")
    with pytest.raises(ModelFileError, match="could not be opened"):
        opened(tmp_path / "short", cache).encode(["x"])
    (tmp_path / "short" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelFileError, match="damaged"):
        opened(tmp_path / "short", cache).encode(["x"])


def test_a_folder_that_is_not_there(cache: Path) -> None:
    for name in ("/nowhere/clip", "./clip", "clip"):
        with pytest.raises(ConfigurationError, match="there is no model folder"):
            open_encoder(f"hub:{name}", EncoderOptions(cache))


def test_without_a_connection_the_way_out_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked: list[dict[str, Any]] = []

    def nobody(model: str, **wanted: Any) -> str:
        asked.append({"model": model, **wanted})
        raise LocalEntryNotFoundError("no route to the hub")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", nobody)
    with pytest.raises(ModelFileError, match=r"no route to the hub.*hf download owner/model --local-dir"):
        open_encoder("hub:owner/model@v2", EncoderOptions(cache))
    assert [one.get("local_files_only", False) for one in asked] == [True, False]
    assert {one["revision"] for one in asked} == {"v2"}
    assert not any("bin" in pattern for one in asked for pattern in one["allow_patterns"])


def test_a_downloaded_model_needs_no_connection(saved: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def kept(model: str, *, local_files_only: bool = False, **_: Any) -> str:
        assert local_files_only
        return str(saved / "bert")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", kept)
    encoder = open_encoder("hub:BAAI/bert", EncoderOptions(cache, precision="fp32"))
    assert encoder.name == "hub-bert"
    assert encoder.encode(["x"]).shape == (1, 16)


def test_without_the_extra_it_is_named(cache: Path, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"shoplens\[hub\]"):
        opened(saved / "bert", cache)


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen3-vl"])
def test_a_language_model_is_asked_in_a_turn_and_gives_its_last_state(name: str, saved: Path, cache: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(saved / name).eval()
    tokenizer = AutoTokenizer.from_pretrained(saved / name)
    system, tail = INSTRUCTIONS["qwen3_vl" if name == "qwen3-vl" else "qwen2"][1:]
    turn = (
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\nred shoe<|im_end|>\n<|im_start|>assistant\n{tail}"
    )
    with torch.inference_mode():
        states = model(**tokenizer(turn, add_special_tokens=False, return_tensors="pt")).last_hidden_state
    encoder = opened(saved / name, cache, "text")
    assert isinstance(encoder, TextEncoder)
    assert np.allclose(encoder.encode_queries(["red shoe"]), _unit(states[:, -1]), atol=1e-5)
    same_end = encoder.encode(["word " * 2_000, "word " * 3_000])
    assert np.allclose(same_end[0], same_end[1], atol=1e-5)
    assert np.isfinite(encoder.encode(["a photo? <|image_pad|> <|im_end|>"])).all()


def test_photos_of_a_language_model_are_bounded(saved: Path, cache: Path) -> None:
    encoder = opened(saved / "qwen3-vl", cache, "image")
    vectors = encoder.encode([Image.new("RGB", size) for size in ((3_000, 2), (2_500, 2_000), (1, 900))])
    assert vectors.shape == (3, 16)


def test_open_clip_says_what_it_needs(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _save_open_clip(tmp_path / "vit")
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ConfigurationError, match="pip install open-clip-torch torchvision"):
        opened(tmp_path / "vit", cache).encode(["x"])


class FakeClip(torch.nn.Module):
    """What `open_clip` gives: two towers."""

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens.float()[:, :4] + 1

    def encode_image(self, photos: torch.Tensor) -> torch.Tensor:
        return photos.mean((2, 3)) + 1


def test_open_clip_where_it_is_installed(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(photo: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.asarray(photo.resize((4, 4)), np.float32).transpose(2, 0, 1).copy())

    def tokenize(texts: list[str]) -> torch.Tensor:
        return torch.tensor([[*text.encode()[:8], *[0] * 8][:8] for text in texts])

    asked: list[str] = []

    def create(source: str) -> tuple[FakeClip, object, object]:
        asked.append(source)
        return FakeClip(), None, prepare

    def get_tokenizer(source: str) -> object:
        asked.append(source)
        return tokenize

    installed = ModuleType("open_clip")
    installed.__dict__.update(create_model_and_transforms=create, get_tokenizer=get_tokenizer)
    monkeypatch.setitem(sys.modules, "open_clip", installed)
    _save_open_clip(tmp_path / "vit")
    text, image = opened(tmp_path / "vit", cache, "text"), opened(tmp_path / "vit", cache, "image")
    assert (text.size, image.size) == (4, 3)
    assert shared_space(text) == shared_space(image) is not None
    check_encoder(lambda: opened(tmp_path / "vit", cache, "text"))
    check_encoder(lambda: opened(tmp_path / "vit", cache, "image"))
    assert set(asked) == {f"local-dir:{tmp_path / 'vit'}"}


def _save_open_clip(folder: Path) -> None:
    folder.mkdir()
    (folder / "open_clip_config.json").write_text('{"model_cfg": {}}', encoding="utf-8")
    (folder / "open_clip_model.safetensors").write_bytes(b"weights")


def test_photos_of_any_mode(saved: Path, cache: Path) -> None:
    photo = sample_photos()[0]
    encoder = opened(saved / "clip", cache, "image")
    modes = [photo, photo.convert("RGBA"), photo.convert("L"), Image.new("P", (9, 300))]
    assert np.allclose(encoder.encode(modes)[0], encoder.encode(modes)[1], atol=1e-5)


def test_fp32_is_fp32_on_a_gpu_too() -> None:
    """CUDA's convolutions cut numbers to ten bits by themselves; both devices say fp32 in the version of a table."""
    backend: Any = torch.backends.cudnn
    before = backend.conv.fp32_precision
    for dtype, expected in ((torch.float32, "ieee"), (torch.bfloat16, before)):
        with Hardware(torch.device("cuda"), dtype).alone():
            assert backend.conv.fp32_precision == expected
        assert backend.conv.fp32_precision == before
