"""A small real milter: negotiates, hears the steps, and answers each as it was told to."""

import asyncio
from collections.abc import Sequence

from postroom.protocol.milter.packets import pack, strings

CONTINUE = pack(b"c")
ACCEPT = pack(b"a")
REJECT = pack(b"r")
TEMPFAIL = pack(b"t")
DISCARD = pack(b"d")
SKIP = pack(b"s")
PROGRESS = pack(b"p")
SHUTDOWN = pack(b"4")
ALL_ACTIONS = 0x1FF
SKIPS = 0x400
LEADING = 0x100000


def options(version: int = 6, actions: int = ALL_ACTIONS, steps: int = SKIPS) -> bytes:
    return pack(b"O", b"".join([one.to_bytes(4, "big") for one in (version, actions, steps)]))


def replies(text: str) -> bytes:
    return pack(b"y", strings(text.encode()))


def adds(name: str, value: str) -> bytes:
    return pack(b"h", strings(name.encode(), value.encode()))


def inserts(index: int, name: str, value: str) -> bytes:
    return pack(b"i", index.to_bytes(4, "big") + strings(name.encode(), value.encode()))


def changes(index: int, name: str, value: str) -> bytes:
    return pack(b"m", index.to_bytes(4, "big") + strings(name.encode(), value.encode()))


class Milter:
    """Answers "continue" but where ``answers`` has another answer for a command."""

    silent = ""
    """The commands that it does not answer."""

    def __init__(self, *, agreed: bytes | None = None, **answers: bytes | Sequence[bytes]) -> None:
        """A sequence answers one time after the other; an empty answer hangs up."""
        self.agreed = options() if agreed is None else agreed
        self.answers = answers
        self.heard: list[tuple[str, bytes]] = []
        self.connections = 0
        self.ended = asyncio.Event()

    @property
    def steps(self) -> str:
        """The commands of the last connection, without macros and what is like the one before."""
        found = ""
        for kind, _ in self.heard:
            if kind != "D" and not found.endswith(kind):
                found += kind
        return found

    def of(self, kind: str) -> list[bytes]:
        return [data for one, data in self.heard if one == kind]

    def macros(self, stage: str) -> dict[bytes, bytes]:
        """Those that were defined for a stage, at last."""
        found: dict[bytes, bytes] = {}
        for data in self.of("D"):
            if data[:1] == stage.encode():
                texts = data[1:].split(b"\0")[:-1]
                found = dict(zip(texts[::2], texts[1::2], strict=True))
        return found

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.ended.clear()
        try:
            await self._converse(reader, writer)
        finally:
            self.ended.set()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts: dict[str, int] = {}
        while True:
            size = int.from_bytes(await reader.readexactly(4), "big")
            packet = await reader.readexactly(size)
            kind, data = packet[:1].decode(), packet[1:]
            self.heard.append((kind, data))
            if kind == "Q":
                return
            if kind in "DA" or kind in self.silent:
                continue
            told = self.agreed if kind == "O" else self.answers.get(kind, CONTINUE)
            number = counts[kind] = counts.get(kind, 0) + 1
            answer = told if isinstance(told, bytes) else told[min(number, len(told)) - 1]
            if not answer:
                return
            writer.write(answer)
            await writer.drain()
