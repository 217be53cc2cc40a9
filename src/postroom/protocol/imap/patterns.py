"""LIST patterns: ``*`` is anything, ``%`` is anything but the hierarchy delimiter.

A pattern is a set of bits that moves over the name (shift-and), so a match takes a few
integer operations a letter, however many wildcards stand in a row (RFC 3501 §6.3.8).
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

DELIMITER: Final = "/"


class Pattern:
    """One LIST pattern, ready to match names."""

    __slots__ = ("_final", "_letters", "_level", "_literal", "_open", "_wild")

    def __init__(self, text: str) -> None:
        """``text`` is the reference and the pattern, joined and decoded."""
        text = _collapse(unicodedata.normalize("NFC", text))  # as names are kept
        if text[:5].upper() == "INBOX" and text[5:6] in ("", DELIMITER, "*", "%"):
            text = "INBOX" + text[5:]
        self._literal: str | None = None if "*" in text or "%" in text else text
        self._letters: dict[str, int] = {}
        self._open = self._level = 0
        for place, letter in enumerate(text):
            bit = 1 << place
            if letter == "*":
                self._open |= bit
            elif letter == "%":
                self._level |= bit
            else:
                self._letters[letter] = self._letters.get(letter, 0) | bit
        self._wild = self._open | self._level
        self._final = 1 << len(text)

    def matches(self, name: str) -> bool:
        """Whether the whole name matches."""
        if self._literal is not None:
            return self._literal == name
        if self._final == 2:  # noqa: SIM102 - the two commonest patterns: * and %
            if self._wild:
                return self._open == 1 or DELIMITER not in name
        return self._walk(name) or (name == "INBOX" and self._matches_inbox())

    def _walk(self, name: str) -> bool:
        states = 1 | ((1 & self._wild) << 1)
        for letter in name:
            wild = self._open if letter == DELIMITER else self._wild
            states = ((states & self._letters.get(letter, 0)) << 1) | (states & wild)
            if not states:
                return False
            states |= (states & self._wild) << 1
        return bool(states & self._final)

    def _matches_inbox(self) -> bool:
        """INBOX is the same in any case: ``i%`` names it too (RFC 3501 §5.1)."""
        letters = self._letters
        upper: dict[str, int] = {}
        for letter, bits in letters.items():
            upper[letter.upper()] = upper.get(letter.upper(), 0) | bits
        self._letters = upper
        try:
            return self._walk("INBOX")
        finally:
            self._letters = letters


def ancestors(names: Iterable[str]) -> set[str]:
    """Every level above the names: ``a/b/c`` gives ``a`` and ``a/b``."""
    found: set[str] = set()
    for name in names:
        at = name.rfind(DELIMITER)
        while at > 0 and (parent := name[:at]) not in found:
            found.add(parent)
            at = name.rfind(DELIMITER, 0, at)
    return found


def _collapse(text: str) -> str:
    """Wildcards in a row are one: ``*`` if there is any ``*``, else ``%``."""
    out: list[str] = []
    for letter in text:
        if letter in "*%" and out and out[-1] in "*%":
            if letter == "*":
                out[-1] = "*"
        else:
            out.append(letter)
    return "".join(out)
