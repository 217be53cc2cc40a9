"""The client side of POP3: the content of a message as it comes, in blocks of any cut.

A line that begins with a dot loses it, and a dot alone ends the content (RFC 1939 §3). Lines
of any length are taken without being held.
"""

from typing import Final

_MOST_HELD: Final = 64 * 1024  # octets of a line that are looked at together


class Content:
    """Feed what comes after ``+OK``; ``is_done`` once all has come, ``rest`` is what follows."""

    def __init__(self) -> None:
        self._held = b""
        self._is_inside = False  # of a line that was too long to be held
        self.is_done = False
        self.rest = b""

    def feed(self, block: bytes) -> bytes:
        """Octets of the message."""
        data = self._held + block
        out: list[bytes] = []
        at = 0
        while (end := data.find(b"\n", at)) >= 0:
            line, at = data[at : end + 1], end + 1
            if not self._is_inside and line.startswith(b"."):
                if line in {b".\r\n", b".\n"}:
                    self.is_done, self.rest, self._held = True, data[at:], b""
                    return b"".join(out)
                line = line[1:]
            out.append(line)
            self._is_inside = False
        self._held = data[at:]
        if len(self._held) > _MOST_HELD:
            begin = int(not self._is_inside and self._held.startswith(b"."))
            out.append(self._held[begin:-1])
            self._held, self._is_inside = self._held[-1:], True
        return b"".join(out)
