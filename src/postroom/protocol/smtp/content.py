r"""The octets of a message, from DATA and from BDAT, in blocks.

Only CR LF . CR LF ends DATA. What looks like an end to others (a dot between bare CRs and
LFs, NULs) is content, and such content is refused after the real end: so nothing that is
sent on can be cut differently by the next server. There is no loop over lines; find,
count and replace do the work.

RFC 5321 §4.1.1.4, §4.5.2 (dots), §2.3.8 (line ends); RFC 3030 §2 (BDAT).
"""

from typing import Final, Literal

Flaw = Literal["nul", "bare-newline"]

_DOT: Final = b"\r\n."
_END: Final = b"\r\n.\r\n"
_STARTS: Final = (_END[:4], _END[:3], _END[:2], _END[:1])


class Flaws:
    """Looks for NUL, and for CR and LF that stand alone. Blocks never cut a CR LF."""

    __slots__ = ("has_bare_newline", "has_nul")

    def __init__(self) -> None:
        self.has_nul = False
        self.has_bare_newline = False

    def look(self, block: bytes) -> None:
        """Look at one more block."""
        if not self.has_bare_newline:
            pairs = block.count(b"\r\n")
            self.has_bare_newline = not block.count(b"\n") == pairs == block.count(b"\r")
        if not self.has_nul:
            self.has_nul = b"\0" in block

    @property
    def worst(self) -> Flaw | None:
        """NUL is worse: no listed network may send it."""
        if self.has_nul:
            return "nul"
        return "bare-newline" if self.has_bare_newline else None


class DotReader:
    """Content of DATA: ``feed`` until ``is_complete``; ``rest`` is what follows the end."""

    __slots__ = ("_flaws", "_held", "_is_first", "is_complete", "rest")

    def __init__(self) -> None:
        self._flaws = Flaws()
        self._held = b"\r\n"  # the end of the DATA line: a first line "." is the end too
        self._is_first = True
        self.is_complete = False
        self.rest = b""

    @property
    def flaw(self) -> Flaw | None:
        """The worst flaw of what was read."""
        return self._flaws.worst

    def feed(self, octets: bytes) -> bytes:
        """The content that is certain by now."""
        block = self._held + octets
        dot = block.find(_DOT)
        end = block.find(_END, dot) if dot >= 0 else -1
        if end >= 0:
            self.is_complete = True
            self.rest = block[end + 5 :]
            self._held = b""
            block = block[: end + 2]
        else:
            self._held = next((start for start in _STARTS if block.endswith(start)), b"")
            if self._held:
                block = block[: -len(self._held)]
        if not block:
            return b""
        self._flaws.look(block)
        content = block if dot == end else block.replace(_DOT, b"\r\n")
        if self._is_first:
            self._is_first = False
            return content[2:]
        return content


class ChunkReader:
    """Content of BDAT: octets as they are; a CR at the end of one waits for the next."""

    __slots__ = ("_flaws", "_held")

    def __init__(self) -> None:
        self._flaws = Flaws()
        self._held = b""

    @property
    def flaw(self) -> Flaw | None:
        """The worst flaw of what was read."""
        return self._flaws.worst

    def feed(self, octets: bytes) -> bytes:
        """The content that is certain by now."""
        block = self._held + octets
        self._held = b"\r" if block.endswith(b"\r") else b""
        if self._held:
            block = block[:-1]
        self._flaws.look(block)
        return block

    def finish(self) -> bytes:
        """What was held back."""
        block, self._held = self._held, b""
        self._flaws.look(block)
        return block
