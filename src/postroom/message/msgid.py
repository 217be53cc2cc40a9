r"""Message IDs in one spelling, so that the same identifier is the same octets.

Only what is a msg-id counts: something, ``@``, something, in brackets. Comments and white
space go, quoted strings lose their quotes: ``<"a"@b>`` is ``a@b``. Upper and lower case
differ. RFC 5256 §3 (THREAD), RFC 5322 §3.6.4, §4.5.4.
"""

import re
from typing import Final

from postroom.message.parameters import without_comments

MAX_REFERENCES: Final = 1000  # of a message: the oldest and the latest are kept

_IN_BRACKETS: Final = re.compile(rb'<((?:[^<>"]++|"(?:[^"\\]|\\.)*+")++)>', re.DOTALL)
_PLAIN: Final = re.compile(rb'[^\x00-\x20()<>@"\\]++@[^\x00-\x20()<>@"\\]++')
_WORD: Final = re.compile(rb'"((?:[^"\\]|\\.)*+)"|[\x00-\x20]++|([^\x00-\x20"]++)', re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


def message_ids(value: bytes) -> list[bytes]:
    """The valid identifiers of an unfolded field, in order, without their brackets."""
    if b"(" in value:
        value = without_comments(value)
    found: list[bytes] = []
    for inside in _IN_BRACKETS.findall(value):
        if _PLAIN.fullmatch(inside):
            found.append(inside)
        elif normal := _normal(inside):
            found.append(normal)
    return found


def references(values: list[bytes], in_reply_to: list[bytes]) -> list[bytes]:
    """The ancestors of a message, the parent last (RFC 5256 §3, REFERENCES).

    Those of its References fields, else the first of In-Reply-To; at most MAX_REFERENCES.
    """
    found = [one for value in values for one in message_ids(value)]
    if not found:
        return [one for value in in_reply_to for one in message_ids(value)][:1]
    if len(found) > MAX_REFERENCES:
        return [found[0], *found[1 - MAX_REFERENCES :]]
    return found


def _normal(inside: bytes) -> bytes:
    """The identifier unquoted and without white space; b"" when it is none."""
    left: list[bytes] = []
    right: list[bytes] = []
    side = left
    for quoted, plain in _WORD.findall(inside):
        if quoted:
            side.append(_ESCAPED.sub(rb"\1", quoted))
            continue
        before, sign, after = plain.partition(b"@")
        side.append(before)
        if sign:
            if side is right or b"@" in after:
                return b""
            side = right
            side.append(after)
    local, domain = b"".join(left), b"".join(right)
    return local + b"@" + domain if local and domain else b""
