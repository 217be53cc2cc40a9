"""The plan of a FETCH: what follows from its items, for one message as for a million.

A client that fetches message by message sends the same items with each command; what
follows from them is worked out once (``Conversation.plan``).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.protocol.imap.fetch import Attribute, Binary, Content, FetchItem, Octets, Section
from postroom.protocol.imap.fetch_lines import Lines
from postroom.protocol.imap.modes import Modes

_ORDER: Final = (Attribute.UID, Attribute.FLAGS, Attribute.MODSEQ)
_NEEDS: Final[dict[Attribute, str]] = {
    Attribute.SAVEDATE: "saved",
    Attribute.THREADID: "thread_id",
    Attribute.ENVELOPE: "envelope",
    Attribute.BODY: "bodystructure",
    Attribute.BODYSTRUCTURE: "bodystructure",
}
_PASSING: Final = frozenset({Attribute.FLAGS, Attribute.MODSEQ})  # facts that change
_PREVIEWS: Final = frozenset({Attribute.PREVIEW, Attribute.PREVIEW_LAZY})


class Plan(msgspec.Struct, frozen=True):
    r"""``fields`` is not empty when messages are listed by these header fields.

    ``need`` is what ``access.loading.rows`` reads. ``lasts``: nothing of it can ever change, nor
    is made when it is asked for, as ``previews`` are.
    ``flagged`` writes messages that become \Seen by it, ``plain`` all others.
    """

    items: tuple[FetchItem, ...]
    modes: tuple[bool, bool]
    attributes: tuple[Attribute, ...]
    contents: tuple[Content, ...]
    fields: tuple[str, ...]
    need: frozenset[str]
    previews: bool
    lasts: bool
    marks_seen: bool
    plain: Lines
    flagged: Lines

    @property
    def whole(self) -> Octets | None:
        """The whole message, where that is the only content that is asked for."""
        item = self.contents[0] if len(self.contents) == 1 else None
        return item if isinstance(item, Octets) and item.is_whole else None

    def fits(self, items: tuple[FetchItem, ...], modes: Modes) -> bool:
        """Whether it is the plan of these."""
        return self.items == items and self.modes == (modes.condstore, modes.uidonly)


def plan(items: tuple[FetchItem, ...], modes: Modes) -> Plan:
    """What a FETCH of these items needs, and how its answers are written."""
    attributes = tuple([item for item in items if isinstance(item, Attribute)])
    contents = tuple([item for item in items if not isinstance(item, Attribute)])
    fields = _listed(contents)
    marks_seen = any(isinstance(item, Octets | Binary) and not item.peek for item in contents)
    told = {*attributes, Attribute.FLAGS}
    if modes.condstore:
        told |= {Attribute.MODSEQ} if modes.uidonly else {Attribute.UID, Attribute.MODSEQ}
    previews = not _PREVIEWS.isdisjoint(attributes)
    more = sorted(told.difference(attributes), key=_ORDER.index)
    return Plan(
        items=items,
        modes=(modes.condstore, modes.uidonly),
        attributes=attributes,
        contents=contents,
        fields=fields,
        need=_need(attributes if fields else items),
        previews=previews,
        lasts=_PASSING.isdisjoint(attributes) and not previews and not marks_seen,
        marks_seen=marks_seen,
        plain=Lines(attributes, uidonly=modes.uidonly),
        flagged=Lines([*attributes, *more], uidonly=modes.uidonly),
    )


def _listed(contents: Sequence[Content]) -> tuple[str, ...]:
    """The fields of a request that lists a mailbox by them, and asks for nothing else."""
    if len(contents) != 1 or not isinstance(item := contents[0], Octets):
        return ()
    section = item.section
    is_list = section.piece == "HEADER.FIELDS" and not section.path and item.partial is None
    return section.fields if is_list else ()


def _need(items: Sequence[FetchItem]) -> frozenset[str]:
    needs = {_NEEDS[item] for item in items if isinstance(item, Attribute) and item in _NEEDS}
    for item in items:
        if not isinstance(item, Attribute):
            in_head = isinstance(item, Octets) and _in_head(item.section)
            needs.add("head" if in_head else "content")
            if isinstance(item, Octets) and item.is_whole:
                needs.add("whole")
    return frozenset(needs)


def _in_head(wanted: Section) -> bool:
    """Whether the header block of the message is enough."""
    return not wanted.path and wanted.piece.startswith("HEADER")
