"""What a message shows to a reader: texts in their order, and what comes along as files.

Where the same is said several times (multipart/alternative) plain text and HTML are one text of
two forms. A part with a file name, or with the disposition "attachment", is a file, and so is
everything that is no text; an image that HTML shows by its Content-ID is none.

RFC 2046 §5.1, RFC 2183, RFC 2387, RFC 2392 (cid).
"""

import re
from typing import Final

import msgspec

from postroom.message import charset
from postroom.message.part import Part

MAX_NAME: Final = 120  # characters of a file's name

_UNNAMED: Final = {("text", "calendar"): "invitation.ics", ("text", "vcard"): "card.vcf"}
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_READ: Final = frozenset({("text", "plain"), ("text", "html")})


class Leaf(msgspec.Struct, frozen=True):
    """A part without parts; ``path`` is its number (RFC 3501 §6.4.5), ``name`` that of a file."""

    path: tuple[int, ...]
    part: Part
    name: str = ""


class Said(msgspec.Struct, frozen=True):
    """A text in one form or in two."""

    plain: Leaf | None = None
    html: Leaf | None = None


class Display(msgspec.Struct, frozen=True):
    """``images`` by Content-ID, without its angle brackets."""

    said: tuple[Said, ...]
    files: tuple[Leaf, ...]
    images: dict[str, Leaf]

    @property
    def has_html(self) -> bool:
        """Whether a text of it is HTML."""
        return any(one.html is not None for one in self.said)


def display(root: Part) -> Display:
    """The texts and files of a message."""
    shown = _Shown()
    said = _said(shown, root, () if root.is_multipart else (1,))
    return Display(tuple(said), tuple(shown.files), shown.images)


class _Shown:
    def __init__(self) -> None:
        self.files: list[Leaf] = []
        self.images: dict[str, Leaf] = {}


def _said(shown: _Shown, part: Part, path: tuple[int, ...], *, related: bool = False) -> list[Said]:
    """The texts of a part; the scanner has bounded how deep parts lie in each other."""
    if part.is_multipart:
        kind = part.content_type[1]
        found = [
            one
            for number, child in enumerate(part.children, 1)
            for one in _said(shown, child, (*path, number), related=kind == "related" or related)
        ]
        return _chosen(found) if kind == "alternative" and found else found
    leaf = Leaf(path, part, _name(part, path))
    is_file = part.disposition is not None and part.disposition[0] == "attachment"
    if part.content_type in _READ and not is_file and not _written_name(part):
        return [Said(plain=leaf) if part.content_type[1] == "plain" else Said(html=leaf)]
    if part.id is not None and part.content_type[0] == "image":
        shown.images.setdefault(_ident(part.id), leaf)
        if related and not is_file:
            return []
    shown.files.append(leaf)
    return []


def _chosen(found: list[Said]) -> list[Said]:
    """One text of what is the same said differently: the last form is the best (RFC 2046)."""
    plain = next((one.plain for one in found if one.plain is not None), None)
    html = next((one.html for one in reversed(found) if one.html is not None), None)
    return [Said(plain, html)]


def _written_name(part: Part) -> str:
    disposition = part.disposition[1] if part.disposition is not None else ()
    return (
        charset.parameter(disposition, "filename")
        or charset.parameter(part.parameters, "name")
        or ""
    )


def _name(part: Part, path: tuple[int, ...]) -> str:
    """What a file is called: one name without folders, never empty."""
    written = _UNFIT.sub("", _written_name(part)).replace("\\", "/").rpartition("/")[2].strip(" .")
    if written:
        return written[-MAX_NAME:]
    ending = ".eml" if part.message is not None else ""
    return _UNNAMED.get(part.content_type, f"part-{'.'.join(map(str, path))}{ending}")


def _ident(written: bytes) -> str:
    return charset.decode(written).strip().removeprefix("<").removesuffix(">")
