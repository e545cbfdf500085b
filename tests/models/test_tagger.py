"""The tagger: units of raw texts, blocks, the chain of labels, learning, and what is saved."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.tagging import label_set, labels_of, spans_of
from shoplens.errors import InputError, ModelFileError
from shoplens.models.tagger.blocks import make_blocks
from shoplens.models.tagger.chain import LabelChain
from shoplens.models.tagger.model import Tagger
from shoplens.models.tagger.reading import read_sentences
from shoplens.models.tagger.training import TrainedTagger, entity_f1, speak_of_the_same, train_tagger
from shoplens.models.tagger.units import are_characters, cut_sentences
from shoplens.testing.marked_sentences import QUICK, marked_sentences, tiny_body

BODY = tiny_body()
TOKENS = BODY.reading(64)


@pytest.fixture(scope="module")
def trained() -> TrainedTagger:
    return train_tagger(marked_sentences(), marked_sentences(40, seed=1), QUICK, body=BODY)


@pytest.fixture(scope="module")
def tagger(trained: TrainedTagger, tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    folder = tmp_path_factory.mktemp("tagger")
    trained.save(folder)
    return Tagger.load(folder, threads=1)


def test_it_learns_and_what_is_saved_says_the_same(trained: TrainedTagger, tagger: Tagger) -> None:
    assert max(trained.fitted.qualities) > 0.9
    sentences = marked_sentences(40, seed=1)
    told = tagger.tag_units([one.units for one in sentences], list(range(40)))
    assert entity_f1(sentences, [label for one in told for label in one.labels]) > 0.9
    assert tagger.kinds == ("BRAND", "THING")
    for one in told:
        assert labels_of(spans_of(one.labels), len(one.labels)) == one.labels  # no entity goes on that never began
        assert all(0 <= sure <= 1.001 for sure in one.sure)


def test_entities_stand_where_they_say(tagger: Tagger) -> None:
    texts = ["a new Blue Peak  rain coat, size 42", "", "   ", "Acme lamp\nZeta cup", "x" * 3_000]
    found = tagger.tag_texts(texts)
    assert len(found) == len(texts)
    for text, entities in zip(texts, found, strict=True):
        for one in entities:
            assert text[one.start : one.end] == one.text
    assert ("Blue Peak", "BRAND") in [(one.text, one.kind) for one in found[0]]
    assert found[1] == found[2] == []


def test_characters_are_units_where_data_are(tmp_path: Path) -> None:
    sentences = marked_sentences(120, characters=True)
    quick = QUICK.to_dict() | {"epochs": 4}
    trained = train_tagger(sentences[:100], sentences[100:], type(QUICK)(**quick), body=BODY)
    assert trained.characters
    assert not trained.documents
    assert max(trained.fitted.qualities) > 0.4
    trained.save(tmp_path, precision="fp32")
    (found,) = Tagger.load(tmp_path, threads=1).tag_texts(["new Acme lamp"])
    assert all("new Acme lamp"[one.start : one.end] == one.text for one in found)


def test_too_little_is_refused_and_so_is_a_damaged_folder(tagger: Tagger, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="50 sentences"):
        train_tagger(marked_sentences(20), marked_sentences(5), QUICK, body=BODY)
    (tmp_path / "tagger.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelFileError, match="entities train"):
        Tagger.load(tmp_path)
    with pytest.raises(ModelFileError, match="entities train"):
        Tagger.load(tmp_path / "nowhere")


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10_000))
def test_the_chain_agrees_with_counting_all_sequences(length: int, seed: int) -> None:
    labels = label_set(["A", "B"])
    torch.manual_seed(seed)
    chain = LabelChain(labels)
    torch.nn.init.normal_(chain.steps)
    emissions = torch.randn(1, length, len(labels))
    lengths = torch.tensor([length])
    every = torch.tensor(list(itertools.product(range(len(labels)), repeat=length)))
    many = len(every)
    likely = chain.log_likelihood(emissions.expand(many, -1, -1), every, lengths.expand(many)).detach()
    assert float(torch.logsumexp(likely, 0)) == pytest.approx(0, abs=1e-3)
    assert every[likely.argmax()].tolist() == chain.best(emissions, lengths)[0].tolist()
    marginals = chain.marginals(emissions, lengths)[0]
    for place, code in itertools.product(range(length), range(len(labels))):
        share = float(likely[every[:, place] == code].exp().sum())
        assert float(marginals[place, code]) == pytest.approx(share, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(0, 10_000))
def test_halves_add_up_to_what_steps_do(lengths: list[int], seed: int) -> None:
    """What a GPU does: the same sum and the same slopes."""
    labels = label_set(["A", "B"])
    torch.manual_seed(seed)
    chain = LabelChain(labels)
    torch.nn.init.normal_(chain.steps)
    torch.nn.init.normal_(chain.first)
    emissions = torch.randn(len(lengths), max(lengths), len(labels), requires_grad=True)
    learnt = (emissions, chain.steps, chain.first)
    ways = [way(emissions, torch.tensor(lengths)) for way in (chain.log_partition, chain.log_partition_by_halves)]
    torch.testing.assert_close(ways[1], ways[0], atol=1e-4, rtol=1e-5)
    slopes = [torch.autograd.grad(one.sum(), learnt, allow_unused=True, materialize_grads=True) for one in ways]
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-4)


def test_what_stands_beside_in_a_batch_changes_nothing() -> None:
    chain = LabelChain(label_set(["A"]))
    torch.nn.init.normal_(chain.steps)
    emissions = torch.randn(2, 6, 3)
    alone = chain.best(emissions[:1, :3], torch.tensor([3]))[0]
    assert chain.best(emissions, torch.tensor([3, 6]))[0, :3].tolist() == alone.tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(0, 40), st.integers(8, 30), st.booleans())
def test_blocks_hold_every_unit_once_and_are_not_too_long(
    sizes: list[int], room: int, longest: int, shaken: bool
) -> None:
    texts = [["lamp"] * size for size in sizes]
    read = read_sentences(TOKENS, texts, characters=False)
    random = np.random.default_rng(0) if shaken else None
    documents = [place // 3 for place in range(len(read))]
    blocks = make_blocks(read, documents, marks=(0, 2), room=room, longest=longest, random=random)
    units = np.concatenate([one.unit[one.unit >= 0] for one in blocks])
    assert units.tolist() == list(range(sum(sizes)))
    owner = np.repeat(documents, sizes)
    lamp = TOKENS.ids(["lamp"], "")[0][1]
    for one in blocks:
        assert len(one.ids) <= longest
        assert len(set(owner[one.unit[one.unit >= 0]])) == 1
        assert (one.ids[one.token[one.unit >= 0]] == lamp).all()
        assert (one.ids[one.token[one.unit < 0]] == 2).all()


def test_capitals_are_read_as_names_and_their_shape_is_kept() -> None:
    loud, quiet = read_sentences(TOKENS, [["ACME", "LAMP"], ["Acme", "lamp"]], characters=False)
    assert loud.ids[0] == quiet.ids[0]
    assert loud.shape[0] != quiet.shape[0]


def test_raw_texts_are_cut_as_the_data_are() -> None:
    text = "AT&T's U.S. sales rose 3.5%. O'Neill said: 好的手机! Yes"
    words = [one.units for one in cut_sentences(text, characters=False)]
    assert words[0] == ("AT&T's", "U.S.", "sales", "rose", "3.5", "%", ".")
    assert words[1][:3] == ("O'Neill", "said", ":")
    assert words[1][3:7] == ("好", "的", "手", "机")
    for one in cut_sentences(text, characters=True):
        assert all(text[start] == unit for start, unit in zip(one.starts, one.units, strict=True))
    assert are_characters([list("防尘帽"), list("手机")])
    assert not are_characters([["a", "lamp"]])


def test_documents_are_recognised_by_what_neighbours_name() -> None:
    story = [one for brand in range(60) for one in marked_sentences(6, seed=brand)]
    assert not speak_of_the_same(story)
    from shoplens.domain.tagging import TaggedSentence

    names = [TaggedSentence((f"N{place // 5}", "went"), ("B-P", "O")) for place in range(2_000)]
    assert speak_of_the_same(names)
