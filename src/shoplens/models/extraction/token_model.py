"""Which tokens begin, end and make up a value of each attribute: linear in what tokens and neighbours look like.

One row of weights a feature ("the word nike", "a capital letter at the first place in category Shoes"), one logistic
output for each attribute and role. Learning leaves features out at random, so that the model does not lean on words
that new titles will not have (Sutton, Sindelar and McCallum 2006: weight undertraining).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from shoplens.errors import BundleError
from shoplens.models.extraction.examples import Example
from shoplens.models.extraction.memory import FIRST, LAST
from shoplens.models.extraction.tokens import Tokens, shape_of

Floats = npt.NDArray[np.float32]

ROLES = 3  # inside, begins, ends
EPOCHS = 12
BATCH = 512  # tokens
LEARNING_RATE = 0.1
KEPT = 0.8  # share of the features that a token keeps while learning
RARE = 2  # a feature that fewer tokens have is not learnt


def token_features(tokens: Tokens, category: str) -> list[list[str]]:
    """What is seen of each token: itself, its shape, ends, neighbours, place; some of it together with the category."""
    words = tokens.words
    shapes = [shape_of(tokens.text[a:b]) for a, b in zip(tokens.starts, tokens.ends, strict=True)]
    count = len(words)
    glued = [
        place > 0 and tokens.starts[place] == tokens.ends[place - 1] for place in range(count)
    ]  # no space before: "3" and "pcs" of "3/pcs"
    features = []
    for place, (word, shape) in enumerate(zip(words, shapes, strict=True)):
        left = words[place - 1] if place else FIRST
        right = words[place + 1] if place + 1 < count else LAST
        farther = words[place - 2] if place > 1 else FIRST
        further = words[place + 2] if place + 2 < count else LAST
        from_start, to_end = min(place, 4), min(count - place, 4)
        features.append(
            [
                f"w={word}",
                f"s={shape}",
                f"p={word[:3]}",
                f"e={word[-3:]}",
                f"l={left}",
                f"r={right}",
                f"ll={farther}",
                f"rr={further}",
                f"lw={left} {word}",
                f"wr={word} {right}",
                f"ls={shapes[place - 1] if place else FIRST}",
                f"rs={shapes[place + 1] if place + 1 < count else LAST}",
                f"at={from_start}",
                f"to={to_end}",
                f"g={glued[place]}{place + 1 < count and glued[place + 1]}",
                f"c={category}",
                f"cw={category} {word}",
                f"cs={category} {shape}",
                f"cat={category} {from_start} {word[:1].isalpha()}",
                f"cto={category} {to_end}",
                f"cl={category} {left}",
                f"cr={category} {right}",
            ]
        )
    return features


class TokenModel:
    """Weights [features + 1, attributes × ROLES]; the last row is added to every token."""

    def __init__(self, attributes: tuple[str, ...], columns: dict[str, int], weights: Floats) -> None:
        self.attributes = attributes
        self.place = {name: number for number, name in enumerate(attributes)}
        self._columns = columns
        self._weights = weights

    @classmethod
    def fit(
        cls,
        examples: Sequence[Example],
        tokens: Sequence[Tokens],
        *,
        seed: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Learn from titles; attributes that a title was not asked for teach nothing."""
        attributes = tuple(sorted({name for example in examples for name in example.values}))
        place = {name: number for number, name in enumerate(attributes)}
        seen = [
            features
            for example, own in zip(examples, tokens, strict=True)
            for features in token_features(own, example.category)
        ]
        counts = Counter(feature for features in seen for feature in features)
        columns = {name: row for row, name in enumerate(sorted(name for name, n in counts.items() if n >= RARE))}
        rows = [[columns[feature] for feature in features if feature in columns] for features in seen]
        targets, asked, owner = _targets(examples, tokens, place)
        weights = _learn(rows, targets, asked, owner, len(columns), seed, progress)
        return cls(attributes, columns, weights)

    def probabilities(self, tokens: Tokens, category: str) -> Floats:
        """Of each token. float32 [n_tokens, attributes, ROLES]"""
        get = self._columns.get
        known = [
            [column for feature in features if (column := get(feature)) is not None]
            for features in token_features(tokens, category)
        ]
        indptr = np.cumsum([0, *map(len, known)])
        columns = np.fromiter((column for row in known for column in row), np.int64, count=indptr[-1])
        shape = (len(tokens), len(self._weights))
        bag = csr_array((np.ones(len(columns), np.float32), columns, indptr), shape=shape)
        logits = bag @ self._weights + self._weights[-1]
        probabilities: Floats = (1 / (1 + np.exp(-logits))).astype(np.float32)
        return probabilities.reshape(len(tokens), len(self.attributes), ROLES)

    def save(self, folder: Path) -> None:
        """Into an existing folder."""
        np.savez(
            folder / "tokens.npz",
            attributes=np.array(self.attributes, np.str_),
            features=np.array(list(self._columns), np.str_),
            weights=self._weights.astype(np.float16),
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        try:
            with np.load(folder / "tokens.npz", allow_pickle=False) as found:
                columns = {name: row for row, name in enumerate(found["features"].tolist())}
                return cls(tuple(found["attributes"].tolist()), columns, found["weights"].astype(np.float32))
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"{folder}: the token model cannot be read ({error}); train again") from error


