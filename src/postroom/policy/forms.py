"""How the header of a message is written, whatever it says: the hand of the program that wrote it.

Programs differ in how they spell the names of fields, quote names and order parameters, build
boundaries and dates; who pretends to be another program often gets it wrong. A form has
``0``, ``a`` and ``A`` for digits and letters. No address, name or date stands in these marks.
RFC 5322 §2.2, RFC 2045 §5.1, RFC 2046 §5.1.1.
"""

import re
from collections.abc import Collection
from typing import Final

from postroom.message import headers
from postroom.message.part import Fields

MAX_VALUE: Final = 200  # octets of a field that are looked at

_NAMES: Final = re.compile(rb"(?m)^([!-9;-~]{1,40})[ \t]*:([ \t]?)")
_PLAIN: Final = str.maketrans(
    "123456789bcdefghijklmnopqrstuvwxyzBCDEFGHIJKLMNOPQRSTUVWXYZ", "0" * 9 + "a" * 25 + "A" * 25
)
_RUN: Final = re.compile(r"([0aA])\1+")
_WRITTEN: Final = re.compile(r"[^\"'<>@,()=? :;]+")
_BOUNDARY: Final = re.compile(r"boundary *= *(\"?)([^\";]+)", re.IGNORECASE)


def marks(head: bytes, found: Fields, looked_at: Collection[bytes]) -> list[str]:
    """Those of a header block; ``found`` are its values, ``looked_at`` the fields that count."""
    seen = []
    for name, blank in _NAMES.findall(head[: headers.MAX_HEADER]):
        if name.lower() in looked_at:
            seen.append(f"field:{name.decode('latin-1')}")
            if not blank:
                seen.append(f"unspaced:{name.decode('latin-1').lower()}")
    content = _value(found, b"content-type")
    seen += [
        f"date-form:{_value(found, b'date').translate(_PLAIN)[:50]}",
        f"from-form:{_WRITTEN.sub('a', _value(found, b'from'))[:40]}",
        f"to-form:{_WRITTEN.sub('a', _value(found, b'to'))[:40]}",
        f"type-form:{content.partition('oundary')[0][:60]}",
        f"encoding-form:{_value(found, b'content-transfer-encoding')[:20]}",
        f"mime-form:{_value(found, b'mime-version')[:20]}",
        f"program:{(_value(found, b'x-mailer') or _value(found, b'user-agent'))[:60].lower()}",
    ]
    boundary = _BOUNDARY.search(content)
    if boundary is not None:
        seen.append(f"boundary:{boundary[1]}{short(boundary[2])[:30]}")
        seen.append(f"boundary-length:{len(boundary[2])}")
    ident = _value(found, b"message-id")
    local, _, host = ident.strip("<>").rpartition("@")
    seen += [
        f"id-form:{short(local)[:30]}",
        f"id-host:{short(host)[:20]}",
        f"id-length:{len(ident) // 4}",
    ]
    return seen


def short(text: str) -> str:
    """The form of a text: ``aB-1234`` is ``aA-0``."""
    return _RUN.sub(r"\1", text.translate(_PLAIN))


def _value(found: Fields, name: bytes) -> str:
    values = found.get(name)
    return values[0][:MAX_VALUE].decode("latin-1") if values else ""
