"""The base subject: a Subject without what replies, forwards and mailing lists add to it.

Sorting and threading by subject compare these (with ``casemap``). Reading is linear: what
was passed over once is not looked at again. RFC 5256 §2.1, §5.
"""

import re
from typing import Final

import msgspec

from postroom.message.charset import decode_words

_SPACES: Final = re.compile(r"[ \t\r\n]+")
_BLOB: Final = re.compile(r"\[[^\[\]\0]*+\] *+")
_REFWD: Final = re.compile(r"(?:[Rr][Ee]|[Ff][Ww][Dd]?+) *+(?:\[[^\[\]\0]*+\] *+)?:")


class BaseSubject(msgspec.Struct, frozen=True):
    """``is_reply``: something was removed that says "reply" or "forward"."""

    text: str
    is_reply: bool = False


def base_subject(value: bytes) -> BaseSubject:
    """The base subject of an unfolded Subject field."""
    text = _SPACES.sub(" ", decode_words(value))
    start, end = 0, len(text)
    is_reply = False
    while True:
        end, has_trailer = _before_trailers(text, start, end)
        start, has_leader = _after_leaders(text, start, end)
        is_reply = is_reply or has_trailer or has_leader
        if not (text[start : start + 5].lower() == "[fwd:" and text.endswith("]", start, end)):
            return BaseSubject(text[start:end], is_reply)
        start, end = start + 5, end - 1
        is_reply = True


def _before_trailers(text: str, start: int, end: int) -> tuple[int, bool]:
    """Where the last ``(fwd)`` and blanks begin; True when there was a ``(fwd)``."""
    found = False
    while True:
        while end > start and text[end - 1] == " ":
            end -= 1
        if end - start < 5 or text[end - 5 : end].lower() != "(fwd)":
            return end, found
        end -= 5
        found = True


def _after_leaders(text: str, start: int, end: int) -> tuple[int, bool]:
    """Where the subject begins behind ``Re:``, ``[list]`` and their like; True: a reply.

    A blob is removed unless nothing would be left, so of several at the end one stays.
    """
    found = False
    while True:
        while start < end and text[start] == " ":
            start += 1
        at = last = start
        while blob := _BLOB.match(text, at, end):
            last, at = at, blob.end()
        refwd = _REFWD.match(text, at, end)
        if refwd is None:
            return (at if at < end else last), found
        start = refwd.end()
        found = True
