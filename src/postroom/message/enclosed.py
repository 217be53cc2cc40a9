"""Documents that a message or a file holds, however they are packed: gzip, zip or plain.

Whoever sends a kilobyte must not make us write a gigabyte: what is unpacked is bounded, as are
the members of an archive that are looked at (threat D9). Nothing raises but ``TooLarge``.
"""

import io
import zlib
from collections.abc import Iterator
from typing import Final

from postroom.message.content import transferred
from postroom.message.part import Part
from postroom.message.scan import scan

MAX_DOCUMENT: Final = 16 * 1024 * 1024  # octets of one document, unpacked
MAX_ARCHIVE: Final = 4 * 1024 * 1024  # octets of a zip: its list of members is read whole
MAX_MEMBERS: Final = 10  # of an archive
MAX_PARTS: Final = 100  # of a message that are looked at

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"


class TooLarge(ValueError):
    """Unpacked it is more than ``MAX_DOCUMENT``, or packed more than ``MAX_ARCHIVE``."""


def in_message(octets: bytes) -> Iterator[bytes]:
    """The documents in the parts of a message that are no plain text; raises TooLarge."""
    for number, part in enumerate(_leaves(scan(octets))):
        if number >= MAX_PARTS:
            return
        if part.content_type in {("text", "plain"), ("text", "html")}:
            continue
        yield from unpacked(transferred(part.encoding, octets[part.body_start : part.end]))


def unpacked(octets: bytes) -> Iterator[bytes]:
    """The documents in a file; one that is not packed is its own. Raises TooLarge."""
    if octets.startswith(_GZIP):
        document = _gunzipped(octets)
        if document:
            yield document
    elif octets.startswith(_ZIP):
        if len(octets) > MAX_ARCHIVE:
            raise TooLarge(f"an archive has more than {MAX_ARCHIVE} octets")
        yield from _members(octets)
    elif len(octets) > MAX_DOCUMENT:
        raise TooLarge(f"a document has more than {MAX_DOCUMENT} octets")
    else:
        yield octets


def _gunzipped(octets: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        found = inflater.decompress(octets, MAX_DOCUMENT)
    except zlib.error:
        return b""
    if inflater.unconsumed_tail:
        raise TooLarge(f"unpacked it has more than {MAX_DOCUMENT} octets")
    return found


def _members(octets: bytes) -> Iterator[bytes]:
    import zipfile

    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            for member in archive.infolist()[:MAX_MEMBERS]:
                if member.is_dir() or member.compress_type not in methods:
                    continue
                with archive.open(member) as opened:
                    found = opened.read(MAX_DOCUMENT + 1)
                if len(found) > MAX_DOCUMENT:
                    raise TooLarge(f"unpacked it has more than {MAX_DOCUMENT} octets")
                yield found
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, TooLarge):
            raise


def _leaves(part: Part) -> Iterator[Part]:
    waiting = [part]
    while waiting:
        one = waiting.pop()
        if one.children:
            waiting += reversed(one.children)
        else:
            yield one
