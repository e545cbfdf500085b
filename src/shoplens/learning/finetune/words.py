"""multilingual-e5-small with its last layers free to learn.

The lower layers read each text once, what they say is kept. Two things are learnt at once: that photos lie where words
put them, and that what shoppers type lies near the title it asks for in the encoder's own space, by which titles are
searched. A third term holds vectors where they were, so that what the catalogue does not speak of is not forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.encoders.e5_graph import write_e5
from shoplens.encoders.e5_torch import E5Body, LearntE5, mean_of_tokens, padded, token_batches
from shoplens.encoders.finetuned import write_finetuned
from shoplens.encoders.hub_device import Hardware
from shoplens.encoders.text import FILES, WEIGHTS
from shoplens.features.align.contrastive import contrastive_loss
from shoplens.features.align.facets import Codes
from shoplens.features.align.networks import Floats
from shoplens.learning.finetune.photos import Meeting, cut_up, start_space
from shoplens.learning.finetune.sayings import Sayings

LAYERS = 3  # that learn, of twelve
LONGEST = 48  # tokens of a title that are learnt from
STEP = 8  # lengths are padded to multiples: kernels are made once a shape
SHARPNESS = 20.0  # 1 / temperature between titles and what is typed
TITLES, FAITH = 0.5, 1.0  # weights of the second and third term


class TextTower(nn.Module):
    """`forward` gives what the encoder gives of a text that it reads in one piece."""

    def __init__(self, layers: int = LAYERS) -> None:
        """ModelFileError when the package's file is missing or altered."""
        super().__init__()
        self.e5 = E5Body()
        self.first = self.e5.sizes.layers - layers
        self.upper = nn.ModuleList(self.e5.layer(number) for number in range(self.first, self.e5.sizes.layers))

    def forward(self, states: Tensor, present: Tensor) -> Tensor:
        """States [n, tokens, hidden] → unit vectors [n, hidden]."""
        for layer in self.upper:
            states = layer(states, present)
        return nn.functional.normalize(mean_of_tokens(states.float(), present), dim=1)

    @torch.no_grad()
    def read(self, texts: Sequence[str], prefix: str, tell: Callable[[int, int], None] | None = None) -> Read:
        """What the lower layers say of texts, and what the whole says before it learns."""
        tokens = self.e5.tokens(texts, LONGEST, prefix)
        lower = [self.e5.layer(number).eval() for number in range(self.first)]
        self.eval()
        states: list[npt.NDArray[np.float16]] = [np.zeros((0, 0), np.float16)] * len(texts)
        before = np.empty((len(texts), self.e5.sizes.hidden), np.float32)
        done = 0
        for rows in token_batches([len(ids) for ids in tokens]):
            ids, present = padded([tokens[row] for row in rows])
            values = self.e5.embed(ids)
            for layer in lower:
                values = layer(values, present)
            before[rows] = self(values, present).numpy()
            for place, row in enumerate(rows):
                states[row] = values[place, : len(tokens[row])].numpy().astype(np.float16)
            done += len(rows)
            if tell is not None:
                tell(done, len(texts))
        return Read(states, before)

    def export(self, models: Path, precision: str) -> Path:
        """As an encoder version of its own; returns its folder."""
        self.eval().cpu()
        weights = self.weights()

        def write(folder: Path) -> None:
            write_e5(weights, precision, folder / "model.onnx")
            self.e5.reading(LONGEST).write(folder)

        facts = {"base": "e5-small", "precision": precision, "package": WEIGHTS.version}
        return write_finetuned(models, facts, weights.learnt, WEIGHTS, FILES, write)

    def weights(self) -> LearntE5:
        """All numbers of the network as it is now, by the names of the package's file."""
        return self.e5.with_layers({self.first + place: layer for place, layer in enumerate(self.upper)})  # type: ignore[misc]