def _targets(
    examples: Sequence[Example], tokens: Sequence[Tokens], place: dict[str, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Outputs that are true as (token, output) pairs [n, 2]; attributes asked [examples, attributes]; example of each
    token."""
    asked = np.zeros((len(examples), len(place)), np.bool_)
    pairs: list[tuple[int, int]] = []
    owner = np.repeat(np.arange(len(examples)), [len(own) for own in tokens])
    first = 0
    for row, (example, own) in enumerate(zip(examples, tokens, strict=True)):
        for name in example.values:
            output = place[name] * ROLES
            asked[row, place[name]] = True
            for value in example.folded(name):
                start = own.folded.find(value)
                covered = own.covering(start, start + len(value)) if start >= 0 else None
                if covered is not None:
                    low, high = covered
                    pairs += [(first + token, output) for token in range(low, high + 1)]
                    pairs += [(first + low, output + 1), (first + high, output + 2)]
        first += len(own)
    return np.array(sorted(set(pairs)), np.int64).reshape(-1, 2), asked, owner


def _learn(
    rows: Sequence[Sequence[int]],
    targets: npt.NDArray[np.int64],
    asked: npt.NDArray[np.bool_],
    owner: npt.NDArray[np.int64],
    width: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> Floats:
    """Weights [width + 1, attributes × ROLES] by Adagrad (Duchi et al. 2011) on the logistic loss of what was asked."""
    outputs = asked.shape[1] * ROLES
    random = np.random.default_rng(seed)
    weights = np.zeros((width + 1, outputs), np.float32)
    weights[-1] = -3.0  # most tokens are in no value
    squares = np.full_like(weights, 1e-8)
    indptr = np.cumsum([0, *map(len, rows)])
    features = np.fromiter((feature for row in rows for feature in row), np.int64, count=indptr[-1])
    starts = np.searchsorted(targets[:, 0], np.arange(len(rows) + 1))
    counted = np.repeat(asked, ROLES, axis=1)
    for epoch in range(EPOCHS):
        order = random.permutation(len(rows))
        for first in range(0, len(order), BATCH):
            chosen = order[first : first + BATCH]
            bag, used = _bag(chosen, features, indptr, width, random)
            true = np.concatenate([np.arange(starts[token], starts[token + 1]) for token in chosen])
            truth = np.zeros((len(chosen), outputs), np.float32)
            truth[np.repeat(np.arange(len(chosen)), starts[chosen + 1] - starts[chosen]), targets[true, 1]] = 1
            error = (1 / (1 + np.exp(-(bag @ weights[used]))) - truth) * counted[owner[chosen]]
            slope = (bag.T @ error) / len(chosen)
            squares[used] += slope**2
            weights[used] -= LEARNING_RATE * slope / np.sqrt(squares[used])
        if progress is not None:
            progress(epoch + 1, EPOCHS)
    return weights


def _bag(
    chosen: npt.NDArray[np.int64],
    features: npt.NDArray[np.int64],
    indptr: npt.NDArray[np.int64],
    width: int,
    random: np.random.Generator,
) -> tuple[csr_array, npt.NDArray[np.int64]]:
    """Features that each chosen token keeps, as a sparse matrix [chosen, used], and which features are used."""
    counts = indptr[chosen + 1] - indptr[chosen]
    owner = np.repeat(np.arange(len(chosen)), counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(indptr[chosen], counts)
    keep = random.random(len(place)) < KEPT
    owner = np.concatenate([owner[keep], np.arange(len(chosen))])
    used, column = np.unique(np.concatenate([features[place[keep]], np.full(len(chosen), width)]), return_inverse=True)
    value = np.where(np.arange(len(owner)) < len(owner) - len(chosen), np.float32(1 / KEPT), np.float32(1))
    return csr_array((value, (owner, column)), shape=(len(chosen), len(used))), used
