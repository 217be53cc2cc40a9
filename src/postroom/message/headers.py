r"""Header blocks: fields as offsets, values unfolded, fields removed or selected.

A header block is the octets up to and with the first empty line. Nothing here raises,
whatever the octets; a line that is no field belongs to nobody and stays where it is.
Lines may end in CRLF or LF. Every function is linear in the size of the block.

RFC 5322 §2.1, §2.2.3 (folding), §4.5.8 (blanks before the colon).
"""

import functools
import re
from collections.abc import Callable, Collection, Iterator
from typing import Final

import msgspec

MAX_HEADER: Final = 256 * 1024  # octets; SMTP refuses more, an index reads no further

MAX_SOUGHT: Final = 50  # field names that are looked for in one expression

EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_NAME: Final = re.compile(r"[!-9;-~]+")
_FIELD: Final = re.compile(
    rb"(?P<name>[!-9;-~]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n?|(?P<end>\r?\n)|[^\n]+\n?"
)


class Field(msgspec.Struct, frozen=True):
    """One field: ``name`` in lower case; offsets of its name, its value and its end."""

    name: bytes
    start: int
    value_start: int
    end: int


def split(octets: bytes) -> tuple[bytes, bytes]:
    """(header block with its empty line, body). Without an empty line all is header."""
    if octets.startswith((b"\r\n", b"\n")):
        end = octets.index(b"\n") + 1
    else:
        found = EMPTY_LINE.search(octets)
        end = found.end() if found else len(octets)
    return octets[:end], octets[end:]


def fields(head: bytes) -> Iterator[Field]:
    """The fields in order, up to the empty line."""
    for found in _FIELD.finditer(head):
        kind = found.lastgroup
        if kind == "name":
            start, end = found.span()
            name = found[1]
            yield Field(name.lower(), start, head.index(b":", start + len(name)) + 1, end)
        elif kind == "end":
            return


def unfold(octets: bytes) -> bytes:
    """Remove the line breaks of folding; the white space after them stays (§2.2.3)."""
    if b"\r" in octets:
        octets = octets.replace(b"\r\n", b"\n")
    return octets.replace(b"\n ", b" ").replace(b"\n\t", b"\t")


def collect(head: bytes, names: Collection[bytes]) -> dict[bytes, list[bytes]]:
    """The unfolded values, trimmed, of the fields with these lower-case names, in order."""
    if isinstance(names, tuple):
        return _sought(head[:MAX_HEADER], names)
    found: dict[bytes, list[bytes]] = {}
    for line in unfold(head[:MAX_HEADER]).split(b"\n"):
        if not line:
            break
        name, _, value = line.partition(b":")
        name = name.lower()
        if name not in names:
            name = name.rstrip(b" \t")
            if name not in names:
                continue
        values = found.get(name)
        if values is None:
            found[name] = [value.strip(b" \t\r")]
        else:
            values.append(value.strip(b" \t\r"))
    return found


def _sought(head: bytes, names: tuple[bytes, ...]) -> dict[bytes, list[bytes]]:
    """``collect`` for a few names: only lines that begin with one of them are looked at."""
    found: dict[bytes, list[bytes]] = {}
    text = b"\n" + unfold(head)
    end = text.find(b"\n\n")
    if end >= 0:
        text = text[: end + 1]
    lower = text.lower()
    for name in names:
        at = lower.find(b"\n" + name)
        while at >= 0:
            end = text.find(b"\n", at + 1)
            written, _, value = text[at + 1 : end if end >= 0 else None].partition(b":")
            if written.rstrip(b" \t").lower() == name:
                found.setdefault(name, []).append(value.strip(b" \t\r"))
            at = lower.find(b"\n" + name, at + 1)
    return found


def values(head: bytes, name: bytes) -> list[bytes]:
    """The unfolded values of all fields of this name."""
    return collect(head, (name.lower(),)).get(name.lower(), [])


def value(head: bytes, name: bytes) -> bytes | None:
    """The unfolded value of the first field of this name."""
    found = values(head, name)
    return found[0] if found else None


def strip_where(head: bytes, unwanted: Callable[[Field], bool]) -> bytes:
    """Remove whole fields; all other octets stay untouched."""
    kept = []
    at = 0
    for field in fields(head):
        if unwanted(field):
            kept.append(head[at : field.start])
            at = field.end
    if not at:
        return head
    kept.append(head[at:])
    return b"".join(kept)


def strip(head: bytes, names: Collection[bytes]) -> bytes:
    """Remove the fields with these lower-case names."""
    return strip_where(head, lambda field: field.name in names)


def select(head: bytes, names: Collection[str], *, exclude: bool) -> bytes:
    """HEADER.FIELDS and HEADER.FIELDS.NOT: the fields as they stand, then an empty line.

    RFC 3501 §6.4.5: names match without case; the empty line is always there.
    """
    if not exclude and len(names) <= MAX_SOUGHT:
        empty = EMPTY_LINE.search(head)
        if empty and not head.startswith((b"\n", b"\r\n")):
            found = _finder(tuple(names)).findall(b"\n" + head[: empty.start()])
            return b"".join([*found, b"\n\r\n"])[1:]
    wanted = {name.lower().encode("utf-8", "replace") for name in names}
    chosen = [head[f.start : f.end] for f in fields(head) if (f.name in wanted) is not exclude]
    if chosen and not chosen[-1].endswith(b"\n"):
        chosen.append(b"\r\n")
    return b"".join([*chosen, b"\r\n"])


@functools.lru_cache(maxsize=64)
def _finder(names: tuple[str, ...]) -> re.Pattern[bytes]:
    """Finds the fields with these names, each with the line break before it."""
    words = [re.escape(name.encode()) for name in names if _NAME.fullmatch(name)]
    return re.compile(rb"\n(?i:%b)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*" % (b"|".join(words) or rb"(?!)"))
