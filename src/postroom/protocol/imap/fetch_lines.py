"""FETCH responses: facts of many messages a page, without a value per item.

``Lines`` is made once a command; ``page`` turns rows into one piece of octets, as
``flags_page`` does where only flags are asked for.
ENVELOPE and BODYSTRUCTURE were made at filing and go out as they are; a message that
comes as content (``Octets``) is opened here and streamed by the door.

RFC 3501 §7.4.2.
"""

import functools
import operator
from collections.abc import Callable, Iterable, Sequence
from itertools import starmap
from typing import Any, Final, NamedTuple, Protocol

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


Column = Callable[[Sequence[Row]], Iterable[object]]  # a value for each of many messages


def _column(name: str) -> Column:
    """The values of a field, without a step of ours per message."""
    get = operator.attrgetter(name)
    return lambda rows: map(get, rows)


def _written(name: str, write: Callable[[Any], bytes]) -> Column:
    get = operator.attrgetter(name)
    return lambda rows: map(write, map(get, rows))


def _preview(text: str | None) -> bytes:
    """RFC 8970 §6; NIL: there is none at this moment."""
    return nstring(None if text is None else text.encode())


def _flags(row: Marked) -> bytes:
    return _flags_text(row.flags, row.keywords, row.recent)


def _flags_column(rows: Sequence[Row]) -> Iterable[object]:
    return starmap(_flags_text, map(_FLAG_FIELDS, rows))


_FLAG_FIELDS: Final = operator.attrgetter("flags", "keywords", "recent")
_SEQUENCES: Final = _column("sequence")
_UIDS: Final = _column("uid")
_SIZES: Final = _column("size")
# of each attribute how it is written, and the values
_FORMS: Final[dict[Attribute, tuple[bytes, Column]]] = {
    Attribute.FLAGS: (b"%b", _flags_column),
    Attribute.UID: (b"UID %d", _UIDS),
    Attribute.MODSEQ: (b"MODSEQ (%d)", _column("modseq")),
    Attribute.INTERNALDATE: (b"INTERNALDATE %b", _written("received", write_date_time)),
    Attribute.SAVEDATE: (b"SAVEDATE %b", _written("saved", write_date_time)),
    Attribute.EMAILID: (b"EMAILID (%b)", _written("message_id", email_id)),
    Attribute.THREADID: (b"THREADID (%b)", _written("thread_id", thread_id)),
    Attribute.SIZE: (b"RFC822.SIZE %d", _SIZES),
    Attribute.PREVIEW: (b"PREVIEW %b", _written("preview", _preview)),
    Attribute.PREVIEW_LAZY: (b"PREVIEW %b", _written("preview", _preview)),
    Attribute.ENVELOPE: (b"ENVELOPE %b", _column("envelope")),
    Attribute.BODY: (b"BODY %b", _written("bodystructure", basic)),
    Attribute.BODYSTRUCTURE: (b"BODYSTRUCTURE %b", _column("bodystructure")),
}


class FlagPage(NamedTuple):
    r"""Flags of messages: that at place n has those of ``kinds[codes[n]]``.

    A kind is (flags, keywords, \Recent).
    """

    sequences: Sequence[int]
    uids: Sequence[int]
    kinds: Sequence[tuple[int, str, bool]]
    codes: Sequence[int]


def flags_page(page: FlagPage, *, with_uid: bool, uidonly: bool = False) -> bytes:
    """Responses of many messages."""
    texts = [b"%b)\r\n" % _flags_text(*kind) for kind in page.kinds]
    columns: list[Iterable[bytes]] = []
    if uidonly:
        columns += _numbers(page.uids, b"* ", b" UIDFETCH (")
    elif with_uid:
        columns += _numbers(page.sequences, b"* ", b" FETCH (UID ")
        columns += _numbers(page.uids, b"", b" ")
    else:
        columns += _numbers(page.sequences, b"* ", b" FETCH (")
    columns.append(map(texts.__getitem__, page.codes))
    pieces = [b""] * (len(columns) * len(page.codes))
    for place, column in enumerate(columns):
        pieces[place :: len(columns)] = column
    return b"".join(pieces)


def _numbers(numbers: Sequence[int], before: bytes, behind: bytes) -> list[list[bytes]]:
    """Columns that together write each number between two texts.

    Of numbers without a gap, thousands and the rest of them are put together from what there is.
    """
    start = len(numbers)
    if isinstance(numbers, range):
        start = min(start, max(0, 1000 - numbers.start))
    form = before + b"%d" + behind
    fronts, ends = [form % number for number in numbers[:start]], [b""] * start
    tails = _tails(behind) if start < len(numbers) else []
    while start < len(numbers):
        thousands, rest = divmod(numbers[start], 1000)
        count = min(1000 - rest, len(numbers) - start)
        fronts += [before + b"%d" % thousands] * count
        ends += tails[rest : rest + count]
        start += count
    return [fronts, ends]


@functools.cache
def _tails(behind: bytes) -> list[bytes]:
    """The last three digits of every number, with what stands behind it."""
    return [b"%03d%b" % (rest, behind) for rest in range(1000)]


class Lines:
    """The writer of one FETCH: its attributes in the client's order.

    ``uidonly``: UIDFETCH responses, whose number is the UID (RFC 9586). A response is one
    format, filled with a column of values for each attribute.
    """

    __slots__ = ("_columns", "_facts", "_start", "attributes")

    def __init__(self, attributes: Sequence[Attribute], *, uidonly: bool = False) -> None:
        self.attributes = tuple(attributes)
        forms = [_FORMS[item] for item in attributes]
        self._start = b"* %d UIDFETCH (" if uidonly else b"* %d FETCH ("
        self._facts = [form for form, _ in forms]
        self._columns = [_UIDS if uidonly else _SEQUENCES, *[column for _, column in forms]]

    def page(self, rows: Sequence[Row]) -> bytes:
        """Whole responses of many messages."""
        form = self._start + b" ".join(self._facts) + CLOSE
        return self._filled(form, rows)

    def page_with(self, rows: Sequence[Row], label: bytes, texts: Sequence[bytes]) -> bytes:
        """The same with a literal of each message behind its facts, named by ``label``."""
        literal = label.replace(b"%", b"%%") + b" {%d}\r\n%b"
        form = self._start + b" ".join([*self._facts, literal]) + CLOSE
        return self._filled(form, rows, map(len, texts), texts)

    def open_whole(self, rows: Sequence[Row], label: bytes) -> list[bytes]:
        """Of each message the beginning of a response with all its content, up to the octets."""
        form = self._start + b" ".join([*self._facts, label.replace(b"%", b"%%") + b" {%d}\r\n"])
        columns = [column(rows) for column in self._columns]
        return list(map(form.__mod__, zip(*columns, _SIZES(rows), strict=True)))

    def open(self, row: Row) -> bytes:
        """The beginning of a response that content follows; ends with ``CLOSE``."""
        return self._filled(self._start + b"".join([fact + b" " for fact in self._facts]), (row,))

    def _filled(self, form: bytes, rows: Sequence[Row], *more: Iterable[object]) -> bytes:
        columns = [column(rows) for column in self._columns]
        return b"".join(map(form.__mod__, zip(*columns, *more, strict=True)))


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
