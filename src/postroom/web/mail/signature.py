"""What a person puts under each message that is written in the browser.

It is a private annotation of the server, which mail programs that know METADATA see as well
(RFC 5464). A line of two dashes and a blank stands before it, by which programs know it.
"""

from typing import Final

from postroom.access.annotations import Annotations
from postroom.errors import Invalid
from postroom.web.mail.reader import Reader

ENTRY: Final = "/private/vendor/vendor.postroom/signature"
MOST: Final = 2_000  # characters
_DASHES: Final = "-- \n"


async def read(reader: Reader) -> str:
    """The signature, "" for none."""
    found = await _annotations(reader).find("", [ENTRY], "0", None)
    return next((value.decode("utf-8", "replace") for _, value in found.entries if value), "")


async def write(reader: Reader, text: str) -> None:
    """Keep a signature; "" is none. Raises Invalid."""
    kept = text.replace("\r\n", "\n").strip()
    if len(kept) > MOST:
        raise Invalid(f"a signature has at most {MOST} characters")
    await _annotations(reader).change("", [(ENTRY, kept.encode() if kept else None)])


def above(signature: str, text: str) -> str:
    """A text to begin with: the signature, and below it what is quoted."""
    return f"\n\n{_DASHES}{signature}\n{text}" if signature else text


def _annotations(reader: Reader) -> Annotations:
    return Annotations(reader.identity, reader.store, reader.places)
