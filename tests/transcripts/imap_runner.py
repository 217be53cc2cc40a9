r"""Plays a written IMAP dialogue against a door, over one or more connections.

    # a comment
    1C: a NOOP                      connection 1 sends this line
    2S: * 1 EXISTS                  connection 2 receives exactly this line
    1S: * OK [UIDNEXT $next] ..     a word in $ is found out once and the same afterwards;
                                    $_ is anything, ".." at the end is any rest
    1C: a APPEND INBOX <<plain      a literal with letters/plain.eml, sent at once ({n+})
    1C: a APPEND INBOX <plain       the same, sent after the server's "+"; a line may hold several
    1-                              the server closes connection 1

A connection opens when it is first named. Lines of one connection must match in order,
so a response that is not written down fails at the next line that is.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent / "imap"
TRANSCRIPTS: Final = sorted(FOLDER.glob("*.txt"))
PATIENCE: Final = 60  # seconds for a line

_LINE: Final = re.compile(r"([1-9])([CS-])(?:: ?(.*))?")
_VARIABLE: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9]*|_)")
_LETTER: Final = re.compile(r"(?<=[ ~(])(<<?)([a-z0-9-]+)(?=[ )]|$)")


def letter(name: str) -> bytes:
    """A message with CRLF line ends."""
    text = (FOLDER / "letters" / f"{name}.eml").read_bytes()
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def steps(path: Path) -> Iterator[tuple[int, str, str, str]]:
    """(line number, connection, C or S or -, text)."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        assert match, f"{path.name}:{number}: {line!r} is no line of a transcript"
        yield number, match[1], match[2], match[3] or ""


class Player:
    """Plays one transcript."""

    def __init__(self, path: Path, host: str, port: int, *, by_octets: bool) -> None:
        self._path = path
        self._address = host, port
        self._by_octets = by_octets
        self._ends: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        self._values: dict[str, str] = {}

    async def play(self) -> None:
        """Run it to the end, then close every connection."""
        try:
            for number, name, kind, text in steps(self._path):
                where = f"{self._path.name}:{number}"
                if name not in self._ends:
                    self._ends[name] = await asyncio.open_connection(*self._address)
                if kind == "C":
                    await self._say(name, text)
                elif kind == "S":
                    self._compare(where, text, await self._hear(name, where))
                else:
                    assert await self._hear(name, where) == "", f"{where}: still open"
        finally:
            for _, writer in self._ends.values():
                writer.close()

    async def _hear(self, name: str, where: str) -> str:
        try:
            line = await asyncio.wait_for(self._ends[name][0].readline(), PATIENCE)
        except TimeoutError:
            pytest.fail(f"{where}: nothing came")
        return line.decode("utf-8", "surrogateescape").removesuffix("\r\n")

    async def _say(self, name: str, text: str) -> None:
        text = _VARIABLE.sub(lambda match: self._values.get(match[1], match[0]), text)
        said = b""
        at = 0
        for match in _LETTER.finditer(text):
            octets = letter(match[2])
            said += text[at : match.start()].encode("utf-8", "surrogateescape")
            at = match.end()
            if match[1] == "<<":
                said += b"{%d+}\r\n" % len(octets) + octets
                continue
            await self._send(name, said + b"{%d}\r\n" % len(octets))
            answer = await self._hear(name, self._path.name)
            assert answer.startswith("+ "), f"{self._path.name}: {answer!r}, not a continuation"
            said = octets
        await self._send(name, said + text[at:].encode("utf-8", "surrogateescape") + b"\r\n")

    async def _send(self, name: str, octets: bytes) -> None:
        writer = self._ends[name][1]
        if not self._by_octets:
            writer.write(octets)
            await writer.drain()
            return
        for octet in octets:
            writer.write(bytes([octet]))
            await asyncio.sleep(0)
        await writer.drain()

    def _compare(self, where: str, expected: str, said: str) -> None:
        pattern = self._pattern(expected)
        match = re.fullmatch(pattern, said)
        if match is None:
            pytest.fail(f"{where}\n  expected: {expected}\n  said:     {said}", pytrace=False)
        self._values.update(match.groupdict())

    def _pattern(self, expected: str) -> str:
        rest = ""
        if expected.endswith(".."):
            expected, rest = expected[:-2], ".*"
        out: list[str] = []
        at = 0
        known = dict(self._values)
        for match in _VARIABLE.finditer(expected):
            out.append(re.escape(expected[at : match.start()]))
            at = match.end()
            if match[1] == "_":
                out.append(".*?")
            elif match[1] in known:
                out.append(re.escape(known[match[1]]))
            else:
                out.append(f"(?P<{match[1]}>[^ )\\]]+)")
        return "".join(out) + re.escape(expected[at:]) + rest
