"""FETCH responses: facts of many messages a page, without a value per item.

``Lines`` is made once a command; ``page`` turns rows into one piece of octets, as
``flags_page`` does where only flags are asked for.
ENVELOPE and BODYSTRUCTURE were made at filing and go out as they are; a message that
comes as content (``Octets``) is opened here and streamed by the door.

RFC 3501 §7.4.2.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from postroom.message.structure import basic
from postroom.protocol.imap.dates import write_date_time
from postroom.protocol.imap.fetch import Attribute
from postroom.protocol.imap.flags import write_flags
from postroom.protocol.imap.object_ids import email_id, thread_id
from postroom.protocol.imap.responses import nstring

CLOSE: Final = b")\r\n"


@functools.lru_cache(maxsize=2048)
def _flags_text(bits: int, keywords: str, recent: bool) -> bytes:
    return b"FLAGS " + write_flags(bits, keywords, recent=recent)


class Marked(Protocol):
    """What a line needs to know of a message whose flags are told."""

    @property
    def sequence(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def flags(self) -> int: ...
    @property
    def keywords(self) -> str: ...
    @property
    def modseq(self) -> int: ...
    @property
    def recent(self) -> bool: ...


class Changed(Marked, Protocol):
    """A message whose flags have changed; ``is_quiet``: the client knows them already."""

    @property
    def is_quiet(self) -> bool: ...


class Row(Marked, Protocol):
    """What a line needs to know of a message."""

    @property
    def size(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def saved(self) -> int: ...
    @property
    def message_id(self) -> int: ...
    @property
    def thread_id(self) -> int: ...
    @property
    def preview(self) -> str | None: ...
    @property
    def envelope(self) -> bytes: ...
    @property
    def bodystructure(self) -> bytes: ...


Writer = Callable[[Row], bytes]


def _preview(row: Row) -> bytes:
    """RFC 8970 §6; NIL: there is none at this moment."""
    return b"PREVIEW " + nstring(None if row.preview is None else row.preview.encode())


def _flags(row: Marked) -> bytes:
    return _flags_text(row.flags, row.keywords, row.recent)


_WRITERS: Final[dict[Attribute, Writer]] = {
    Attribute.FLAGS: _flags,
    Attribute.UID: lambda row: b"UID %d" % row.uid,
    Attribute.MODSEQ: lambda row: b"MODSEQ (%d)" % row.modseq,
    Attribute.INTERNALDATE: lambda row: b"INTERNALDATE " + write_date_time(row.received),
    Attribute.SAVEDATE: lambda row: b"SAVEDATE " + write_date_time(row.saved),
    Attribute.EMAILID: lambda row: b"EMAILID (%s)" % email_id(row.message_id),
    Attribute.THREADID: lambda row: b"THREADID (%s)" % thread_id(row.thread_id),
    Attribute.SIZE: lambda row: b"RFC822.SIZE %d" % row.size,
    Attribute.PREVIEW: _preview,
    Attribute.PREVIEW_LAZY: _preview,
    Attribute.ENVELOPE: lambda row: b"ENVELOPE " + row.envelope,
    Attribute.BODY: lambda row: b"BODY " + basic(row.bodystructure),
    Attribute.BODYSTRUCTURE: lambda row: b"BODYSTRUCTURE " + row.bodystructure,
}


class FlagPage(NamedTuple):
    r"""Flags of messages: all have the ``common`` ones, but for ``others``.

    ``common`` are (flags, keywords, \Recent), ``others`` have their place in the page before.
    """

    sequences: Sequence[int]
    uids: Sequence[int]
    common: tuple[int, str, bool]
    others: Sequence[tuple[int, int, str, bool]]


def flags_page(page: FlagPage, *, with_uid: bool, uidonly: bool = False) -> bytes:
    """Responses of many messages."""
    texts = [_flags_text(*page.common)] * len(page.uids)
    for place, bits, keywords, recent in page.others:
        texts[place] = _flags_text(bits, keywords, recent)
    if uidonly:
        return b"".join(map(b"* %d UIDFETCH (%s)\r\n".__mod__, zip(page.uids, texts, strict=True)))
    if with_uid:
        rows = zip(page.sequences, page.uids, texts, strict=True)
        return b"".join(map(b"* %d FETCH (UID %d %s)\r\n".__mod__, rows))
    pairs = zip(page.sequences, texts, strict=True)
    return b"".join(map(b"* %d FETCH (%s)\r\n".__mod__, pairs))


class Lines:
    """The writer of one FETCH: its attributes in the client's order.

    ``uidonly``: UIDFETCH responses, whose number is the UID (RFC 9586).
    """

    __slots__ = ("_uidonly", "_writers", "attributes")

    def __init__(self, attributes: Sequence[Attribute], *, uidonly: bool = False) -> None:
        self.attributes = tuple(attributes)
        self._uidonly = uidonly
        self._writers: tuple[Writer, ...] = tuple([_WRITERS[item] for item in attributes])

    def page(self, rows: Iterable[Row]) -> bytes:
        """Whole responses of many messages."""
        writers = self._writers
        if self._uidonly:
            return b"".join(
                [
                    b"* %d UIDFETCH (%s)\r\n"
                    % (row.uid, b" ".join([write(row) for write in writers]))
                    for row in rows
                ]
            )
        return b"".join(
            [
                b"* %d FETCH (%s)\r\n"
                % (row.sequence, b" ".join([write(row) for write in writers]))
                for row in rows
            ]
        )

    def open(self, row: Row) -> bytes:
        """The beginning of a response that content follows; ends with ``CLOSE``."""
        facts = b"".join([write(row) + b" " for write in self._writers])
        if self._uidonly:
            return b"* %d UIDFETCH (%s" % (row.uid, facts)
        return b"* %d FETCH (%s" % (row.sequence, facts)


def flagged_lines(
    messages: Iterable[Changed], *, with_uid: bool, with_modseq: bool, uidonly: bool = False
) -> bytes:
    r"""FETCH responses that tell changed flags (RFC 3501 §7.4.2, RFC 7162 §3.2.4, RFC 9586)."""
    if with_modseq:
        return b"".join([_modseq_line(one, uidonly) for one in messages])
    if uidonly:
        return b"".join([b"* %d UIDFETCH (%s)\r\n" % (one.uid, _flags(one)) for one in messages])
    if with_uid:
        return b"".join(
            [
                b"* %d FETCH (UID %d %s)\r\n" % (one.sequence, one.uid, _flags(one))
                for one in messages
            ]
        )
    return b"".join([b"* %d FETCH (%s)\r\n" % (one.sequence, _flags(one)) for one in messages])


def _modseq_line(one: Changed, uidonly: bool) -> bytes:
    flags = b"" if one.is_quiet else _flags(one) + b" "
    if uidonly:
        return b"* %d UIDFETCH (%sMODSEQ (%d))\r\n" % (one.uid, flags, one.modseq)
    return b"* %d FETCH (UID %d %sMODSEQ (%d))\r\n" % (
        one.sequence,
        one.uid,
        flags,
        one.modseq,
    )
