"""What is written in photos that somebody searches with, read beside the rest and for a bounded time."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillReading

from PIL import Image

from shoplens.errors import InputError, ShoplensError
from shoplens.service.encoders import modalities_on
from shoplens.service.loose_media import LooseMedia

log = logging.getLogger(__name__)
SECONDS = 4.0  # that an answer waits for the words of a photo: a label takes tenths
OPENING = 15.0  # more for those that come before the reader has read anything: it is opened for them
AT_ONCE = 2  # photos that are read at the same time; more are searched with by their looks alone
MOST = 200  # characters of a photo that are searched for
SIGNS = re.compile(r'["“”„«»「」『』]|(?<!\w)[-−](?=\S)')  # they would ask for phrases, and leave words out


class QueryWriting:
    """Reads photos of questions where `encoders.ocr` is on. Safe to share between threads."""

    def __init__(self, media: LooseMedia, *, seconds: float = SECONDS, opening: float = OPENING) -> None:
        self._media = media
        self._seconds, self._opening = seconds, opening
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="shoplens-writing")
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._broken = False

    def begin(self, photo: Image.Image, name: str) -> Callable[[], str]:
        """Start to read a photo. What is returned waits for its words; "" when there are none, or not in time."""
        if self._broken or "ocr" not in modalities_on(self._media.workspace) or not self._free.acquire(blocking=False):
            return lambda: ""
        until = time.monotonic() + self._seconds + self._opening
        try:
            reading = self._pool.submit(self._media.written, photo, name)
        except RuntimeError:  # the shop is being closed
            self._free.release()
            return lambda: ""
        reading.add_done_callback(self._done)
        return lambda: self._words(reading, until)

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, _: Future[str]) -> None:
        self._opening = 0.0
        self._free.release()

    def _words(self, reading: Future[str], until: float) -> str:
        try:
            found = reading.result(max(0.0, until - time.monotonic()))
        except StillReading:
            return ""
        except (ShoplensError, OSError) as error:  # photos are searched with, whatever becomes of their words
            if not isinstance(error, InputError) and not self._broken:  # the reader's fault, not the photo's
                self._broken = True
                log.warning("words in photos of questions are not read: %s", error)
            return ""
        except Exception:  # networks raise whatever they like; another photo may be read
            log.exception("words in a photo of a question could not be read")
            return ""
        return " ".join(SIGNS.sub(" ", found).split())[:MOST].strip()