class Read:
    """Texts as the lower layers left them, in half precision: 768 bytes a token."""

    def __init__(self, states: list[npt.NDArray[np.float16]], before: Floats) -> None:
        self.states = states
        self.before = before  # [texts, hidden]: vectors of the network as it was

    def take(self, rows: Codes, device: torch.device) -> tuple[Tensor, Tensor]:
        """Some texts: states [n, tokens, hidden] and where there are any."""
        chosen = [self.states[row] for row in rows]
        width = -(-max(len(one) for one in chosen) // STEP) * STEP
        values = np.zeros((len(chosen), width, chosen[0].shape[1]), np.float32)
        present = np.zeros((len(chosen), width), np.bool_)
        for place, one in enumerate(chosen):
            values[place, : len(one)], present[place, : len(one)] = one, True
        return torch.from_numpy(values).to(device), torch.from_numpy(present).to(device)


class TextTask:
    """Texts learn to lie where photos, as frozen encoders saw them, and titles are."""

    def __init__(
        self,
        tower: TextTower,
        sayings: Sayings,
        looks: Floats,
        *,
        hardware: Hardware,
        seed: int,
        tell: Callable[[int, int], None],
    ) -> None:
        """`looks` [products, …]: what encoders said of photos and their colours, which stays."""
        self.network = tower
        self.tower, self.sayings, self.looks, self.hardware = tower, sayings, looks, hardware
        self.titles, self.title = np.unique(_titles(sayings), return_inverse=True)
        self.typed = tower.read(sayings.texts, "query: ", tell)
        self.shown = tower.read([sayings.texts[row] for row in self.titles], "passage: ")
        languages = languages_of(sayings.texts)
        means = LanguageMeans.estimate(self.typed.before, languages)
        self.shift = torch.from_numpy(means.means[languages])  # of each text
        self.projections = Meeting(*start_space(sayings, looks, means.centre(self.typed.before, languages), seed))

    def batches(self, size: int, random: np.random.Generator) -> list[Codes]:
        """See `Task`."""
        return self.sayings.batches(self.looks, size, random)

    def checks(self, size: int) -> list[Codes]:
        """See `Task`."""
        return cut_up(self.sayings.check, size)

    def loss(self, products: Codes, random: np.random.Generator) -> Tensor:
        """See `Task`."""
        device = self.hardware.device
        chosen = self.sayings.of(products, random)
        right = torch.from_numpy(self.sayings.right(chosen, products)).to(device)
        different, back = np.unique(self.sayings.text[chosen], return_inverse=True)
        typed, held = self._vectors(self.typed, different)
        asked = self._centred(typed, different)[torch.from_numpy(back).to(device)]
        photos = torch.from_numpy(self.looks[products]).to(device)
        found = contrastive_loss(self.projections(photos, asked), right)
        titles, kept = self._vectors(self.shown, self.title[products])
        named = self._centred(titles, self.titles[self.title[products]])
        searched = contrastive_loss(asked @ named.T * SHARPNESS, right)
        return found + TITLES * searched + FAITH * (held + kept)

    def _vectors(self, read: Read, rows: Codes) -> tuple[Tensor, Tensor]:
        """Vectors of texts, and how far they have moved on average (1 − cosine)."""
        vectors = self.tower(*read.take(rows, self.hardware.device)).float()
        before = torch.from_numpy(read.before[rows]).to(vectors.device)
        return vectors, 1 - (vectors * before).sum(1).mean()

    def _centred(self, vectors: Tensor, texts: Codes) -> Tensor:
        """Less the mean of their language."""
        return nn.functional.normalize(vectors - self.shift[torch.from_numpy(texts)].to(vectors.device), dim=1)


def _titles(sayings: Sayings) -> Codes:
    """The text that a product is found by when titles are searched: its title, or else what is said of it first; text 0
    for products of which nothing is said. [products]"""
    found = np.zeros(len(sayings.titles), np.int64)
    phrases, named = (np.flatnonzero((sayings.asks < 0).all(1) == wanted) for wanted in (False, True))
    for rows in (phrases[::-1], named[::-1]):  # of several the first stays, and a title rather than a phrase
        found[sayings.owner[rows]] = sayings.text[rows]
    return found
