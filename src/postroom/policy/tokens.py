"""A message as tokens: what the filter counts in spam and in ham.

A token is a number of 63 bits made of a word and of where it stood; ``Tokens`` keeps what
each stands for, so that a verdict can be explained. They depend on the message as its writer
sent it and on nothing else: not on how it came, and not on what we wrote on top. So a
message has the same tokens when it arrives and when it is learned or unlearned years later.

Nothing of the sender's address is a token: whoever sends may write there what he likes.
What a known sender is worth says ``reputation``, once the sender is authenticated.
"""

import hashlib
import itertools
import re
from array import array
from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.message.part import Fields, Part
from postroom.policy import features, forms, links, texts

MAX_SAMPLE: Final = 64 * 1024  # octets of a body that are read
MAX_WORDS: Final = 3_000  # of the text
MAX_TOKENS: Final = 2_500
MAX_LINKS: Final = 50  # whose names count
MAX_WORD: Final = 24  # characters of a word that count

_WORD: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{1,2}|[^\W_][\w'$%-]*[\w$%!]|[$][\d.,]+"
)
_ASCII_WORD: Final = re.compile(  # the same of ASCII, in half the time
    r"[A-Za-z0-9][A-Za-z0-9_'$%-]*[A-Za-z0-9_$%!]|[$][0-9.,]+"
)
_CACHED: Final = 40_000  # words whose numbers are remembered

_numbers: dict[str, int] = {}


class Tokens(msgspec.Struct, frozen=True):
    """``names`` says what each token stands for, such as ``subject:free``.

    ``digest`` is that of the message: the same for every copy of it. ``marks`` are those of
    its form, header and links, ``fields`` its header as far as it was looked at.
    """

    names: dict[int, str]
    digest: bytes
    marks: frozenset[str]
    fields: Fields


def tokens(head: bytes, part: Part, sample: bytes) -> Tokens:
    """Of a message: its header block, its tree over header and body, the body's beginning."""
    found = features.values(head)
    reading = texts.read(part, sample[:MAX_SAMPLE], part.body_start)
    seen = [*features.marks(found, part), *reading.marks]
    seen += forms.marks(head, found, features.FIELDS)
    marks = list(dict.fromkeys(seen))
    words = [*marks, *_subject(features.subject(found)), *_links(reading.links)]
    words += _text(reading.texts)
    chosen = list(dict.fromkeys(words))[:MAX_TOKENS]  # in their order: the same in every process
    names = dict(zip(map(number, chosen), chosen, strict=True))
    ident = b"".join(found.get(b"message-id", ())[:1])
    packed = array("Q", sorted(names)).tobytes()
    digest = hashlib.blake2b(ident + packed, digest_size=16).digest()
    return Tokens(names, digest, frozenset(marks), found)


def number(word: str) -> int:
    """The number of a token."""
    known = _numbers.get(word)
    if known is None:
        octets = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
        known = int.from_bytes(octets, "big") >> 1
        if len(_numbers) >= _CACHED:
            _numbers.clear()
        _numbers[word] = known
    return known


def _subject(text: str) -> list[str]:
    words = [word[:MAX_WORD] for word in _WORD.findall(text.lower())]
    pairs = [f"{first} {second}" for first, second in itertools.pairwise(words)]
    return [f"subject:{word}" for word in (*words, *pairs)]


def _links(found: Sequence[links.Link]) -> list[str]:
    words: list[str] = []
    for link in list(dict.fromkeys(found))[:MAX_LINKS]:
        words += links.names(link)
    return words


def _text(seen: Sequence[str]) -> list[str]:
    """The words, and once more as they are written those that have capital letters."""
    pieces = " ".join(seen).split()[:MAX_WORDS]
    text = " ".join(dict.fromkeys(pieces))  # repetitions need no looking at
    word_like = _ASCII_WORD if text.isascii() else _WORD
    found = dict.fromkeys(word_like.findall(text)[:MAX_WORDS])
    written = [word[:MAX_WORD] for word in found]
    return [*map(str.lower, written), *written]
