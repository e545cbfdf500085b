"""Intents found in utterances that nobody labelled: clusters of their vectors, named by the words that mark them.

HDBSCAN (Campello et al. 2013) on the principal axes of the vectors, with what it leaves over given to the nearest
cluster where that is near enough. Names are the words with the largest class-based tf-idf (Grootendorst 2022,
arXiv:2203.05794).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.cluster import HDBSCAN, MiniBatchKMeans
from sklearn.decomposition import PCA

from shoplens.apps.assistant.grounding.claims import words_of

AXES = 16
LEAST = 5  # utterances of an intent
MOST = 10_000  # utterances that are clustered; the rest goes to the nearest cluster
NEAR = 0.55  # cosine with a cluster's middle, on the axes, from which on an utterance left over belongs to it
NAMED = 3  # words of a name

Floats = npt.NDArray[np.float32]


def discover(texts: Sequence[str], vectors: Floats, *, seed: int = 0, least: int = LEAST) -> list[str | None]:
    """An intent for each text, None for those that resemble no other. `vectors` [n, size] of unit length."""
    if len(texts) < 2 * least:
        return [None] * len(texts)
    axes = min(AXES, len(texts) - 1, vectors.shape[1])
    placed = PCA(axes, random_state=seed).fit_transform(vectors)
    placed /= np.linalg.norm(placed, axis=1, keepdims=True).clip(1e-6)
    chosen = np.random.default_rng(seed).permutation(len(texts))[:MOST]
    found = HDBSCAN(min_cluster_size=least, min_samples=max(least // 2, 2), copy=True).fit_predict(placed[chosen])
    if found.max() < 1:  # one lump or dust: cut into as many as their number suggests
        wanted = max(2, round((len(chosen) / 10) ** 0.5))
        found = MiniBatchKMeans(wanted, random_state=seed, n_init=3).fit_predict(placed[chosen])
    middles = np.stack([placed[chosen[found == one]].mean(0) for one in range(found.max() + 1)])
    middles /= np.linalg.norm(middles, axis=1, keepdims=True).clip(1e-6)
    nearness = placed @ middles.T
    cluster = np.where(nearness.max(1) >= NEAR, nearness.argmax(1), -1)
    cluster[chosen[found >= 0]] = found[found >= 0]
    names = _names(texts, cluster)
    return [names[one] if one >= 0 else None for one in cluster.tolist()]


def _names(texts: Sequence[str], cluster: npt.NDArray[np.int64]) -> list[str]:
    """A name for each cluster, all different."""
    counts: list[dict[str, int]] = [{} for _ in range(int(cluster.max()) + 1)]
    everywhere: dict[str, int] = {}
    for text, one in zip(texts, cluster.tolist(), strict=True):
        for word in words_of(text):
            if not any(letter.isdigit() for letter in word) and (len(word) > 2 or not word.isascii()):
                everywhere[word] = everywhere.get(word, 0) + 1
                if one >= 0:
                    counts[one][word] = counts[one].get(word, 0) + 1
    usual = sum(everywhere.values()) / max(len(counts), 1)
    names: list[str] = []
    for own in counts:
        total = sum(own.values()) or 1
        weight = {word: n / total * np.log(1 + usual / everywhere[word]) for word, n in own.items()}
        best = [word for word, _ in sorted(weight.items(), key=lambda pair: (-pair[1], pair[0]))[:NAMED]]
        name = "_".join(best) or "intent"
        same = sum(known == name or known.startswith(f"{name}_") for known in names)
        names.append(name if not same else f"{name}_{same + 1}")
    return names
