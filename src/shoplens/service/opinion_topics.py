"""Topics of a workspace that nobody named: found in its posts, kept, and taken into the settings.

opinions/topics.json      what was found last: names, words, middles, and the numbers of posts that show each topic (the
                          posts themselves stay in the store, so that nobody's words outlive them here)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import orjson

from shoplens.apps.opinions.discovery import discover
from shoplens.apps.opinions.surges import DAY
from shoplens.apps.opinions.topic_names import TOPICS
from shoplens.apps.opinions.vectors import Vectors
from shoplens.domain.opinions import LONGEST
from shoplens.errors import ConfigurationError, InputError, ModelFileError, NotFoundError
from shoplens.files import replaced
from shoplens.service.opinion_readers import TOPIC_MODEL, UNLEARNT
from shoplens.service.text_models import TextModels
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

MOST_POSTS = 5_000  # latest ones that topics are looked for in: more cost minutes and change little
BATCH = 256
SHOWN = 200  # characters of a post that shows a topic

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class KeptTopic:
    """A topic as it is kept."""

    name: str
    words: dict[str, list[str]]  # language → words that mark it
    posts: int
    typical: list[int]  # numbers of posts
    middle: list[float] = field(repr=False)
    adopted: str | None = None  # as what it was adopted

    @property
    def phrases(self) -> list[str]:
        """What posts are compared with once it is adopted: its words, a phrase for each language."""
        return [", ".join(words) for words in self.words.values() if words]


@dataclass(frozen=True, slots=True)
class KeptTopics:
    """What was found at one time."""

    found: int  # microseconds of the clock; 0: never
    posts: int  # that were looked at
    silhouette: float  # how well topics are told apart, -1 to 1
    encoder: str
    topics: list[KeptTopic]


NOTHING = KeptTopics(0, 0, 0.0, "", [])


class OpinionTopics:
    """Finds, lists and adopts topics. `vectors` opens the encoder; `changed` is called when settings were."""

    def __init__(
        self, workspace: Workspace, store: Store, vectors: Callable[[], Vectors | None], changed: Callable[[], None]
    ) -> None:
        self._workspace, self._store = workspace, store
        self._vectors, self._changed = vectors, changed
        self._file = workspace.root / "opinions" / "topics.json"

    def discover(
        self, *, days: float | None = None, most: int = 60, seed: int = 0, progress: Progress | None = None
    ) -> KeptTopics:
        """Find topics in the latest posts (of the last `days` before the newest), at most `most`; those found before
        keep their names. InputError for too few posts, ConfigurationError without vectors that know meanings."""
        vectors = self._vectors()
        if vectors is None or vectors.name == UNLEARNT:
            raise ConfigurationError(
                "topics are found by meaning; write vectors = true under [opinions] and an encoder such as e5-small "
                "under [encoders]"
            )
        opinions = self._store.opinions
        since = 0 if days is None else int(opinions.newest() - days * DAY)
        posts = opinions.posts(since=since, limit=MOST_POSTS)
        texts = [one.text[:LONGEST] for one in posts]
        made = [np.zeros((0, vectors.size), np.float32)]
        for start in range(0, len(texts), BATCH):
            made.append(vectors.centred(texts[start : start + BATCH]))
            if progress is not None:
                progress("read posts", min(start + BATCH, len(texts)), len(texts))
        before, encoder = self.found(), f"{vectors.name}/{vectors.version}"
        adopted = {one.name: one.adopted for one in before.topics}
        known = [(one.name, np.array(one.middle, np.float32)) for one in before.topics if before.encoder == encoder]
        found = discover(texts, np.concatenate(made), before=known, most=most, seed=seed)
        kept = [
            KeptTopic(
                name=one.name,
                words={language: list(words) for language, words in one.words.items()},
                posts=one.posts,
                typical=[posts[row].sequence for row in one.typical],
                middle=np.round(one.middle, 6).tolist(),
                adopted=adopted.get(one.name),
            )
            for one in found.topics
        ]
        now = KeptTopics(int(time.time() * 1e6), len(posts), round(found.silhouette, 4), encoder, kept)
        self._keep(now)
        return now

    def found(self) -> KeptTopics:
        """What was found last; nothing before the first time."""
        try:
            told: dict[str, Any] = orjson.loads(self._file.read_bytes())
            return KeptTopics(**{**told, "topics": [KeptTopic(**one) for one in told["topics"]]})
        except FileNotFoundError:
            return NOTHING
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ModelFileError(f"{self._file} is damaged ({error}); delete it and discover topics again") from error

    def examples(self, topic: KeptTopic) -> list[str]:
        """Posts that show a topic, shortened; those that were forgotten are gone."""
        posts = self._store.opinions.by_number(topic.typical)
        return [" ".join(posts[number].text.split())[:SHOWN] for number in topic.typical if number in posts]

    def adopted(self, topic: KeptTopic) -> str | None:
        """The name in `opinions.topics` that a topic was adopted as; None when it was not, or was taken out again."""
        return topic.adopted if topic.adopted in self._workspace.settings.opinions.topics else None

    def adopt(self, names: Sequence[str], *, rename: str | None = None, only: bool = False) -> list[str]:
        """Write found topics into `opinions.topics`: posts are sorted into them from then on, by their words. Returns
        all topics that the settings name then.

        `rename` calls one (or several, that become one) as the shop does. Where the settings named none, the built-in
        topics are written beside them, unless `only`. NotFoundError for a topic that was not found, InputError when a
        trained model tells topics, so that names would change nothing.
        """
        if TOPIC_MODEL in TextModels.of(self._workspace.root).names():
            raise InputError(
                f"topics are told by a model trained on labels ({TOPIC_MODEL}); names change nothing there"
            )
        found = self.found()
        known = {one.name: one for one in found.topics}
        for name in names:
            if name not in known:
                raise NotFoundError(f"no topic {name!r} was found; there are: {', '.join(known) or 'none yet'}")
        now = dict(self._workspace.settings.opinions.topics)
        chosen = now if now or only else {name: list(phrases) for name, phrases in TOPICS.items()}
        for name in names:
            phrases = known[name].phrases or [name.replace("_", " ")]
            own = chosen.setdefault(rename or name, [])
            own += [one for one in phrases if one not in own]
        self._workspace.merge({"opinions": {"topics": chosen}})
        topics = [replace(one, adopted=rename or one.name) if one.name in names else one for one in found.topics]
        self._keep(replace(found, topics=topics))
        self._changed()
        return list(chosen)

    def _keep(self, topics: KeptTopics) -> None:
        with replaced(self._file) as stream:
            stream.write(orjson.dumps(asdict(topics)))
