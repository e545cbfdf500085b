"""Other words for what a shopper typed: Chinese in English, English in Chinese, other names of the same thing."""

from __future__ import annotations

from collections.abc import Sequence

from shoplens.features.align.lexicon import built_in, plain

SAID_OTHERWISE = 0.9  # weight of a Chinese query's first meaning in English: the same question, as good as typed
SECOND = 0.35  # of its second meanings, and of other names; all of them together count about as much as one word

Weighted = list[tuple[str, float]]


def other_words(text: str, meanings: Sequence[str], *, names: bool = True) -> Weighted:
    """Words to look for beside those of `text`, with weights below 1; those of `text` itself are not among them.

    meanings: a Chinese text in English, in several ways (`Reader.english`); [] for other texts. names: also other names
    of the same thing ("sneakers" for "trainers").
    """
    typed = plain(text).split()
    weights: dict[str, float] = {}
    for word in plain(meanings[0]).split() if meanings else ():
        weights[word] = SAID_OTHERWISE
    more = [word for way in meanings[1:] for word in plain(way).split()]
    for way in (meanings or [text]) if names else ():
        for piece in built_in().pieces(plain(way).split()):
            if not isinstance(piece, str):
                more += [word for name in piece.english for word in plain(name).split()]
                more += piece.chinese if not meanings else ()
    fresh = [word for word in dict.fromkeys(more) if word not in weights and word not in typed]
    weights.update(dict.fromkeys(fresh, SECOND / max(len(fresh), 1) ** 0.5))
    for word in typed:
        weights.pop(word, None)
    return list(weights.items())
