r"""Plays a written dialogue of one connection: SMTP, LMTP, POP3.

    # a comment; the RFC it shows
    ! auth=tls trusted          what the listener is like; words and word=value
    S: 250 2.1.0 Sender OK      the server says exactly this line
    S: 250 2.0.0 Accepted..     ".." at the end is any rest
    C: NOOP                     the client sends this line; lines in a row go out together
    C| DATA\r\nhi\n.\n          the client sends these octets, escapes as in Python
    TLS                         the handshake happens
    END                         the server closes

All that is said must be written down, in order. A mismatch shows a diff.
"""

import codecs
import dataclasses
import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol

Kind = Literal["client", "server", "tls", "end"]


@dataclasses.dataclass
class Turn:
    """What one side does before the other goes on."""

    kind: Kind
    octets: bytes = b""
    lines: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Script:
    """A whole dialogue."""

    settings: dict[str, str]
    turns: list[Turn]


class Player(Protocol):
    """The other end of the dialogue: a core, or a socket."""

    async def send(self, octets: bytes) -> None:
        """The client sends."""
        ...

    async def lines(self, count: int) -> list[str]:
        """The next lines of the server: all there are, if that is known, else ``count``."""
        ...

    async def start_tls(self) -> None:
        """The handshake."""
        ...

    async def rest(self) -> str:
        """All that is said until the server closes; fails when it does not."""
        ...


def load(path: Path) -> Script:
    """Read a transcript."""
    script = Script({}, [])
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("! "):
            for word in line[2:].split():
                name, _, value = word.partition("=")
                script.settings[name] = value
            continue
        _add(script, line, f"{path.name}:{number}")
    return script


def _add(script: Script, line: str, place: str) -> None:
    kind, text = line[:2], line[3:]
    if line in {"TLS", "END"}:
        script.turns.append(Turn("tls" if line == "TLS" else "end"))
    elif kind in {"C:", "C|"}:
        turn = _last(script, "client")
        turn.octets += f"{text}\r\n".encode() if kind == "C:" else _unescaped(text)
    elif kind == "S:":
        _last(script, "server").lines.append(text)
    else:
        raise AssertionError(f"{place}: {line!r} is no line of a transcript")


def _unescaped(text: str) -> bytes:
    return codecs.escape_decode(text.encode())[0]


def _last(script: Script, kind: Kind) -> Turn:
    if not script.turns or script.turns[-1].kind != kind:
        script.turns.append(Turn(kind))
    return script.turns[-1]


async def play(script: Script, player: Player) -> None:
    """Play it to its end; AssertionError with a diff where the server says something else."""
    for turn in script.turns:
        match turn.kind:
            case "client":
                await player.send(turn.octets)
            case "server":
                compare(await player.lines(len(turn.lines)), turn.lines)
            case "tls":
                await player.start_tls()
            case "end":
                compare((await player.rest()).splitlines(), [])


def compare(said: Iterable[str], written: list[str]) -> None:
    """Fail with a diff."""
    said = list(said)
    if len(said) == len(written) and all(map(_fits, said, written)):
        return
    diff = difflib.unified_diff(written, said, "written", "said", lineterm="")
    raise AssertionError("\n".join(["the server said something else", *diff]))


def _fits(said: str, written: str) -> bool:
    if written.endswith(".."):
        return said.startswith(written.removesuffix(".."))
    return said == written
