"""i;unicode-casemap: the one way in which texts are compared without case.

Each character becomes its titlecase (the one of UnicodeData.txt, which is one character)
and then its full decomposition, compatibility forms too; the rest stays as it is. Texts
that map to the same are equal, a text that maps to a part of another is in it, and mapped
texts sort by their code points, which is the order of their UTF-8 octets.

The mapping goes character by character, so a text may be mapped in pieces. RFC 5051 §2.
"""

import unicodedata
from typing import Final

_LAST_KEPT: Final = 0xFFFF  # a bound of the memory: rarer characters are mapped each time


class _Table(dict[int, str]):
    """Characters as they are mapped, found out when they are first met."""

    def __missing__(self, code: int) -> str:
        mapped = _mapped(chr(code))
        if code <= _LAST_KEPT:
            self[code] = mapped
        return mapped


_TABLE: Final = _Table()


def casemap(text: str) -> str:
    """The text as i;unicode-casemap compares it."""
    if text.isascii():
        return text.upper()
    return text.translate(_TABLE)


def _mapped(character: str) -> str:
    title = character.title()
    if len(title) > 1:  # of SpecialCasing.txt; UnicodeData.txt has none
        title = character
    waiting = [title]
    done: list[str] = []
    while waiting:
        one = waiting.pop()
        words = unicodedata.decomposition(one).split()
        if words and words[0].startswith("<"):
            del words[0]
        if words:
            waiting.extend(chr(int(word, 16)) for word in reversed(words))
        else:
            done.append(one)
    return "".join(done)
