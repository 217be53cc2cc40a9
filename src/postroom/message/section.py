"""Sections: where ``BODY[2.1.TEXT]`` lies in a letter.

Part numbers name the parts of a multipart; a message that is no multipart has part 1,
its body. Offsets count from the first octet of the header block.

RFC 3501 §6.4.5.
"""

from typing import Protocol

from postroom.message.part import Part


class Section(Protocol):
    """``path`` () is the letter; ``piece`` is "", HEADER.., TEXT or MIME."""

    @property
    def path(self) -> tuple[int, ...]: ...
    @property
    def piece(self) -> str: ...


def section_range(root: Part, section: Section) -> tuple[int, int] | None:
    """(start, end) of a section; None when there is no such thing.

    HEADER.FIELDS and HEADER.FIELDS.NOT lie where HEADER does: ``headers.select`` chooses.
    """
    found = part_at(root, section.path)
    if found is None:
        return None
    if section.piece == "MIME":
        return (found.header_start, found.body_start) if section.path else None
    if not section.path:
        return _piece(root, section.piece)
    if not section.piece:
        return found.body_start, found.end
    return _piece(found.message, section.piece) if found.message is not None else None


def part_at(root: Part, path: tuple[int, ...]) -> Part | None:
    """The part with this number; the letter itself for ()."""
    found, is_message = root, True
    for number in path:
        if not is_message and found.message is not None:
            found, is_message = found.message, True
        if found.children:
            if not 1 <= number <= len(found.children):
                return None
            found = found.children[number - 1]
        elif not is_message or number != 1:
            return None
        is_message = False
    return found


def _piece(message: Part, piece: str) -> tuple[int, int]:
    if piece.startswith("HEADER"):
        return message.header_start, message.body_start
    if piece == "TEXT":
        return message.body_start, message.end
    return message.header_start, message.end
