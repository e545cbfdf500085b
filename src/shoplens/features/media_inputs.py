"""What the encoders of video and sound read of a product, and what finds the words in its sound."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from shoplens.domain.catalogue import Product
from shoplens.encoders.media import SOUND_RATE, Clip, Sound
from shoplens.encoders.media_opening import MediaOpener
from shoplens.encoders.speech import SpeechRecogniser
from shoplens.errors import InputError
from shoplens.features.found_text import FoundText, Reading
from shoplens.features.inputs import Loaded
from shoplens.features.table import DIGEST_BYTES

MOST_VIDEOS = 3  # of a product; later ones are instructions and reviews more often than views of it
MOST_SOUNDS = 3
VIDEO_PRODUCTS = 1  # products in one piece of work: each brings up to 50 MB of frames
SOUND_PRODUCTS = 2  # likewise, up to 100 MB of samples
SHORTEST_SOUND = 0.05  # seconds; less tells nothing


class VideoInputs:
    """The first `most` videos of a product, as clips without sound."""

    modality = "video"

    def __init__(self, opener: MediaOpener, *, most: int = MOST_VIDEOS) -> None:
        self.opener = opener
        self.most = most

    def digest(self, product: Product) -> bytes | None:
        """Digest of names, sizes and times (of files) or checksums (in archives); a URL stands for its content."""
        return _digest(self.opener, product.videos[: self.most])

    def load(self, product: Product) -> Loaded:
        """The clips that can be used, in order, and why others cannot."""
        clips: list[Clip] = []
        refused: list[str] = []
        for source in product.videos[: self.most]:
            try:
                clips.append(self.opener.clip(source))
            except InputError as error:
                refused.append(str(error))
        return Loaded(clips, [1.0] * len(clips), refused)

    def length(self, product: Product) -> int:
        """Videos."""
        return len(product.videos[: self.most])

    def group(self, product: Product) -> int:  # noqa: ARG002 - pictures have no language
        """None."""
        return 0


class SoundInputs:
    """The first `most` sounds of a product: its recordings, then the sound tracks of its videos."""

    modality = "audio"

    def __init__(self, opener: MediaOpener, *, most: int = MOST_SOUNDS) -> None:
        self.opener = opener
        self.most = most

    def sources(self, product: Product) -> Sequence[str]:
        """Where the sounds are."""
        return (*product.audio, *product.videos)[: self.most]

    def digest(self, product: Product) -> bytes | None:
        """As of videos."""
        return _digest(self.opener, self.sources(product))

    def load(self, product: Product) -> Loaded:
        """The sounds that can be used, float32 at 16 kHz; a video without sound track is passed over in silence."""
        sounds: list[Sound] = []
        refused: list[str] = []
        for source in self.sources(product):
            try:
                sound = self.opener.sound(source)
            except InputError as error:
                refused.append(str(error))
                continue
            if len(sound) >= SHORTEST_SOUND * SOUND_RATE:
                sounds.append(sound)
        return Loaded(sounds, [1.0] * len(sounds), refused)

    def length(self, product: Product) -> int:
        """Sounds."""
        return len(self.sources(product))

    def group(self, product: Product) -> int:  # noqa: ARG002
        """None: what is said is another modality."""
        return 0


class SpeechInputs(SoundInputs):
    """The same sounds, for an encoder that reads what is said in them."""

    modality = "speech"


class SpeechReader:
    """Finds what is said in a product's sounds and videos: a `found_text.Reader`."""

    modality = "speech"

    def __init__(self, recogniser: SpeechRecogniser, opener: MediaOpener, *, most: int = MOST_SOUNDS) -> None:
        self.name = recogniser.name
        self.version = recogniser.version
        self._recogniser = recogniser
        self._inputs = SpeechInputs(opener, most=most)

    def digest(self, product: Product) -> bytes | None:
        """16 bytes that change when the media do; None when there are none."""
        return self._inputs.digest(product)

    def read(self, product: Product) -> Reading:
        """A text for each stretch of speech, with its seconds; `place` counts recordings first, then videos."""
        found: list[FoundText] = []
        refused: list[str] = []
        usable = 0
        for place, source in enumerate(self._inputs.sources(product)):
            try:
                sound = self._inputs.opener.sound(source)
            except InputError as error:
                refused.append(str(error))
                continue
            usable += 1
            found.extend(said_in_sound(self._recogniser, sound, source, place))
        return Reading(found, refused, readable=usable > 0)


def said_in_sound(recogniser: SpeechRecogniser, sound: Sound, source: str, place: int = 0) -> Sequence[FoundText]:
    """A text for each stretch of speech in one sound, with its seconds."""
    heard = recogniser.transcribe(sound)
    return [
        FoundText(
            segment.text,
            source,
            place=place,
            language=heard.language,
            confidence=segment.confidence,
            start=segment.start,
            end=segment.end,
        )
        for segment in heard.segments
    ]


def _digest(opener: MediaOpener, sources: Sequence[str]) -> bytes | None:
    if not sources:
        return None
    stamps = "\n".join(opener.stamp(source) for source in sources)
    return blake2b(stamps.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
