"""From an event to its outputs: ``emit`` is cheap, the writing is done by a thread.

``emit`` formats the line, appends it to a buffer and counts; 2-3 µs. A thread
writes the buffer a tenth of a second later, errors at once. Floods are cut down by
``limit``, but every event is counted. Nothing here raises towards who emits.

The one sink of the process is set by ``install``; without one, ``emit`` does nothing.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from postroom.telemetry.event import LEVELS, Event, Level
from postroom.telemetry.limit import Limiter
from postroom.telemetry.lines import escaped
from postroom.telemetry.outputs import Output, files

PAUSE: Final = 0.1  # seconds that a line may wait in the buffer
MAX_WAITING: Final = 1 << 20  # octets; beyond this the emitter writes itself


class Emitter(Protocol):
    """What ``install`` takes: a Sink, or a list that remembers, in tests."""

    def emit(self, event: Event) -> None:
        """Take note of an event."""


class Sink:
    """Formats, limits, counts and writes. Thread safe. Closed with ``close``."""

    def __init__(
        self,
        outputs: Sequence[Output],
        *,
        least: Level = "info",
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """``least`` is the lowest level that is written; ``clock`` gives UTC milliseconds."""
        self.counts: dict[str, int] = {}
        """By event; by ``EVENT WORD`` too where one is counted apart (``Event.apart``)."""
        self._outputs = tuple(outputs)
        self._written = frozenset(LEVELS[LEVELS.index(least) :])
        self._clock = clock
        self._limiter = Limiter()
        self._buffers: tuple[list[bytes], ...] = tuple([] for _ in self._outputs)
        self._forms = tuple(
            [
                (output.format, lines.append)
                for output, lines in zip(self._outputs, self._buffers, strict=True)
            ]
        )
        self._waiting = 0
        self._closed = False
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> int:
        """How many writes failed, over all outputs."""
        return sum(output.failed for output in self._outputs)

    def emit(self, event: Event) -> None:
        """Count the event, and write it unless it is one too many."""
        name = event.__struct_config__.tag
        now = self._clock()
        with self._lock:
            self.counts[name] = self.counts.get(name, 0) + 1  # type: ignore[index, arg-type]
            if event.apart:
                word = f"{name} {getattr(event, event.apart)}"
                self.counts[word] = self.counts.get(word, 0) + 1
            for told in self._limiter.turn(now):
                self._append(told, now)
            if event.level not in self._written:
                return
            if event.limited and not self._limiter.allows(event):
                return
            self._append(event, now)
            urgent = event.level == "error" or self._waiting > MAX_WAITING or self._closed
        if urgent:
            self.flush()
        elif not self._wake.is_set():
            self._wake.set()

    def count(self, counts: Mapping[str, int]) -> None:
        """Add events that another process has counted, and written."""
        with self._lock:
            for name, number in counts.items():
                self.counts[name] = self.counts.get(name, 0) + number

    def flush(self) -> None:
        """Write everything that was emitted before this call."""
        with self._writing:
            with self._lock:
                batches = [b"".join(lines) for lines in self._buffers]
                for lines in self._buffers:
                    lines.clear()
                self._waiting = 0
            for output, octets in zip(self._outputs, batches, strict=True):
                if octets:
                    output.write(octets)

    def open(self) -> None:
        """Open what is written to; once its folder may be made, and we are who we stay."""
        with self._writing:
            for output in self._outputs:
                output.open()

    def close(self) -> None:
        """Write what waits and end the thread. Later events are written at once."""
        self._closed = True
        self._stop.set()
        self._wake.set()
        self._thread.join()
        self.flush()
        with self._writing:
            for output in self._outputs:
                output.close()

    def _append(self, event: Event, now: int) -> None:
        octets = 0
        for form, append in self._forms:
            line = form(event, now)
            append(line)
            octets += len(line)
        self._waiting += octets
        if event.limited:
            self._limiter.wrote(octets)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._stop.wait(PAUSE)
            self._wake.clear()
            self.flush()


_emitter: Emitter | None = None
_listener: Callable[[Event], None] | None = None


def install(emitter: Emitter | None) -> Emitter | None:
    """Send every event of this process to ``emitter``; the one before."""
    global _emitter
    before, _emitter = _emitter, emitter
    return before


def installed() -> Emitter | None:
    """Where the events go at present."""
    return _emitter


def emit(event: Event) -> None:
    """Tell a fact. Cheap, and never raises because of where it is written to."""
    if _emitter is not None:
        _emitter.emit(event)
    if _listener is not None:
        _listener(event)


@contextlib.contextmanager
def heard(listener: Callable[[Event], None]) -> Iterator[None]:
    """Let somebody hear each event of this process, quickly and without raising."""
    global _listener  # noqa: PLW0603
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


def read_back(
    path: Path, predicate: Callable[[dict[str, Any]], bool], *, containing: str = ""
) -> Iterator[dict[str, Any]]:
    """The events of a log file and its older ones that ``predicate`` accepts, in order.

    ``containing`` is text that a line must hold: it spares decoding the others. Lines
    that can't be decoded (cut by a power failure) are left out.
    """
    needle = escaped(containing)
    decode = msgspec.json.Decoder().decode
    for file in files(path):
        with contextlib.suppress(FileNotFoundError), file.open("rb") as lines:
            for line in lines:
                if needle not in line:
                    continue
                with contextlib.suppress(msgspec.DecodeError):
                    event = decode(line)
                    if isinstance(event, dict) and predicate(event):
                        yield event
