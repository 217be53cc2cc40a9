"""Tag lists: ``v=1; d=example.org; ..`` of DKIM, ARC, DMARC and their records (RFC 6376 §3.2).

White space and folding around names and values do not count. A name that stands twice spoils
the list; so does a part without "=".
"""

import re
from typing import Final

MAX_TAGS: Final = 100

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_BLANKS: Final = " \t\r\n"


class BadTags(ValueError):
    """The text is no tag list; the message says why."""


def parse(octets: bytes) -> dict[str, str]:
    """The values by name, in their order. Raises BadTags."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise BadTags("it is not UTF-8") from None
    parts = text.split(";")
    if not parts[-1].strip(_BLANKS):
        parts.pop()
    if len(parts) > MAX_TAGS:
        raise BadTags(f"it has more than {MAX_TAGS} tags")
    found: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip(_BLANKS)
        if not equals or not _NAME.fullmatch(name):
            raise BadTags(f"{part.strip(_BLANKS)[:30]!r} is no tag")
        if name in found:
            raise BadTags(f"the tag {name} stands twice")
        found[name] = value.strip(_BLANKS)
    return found


def compact(value: str) -> str:
    """A value without any white space: base64, and lists that may be folded."""
    return "".join(value.split())
