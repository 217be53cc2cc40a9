"""Line ends of what a person hands in: a bare CR or LF becomes CRLF, by blocks.

So does CR CR LF, a CRLF that was made into CRLF again: as two line ends it would end the
header block. RFC 5321 §2.3.8 asks for CRLF; what is stored always has it.
"""

import re
from typing import Final

_BARE_RETURN: Final = re.compile(rb"\r(?!\n)")  # found quickly, unlike the next
_OTHERS: Final = bytes(octet for octet in range(256) if octet not in b"\r\n")
_BARE: Final = re.compile(rb"\r\r\n|\r(?!\n)|(?<!\r)\n")


class LineEnds:
    """Feed blocks, get blocks; CRs at the end of a block, two at most, are held back until the next."""

    def __init__(self) -> None:
        self._held = b""
        self.has_nul = False
        self.has_mended = False  # something was not as it had come

    def feed(self, block: bytes) -> bytes:
        """The block with CRLF only."""
        if not block:
            return b""
        self.has_nul = self.has_nul or b"\0" in block
        if self._held:
            block = self._held + block
            self._held = b""
        if block.endswith(b"\r"):
            self._held = b"\r\r" if block.endswith(b"\r\r") else b"\r"
            block = block.removesuffix(self._held)
        if _is_good(block):
            return block
        self.has_mended = True
        return _BARE.sub(b"\r\n", block)

    def finish(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        self.has_mended = self.has_mended or bool(held)
        return b"\r\n" * len(held)


def _is_good(block: bytes) -> bool:
    """Whether each CR has its LF behind it, and each LF its CR."""
    ends = block.translate(None, _OTHERS)
    return ends == b"\r\n" * (len(ends) // 2) and not _BARE_RETURN.search(block)
