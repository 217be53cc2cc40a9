"""Our half of a connection to a milter: what is sent at each step, and what may be answered then.

session.offer()                              octets to send; then session.negotiated(packet)
session.command(Stage.MAIL, data, macros)    octets to send, b"" for what it does not want
while session.is_waiting: feed, session.answer()
"""

from collections.abc import Iterable, Mapping
from typing import Final

from postroom.protocol.milter import answers, options
from postroom.protocol.milter.answers import NEEDED, Answer, Word
from postroom.protocol.milter.options import Options, Stage
from postroom.protocol.milter.packets import Malformed, Packets, pack, strings

Macros = Mapping[bytes, bytes]

ABORT: Final = pack(b"A")
"""The message is forgotten, the connection goes on."""
QUIT: Final = pack(b"Q")
"""The connection ends."""
"""The SMTP session ends; on this connection another one begins (since version 6)."""

_ANY_TIME: Final = frozenset(
    {Word.ACCEPT, Word.CONTINUE, Word.DISCARD, Word.REJECT, Word.TEMPFAIL, Word.PROGRESS}
    | {Word.SHUTDOWN, Word.CONNECTION_FAILED}
)


class Session:
    """One connection."""

    def __init__(self) -> None:
        self.options = Options()
        self.is_waiting = False
        """Whether an answer to the last command is due."""
        self._stage: Stage | None = None
        self._packets = Packets()

    def offer(self) -> bytes:
        """The first octets."""
        self.is_waiting = True
        return pack(b"O", options.offer())

    def feed(self, octets: bytes) -> None:
        """What the milter has sent."""
        self._packets.feed(octets)

    def is_agreed(self) -> bool:
        """Whether the milter has answered the offer. Raises Malformed."""
        packet = self._packets.take()
        if packet is None:
            return False
        kind, data = packet
        if kind != b"O":
            raise Malformed(f"it answers the offer with {kind!r}")
        self.options = options.read(data)
        self.is_waiting = False
        return True

    def command(self, stage: Stage, data: bytes, macros: Macros | None = None) -> bytes:
        """The octets of one step. ``data`` is cut where it is longer than the milter takes.

        A step that is not wanted has none, but its macros are told all the same: they hold on.
        Raises Malformed when the milter has spoken before it was asked.
        """
        if len(self._packets):
            raise Malformed("it speaks unasked")
        octets = self._defined(stage, macros or {})
        if not self.options.wants(stage):
            return octets
        self._stage = stage
        self.is_waiting = self.options.answers(stage)
        most = self.options.block
        if len(data) > most:
            data = data[: most - 1] + (b"\0" if data.endswith(b"\0") else data[most - 1 : most])
        return octets + pack(stage.value, data)

    def answer(self) -> Answer | None:
        """The next answer; None until it has come whole. Raises Malformed for what is none now."""
        packet = self._packets.take()
        if packet is None:
            return None
        kind, data = packet
        needed = NEEDED.get(kind)
        if needed is not None:
            if self._stage is not Stage.END or needed not in self.options.actions:
                raise Malformed(f"it changes what it may not ({kind!r})")
            return answers.spaced(answers.read(kind, data), keeps=self.keeps_space)
        said = answers.read(kind, data)
        if said is Word.SKIP:
            if self._stage is not Stage.BODY or not self.options.steps & options.SKIP:
                raise Malformed("it skips what can't be skipped")
        elif isinstance(said, Word) and said not in _ANY_TIME:
            raise Malformed(f"it sent an unknown answer ({kind!r})")
        self.is_waiting = said is Word.PROGRESS
        return said

    @property
    def keeps_space(self) -> bool:
        """Whether values of header fields have the space that stands behind the colon."""
        return bool(self.options.steps & options.LEADING_SPACE)

    def _defined(self, stage: Stage, macros: Macros) -> bytes:
        wanted = self.options.macros.get(stage)
        chosen = [
            one
            for pair in macros.items()
            if pair[1] and (wanted is None or pair[0] in wanted)
            for one in pair
        ]
        return pack(b"D", stage.value + strings(*chosen)) if chosen else b""


def connect(name: str, address: str, port: int) -> bytes:
    """The data of CONNECT; an empty ``address`` is unknown."""
    host = name or (f"[{address}]" if address else "unknown")
    if not address:
        return strings(host.encode()) + b"U"
    family = b"6" if ":" in address else b"4"
    return strings(host.encode()) + family + port.to_bytes(2, "big") + strings(address.encode())


def path(address: str, parameters: Iterable[str] = ()) -> bytes:
    """The data of MAIL and RCPT."""
    return strings(f"<{address}>".encode(), *[one.encode() for one in parameters])


def header(name: bytes, value: bytes, *, keeps_space: bool) -> bytes:
    """The data of HEADER: a value as it stands behind the colon, without its last line end."""
    value = value.replace(b"\r\n", b"\n").rstrip(b"\n").replace(b"\0", b" ")
    if not keeps_space:
        value = value.removeprefix(b" ")
    return strings(name, value)
