"""The signature of a text: a set of bits that says what the text surely lacks.

Each trigram of octets inside a word sets one bit, chosen by a hash. A wanted text can
stand only where all of its trigrams are set; about one of eight bits is, so a few
trigrams tell most texts apart. Texts of fewer than three octets a word always may be there.

A signature has a power of two of bits, four times the trigrams of its text or more.
"""

import sys
from collections.abc import Iterable
from typing import Final

BLANK: Final = 0x20
MIN_BITS: Final = 3  # of a hash; 8 bits are one octet
MAX_BITS: Final = 20

_BLANKS: Final = b"\t\n\r\x0b\x0c\xfd\xfe\xff"  # the last three separate texts in a page
_TO_BLANK: Final = bytes.maketrans(_BLANKS, b" " * len(_BLANKS))
_FACTOR: Final = 0x9E3779B1
_MASK: Final = 0xFFFFFFFF
_FIRST: Final = 0 if sys.byteorder == "little" else 3
_STEP: Final = 1 if sys.byteorder == "little" else -1
_BIT: Final = tuple(1 << number for number in range(8))


def signature(octets: bytes) -> bytes:
    """The signature of a text in UTF-8."""
    hashes = _hashes(octets)
    bits = min(max(MIN_BITS, (4 * len(hashes)).bit_length()), MAX_BITS)
    shift = 32 - bits
    found = bytearray(1 << (bits - 3))
    for place in {full >> shift for full in hashes}:
        found[place >> 3] |= _BIT[place & 7]
    return bytes(found)


class Probe:
    """A wanted text that is held against signatures."""

    def __init__(self, octets: bytes) -> None:
        self._hashes = _hashes(octets)
        self._places: dict[int, list[tuple[int, int]]] = {}  # by octets of a signature

    def may_be_in(self, signature: bytes) -> bool:
        """False when the text of this signature surely lacks the wanted text."""
        size = len(signature)
        places = self._places.get(size)
        if places is None:
            places = self._places[size] = self._made(size)
        return all(signature[at] & bit for at, bit in places)

    def _made(self, size: int) -> list[tuple[int, int]]:
        if not size:
            return []
        shift = 32 - (size.bit_length() + 2)
        return [(place >> 3, _BIT[place & 7]) for place in {full >> shift for full in self._hashes}]


def _hashes(octets: bytes) -> set[int]:
    return {
        trigram * _FACTOR & _MASK
        for trigram in _trigrams(octets.translate(_TO_BLANK).split(b" "))
        if trigram & 0xFF != BLANK and trigram >> 8 & 0xFF != BLANK and trigram >> 16 != BLANK
    }


def _trigrams(words: Iterable[bytes]) -> set[int]:
    """Each three octets that follow each other as a number, the first one lowest.

    The words are put in a row, each once; three octets across two of them hold a blank.
    """
    row = b" ".join(set(words))
    if len(row) < 3:
        return set()
    spread = bytearray(4 * (len(row) - 2))
    for number in range(3):
        spread[_FIRST + _STEP * number :: 4] = row[number : len(row) - 2 + number]
    return set(memoryview(spread).cast("I"))
