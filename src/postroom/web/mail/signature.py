"""What a person puts under each message that is written in the browser.

It is a private annotation of the server, which mail programs that know METADATA see as well
(RFC 5464); one of a single address stands below it, by that address. A line of two dashes and a blank stands before it, by which programs know it.
"""

import hashlib
import re
from typing import Final

from postroom.access.annotations import Annotations
from postroom.errors import Invalid
from postroom.web.mail.reader import Reader

ENTRY: Final = "/private/vendor/vendor.postroom/signature"
MOST: Final = 2_000  # characters
_PLAIN: Final = re.compile(r"[a-z0-9._+-]+@[a-z0-9.-]+")  # what an entry can be named
_DASHES: Final = "-- \n"


async def read(reader: Reader, address: str = "") -> str:
    """The signature of an address, else that of all, "" for none."""
    own = entry(address)
    found = await every(reader)
    return found.get(own) or found.get(ENTRY, "")


async def every(reader: Reader) -> dict[str, str]:
    """All signatures, by entry."""
    found = await _annotations(reader).find("", [ENTRY], "1", None)
    return {name: value.decode("utf-8", "replace") for name, value in found.entries if value}


async def write(reader: Reader, text: str, address: str = "") -> None:
    """Keep a signature, of an address or of all; "" is none. Raises Invalid."""
    kept = text.replace("\r\n", "\n").strip()
    if len(kept) > MOST:
        raise Invalid(f"a signature has at most {MOST} characters")
    await _annotations(reader).change("", [(entry(address), kept.encode() if kept else None)])


def entry(address: str) -> str:
    """Where the signature of an address is kept; "" is that of all."""
    if not address:
        return ENTRY
    folded = address.casefold()
    plain = _PLAIN.fullmatch(folded)
    return f"{ENTRY}/{folded if plain else hashlib.sha256(folded.encode()).hexdigest()}"


def above(signature: str, text: str) -> str:
    """A text to begin with: the signature, and below it what is quoted."""
    return f"\n\n{_DASHES}{signature}\n{text}" if signature else text


def _annotations(reader: Reader) -> Annotations:
    return Annotations(reader.identity, reader.store, reader.places)
