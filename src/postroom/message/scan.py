r"""The scanner: the MIME tree of a letter as offsets, from blocks of any cut.

It never raises, never recurses, and its result does not depend on the cuts. Content is
searched by ``bytes.find`` and counted by ``bytes.count``, never line by line; what is
kept between blocks is the header block being collected (at most MAX_HEADER octets) and
the tail that may be the beginning of a delimiter.

A delimiter is a whole line: ``--boundary`` or ``--boundary--``, then white space. The
line break before it belongs to it. A delimiter of an outer multipart ends everything
inside. Where a limit is reached the rest is text of the part it stands in; a multipart
without any part is a text part.

RFC 2046 §5.1 (multipart), §5.1.5 (digest), §5.2.1 (message/rfc822), RFC 6532 §3.7 (message/global).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from postroom.message.headers import EMPTY_LINE, MAX_HEADER
from postroom.message.part import (
    Fields,
    Part,
    boundary,
    describe,
    read_fields,
    unparsed,
)

__all__ = ["MAX_DEPTH", "MAX_PARTS", "Part", "Scanner", "scan"]

MAX_DEPTH: Final = 100  # multiparts and messages inside each other
MAX_PARTS: Final = 1000
MAX_LINE: Final = 5000  # octets; a longer line is no delimiter (MAX_BOUNDARY and some blanks)
SMALL_FIELD: Final = 1024  # octets of Content-Type still read when the header budget is spent

_LF: Final = 0x0A
_HEADER_STOP: Final = re.compile(rb"\n(?:\r?\n|--)")


class _Open(msgspec.Struct):
    """A part whose end has not come yet."""

    part: Part
    is_message: bool
    in_digest: bool = False
    boundary: bytes | None = None
    lines_before: int = 0


class _Delimiter(msgspec.Struct):
    """A delimiter line: whose it is, where its line break and the next line stand."""

    level: int
    is_closing: bool
    at: int
    after: int


def scan(octets: bytes) -> Part:
    """The tree of a whole letter."""
    scanner = Scanner()
    scanner.feed(octets)
    return scanner.finish()


class Scanner:
    """``feed`` the whole letter, header block first; then ``finish``."""

    def __init__(self) -> None:
        self._root = Part()
        self._open = [_Open(self._root, is_message=True)]
        self._in_header = True
        self._header_start = 0
        self._kept: bytes | None = None  # of a header block that is longer than MAX_HEADER
        self._data = b"\n"  # a line break before the letter, so that every line has one
        self._base = -1  # offset of _data[0]
        self._at = 1  # index in _data: what is before has been examined
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._is_final = False
        self._lines = 0  # line ends before the offset _counted
        self._counted = 0
        self._parts = 1
        self._budget = MAX_HEADER
        self._delimiters: dict[bytes, tuple[int, bool]] = {}
        self._needle = b""  # a line break, two hyphens, and what all boundaries begin with
        self._beginnings: set[bytes] = set()  # as long as the shortest boundary
        self._shortest = 0  # with line break and hyphens

    def feed(self, block: bytes) -> None:
        """The next octets."""
        self._pending.append(block)
        self._pending_size += len(block)
        if self._pending_size * 4 >= len(self._data):  # else: many small blocks cost too much
            self._run()

    def finish(self) -> Part:
        """The tree; nothing may be fed afterwards."""
        self._is_final = True
        self._run()
        data = self._data
        self._count_to(len(data))
        if self._in_header:
            self._interrupt_header(len(data))
        self._close(0, self._base + len(data), self._lines)
        return self._root

    def _run(self) -> None:
        if self._pending:
            self._data = b"".join([self._data, *self._pending])
            self._pending = []
            self._pending_size = 0
        while self._header() if self._in_header else self._body():
            pass
        self._drop()

    def _drop(self) -> None:
        """Forget what has been examined, but for the line break a delimiter may follow."""
        self._count_to(self._at - 1)
        drop = self._at - 2
        if self._in_header:
            start = self._header_start - self._base
            if self._kept is None and len(self._data) - start > MAX_HEADER:
                self._kept = self._data[start : start + MAX_HEADER]
            if self._kept is None:
                drop = min(drop, start - 2)
        if drop > 0:
            self._data = self._data[drop:]
            self._base += drop
            self._at -= drop

    # -- searching; both return False when they need more octets

    def _header(self) -> bool:
        data = self._data
        if self._delimiters:
            at = self._at - 1
            shortest, beginnings, certain = self._shortest, self._beginnings, self._certain()
            while found := _HEADER_STOP.search(data, at):
                at = found.end()
                if data[at - 1] == _LF:
                    break
                if at < certain and data[at : at + shortest - 3] not in beginnings:
                    continue
                line = self._delimiter_at(at - 3)
                if line is None:
                    return False
                if line.after:
                    self._end_at(line)
                    return True
        else:
            found = EMPTY_LINE.search(data, self._at - 1)
        if found is None:
            self._at = max(self._at, len(data) - 2)
            return False
        self._at = end = found.end()
        self._begin_body(self._header_octets(end), end)
        return True

    def _body(self) -> bool:
        data = self._data
        if self._delimiters:
            needle = self._needle
            at = data.find(needle, self._at - 1)
            shortest, beginnings, certain = self._shortest, self._beginnings, self._certain()
            while at >= 0:
                if at < certain and data[at + 3 : at + shortest] not in beginnings:
                    at = data.find(needle, at + 1)
                    continue
                line = self._delimiter_at(at)
                if line is None:
                    return False
                if line.after:
                    self._end_at(line)
                    return True
                at = data.find(needle, at + 1)
            self._at = max(self._at, len(data) - len(needle) + 2)
        else:
            self._at = len(data)
        return False

    def _delimiter_at(self, at: int) -> _Delimiter | None:
        """The line after the line break at ``at``; its ``after`` is 0 when it is none.

        None, and the search goes on from here, when its end has not come yet.
        """
        data = self._data
        end = data.find(b"\n", at + 1, at + 1 + MAX_LINE)
        after = end + 1
        if end < 0:
            end = after = len(data)
            if end - at > MAX_LINE:
                return _NO_DELIMITER
            if not self._is_final:
                self._at = at + 1
                return None
        whose = self._delimiters.get(data[at + 3 : end].rstrip(b" \t\r"))
        if whose is None:
            return _NO_DELIMITER
        return _Delimiter(whose[0], whose[1], at, after)

    # -- the tree

    def _begin_body(self, head: bytes, at: int) -> None:
        """The header block of the innermost part is complete; its body begins at ``at``."""
        self._count_to(at)
        opened = self._open[-1]
        part = opened.part
        opened.lines_before = self._lines
        part.body_start = self._base + at
        found = self._afforded(read_fields(head, is_message=opened.is_message))
        describe(part, found, in_digest=opened.in_digest)
        if opened.is_message:
            part.fields = found
        self._in_header = False
        self._kept = None
        if part.is_multipart:
            opened.boundary = boundary(part)
            if opened.boundary is None or self._is_full():
                unparsed(part)
            else:
                self._set_delimiters()
        elif part.holds_message:
            if self._is_full():
                unparsed(part)
            else:
                part.message = self._open_part(at, is_message=True, in_digest=False)

    def _is_full(self) -> bool:
        return len(self._open) >= MAX_DEPTH or self._parts >= MAX_PARTS

    def _open_part(self, at: int, *, is_message: bool, in_digest: bool) -> Part:
        part = Part(header_start=self._base + at)
        self._open.append(_Open(part, is_message=is_message, in_digest=in_digest))
        self._parts += 1
        self._in_header = True
        self._header_start = part.header_start
        self._at = at
        return part

    def _end_at(self, line: _Delimiter) -> None:
        """A delimiter line: end what it ends, begin what it begins."""
        cut = line.at - (self._data[line.at - 1 : line.at] == b"\r")
        self._count_to(line.at)
        lines = self._lines - (self._counted > self._base + line.at)
        if self._in_header:
            self._interrupt_header(cut)
        self._at = line.after
        multipart = self._open[line.level]
        if line.is_closing:
            self._close(line.level + 1, self._base + cut, lines)
            multipart.boundary = None
        elif self._parts >= MAX_PARTS:
            for opened in self._open:
                opened.boundary = None
        else:
            self._close(line.level + 1, self._base + cut, lines)
            in_digest = multipart.part.content_type[1] == "digest"
            child = self._open_part(line.after, is_message=False, in_digest=in_digest)
            multipart.part.children.append(child)
        self._set_delimiters()

    def _interrupt_header(self, cut: int) -> None:
        """A header block without its empty line: it ends here, and so does its part."""
        head = self._header_octets(cut)
        while self._in_header:
            self._begin_body(head, cut)
            head = b""

    def _close(self, level: int, end: int, lines: int) -> None:
        """End the open parts from this level on; nothing in them lies behind ``end``."""
        while len(self._open) > level:
            opened = self._open.pop()
            part = opened.part
            part.end = end
            part.body_start = min(part.body_start, end)
            part.header_start = min(part.header_start, end)
            part.lines = max(0, lines - opened.lines_before)
            if part.is_multipart and not part.children:
                unparsed(part)

    def _set_delimiters(self) -> None:
        self._delimiters = {}
        boundaries = []
        for level, opened in enumerate(self._open):
            if opened.boundary is not None:
                boundaries.append(opened.boundary)
                self._delimiters[opened.boundary + b"--"] = (level, True)
                self._delimiters[opened.boundary] = (level, False)
        if boundaries:
            self._needle = b"\n--" + _common_prefix(min(boundaries), max(boundaries))
            shortest = min(map(len, boundaries))
            self._beginnings = {text[:shortest] for text in boundaries}
            self._shortest = shortest + 3

    def _certain(self) -> int:
        """Before this index a line can be told by its beginning alone."""
        return len(self._data) - self._shortest

    # -- octets

    def _header_octets(self, end: int) -> bytes:
        if self._kept is not None:
            return self._kept
        start = self._header_start - self._base
        return self._data[start : min(end, start + MAX_HEADER)]

    def _afforded(self, found: Fields) -> Fields:
        """What all the inner header blocks together may keep is bounded."""
        if len(self._open) == 1:
            return found
        size = sum([len(value) for values in found.values() for value in values])
        if size <= self._budget:
            self._budget -= size
            return found
        return {
            name: found[name][:1]
            for name in (b"content-type", b"content-transfer-encoding")
            if name in found and len(found[name][0]) <= SMALL_FIELD
        }

    def _count_to(self, at: int) -> None:
        start = self._counted - self._base
        if at > start:
            self._lines += self._data.count(b"\n", start, at)
            self._counted = self._base + at


_NO_DELIMITER: Final = _Delimiter(0, is_closing=False, at=0, after=0)


def _common_prefix(low: bytes, high: bytes) -> bytes:
    for index, octet in enumerate(low):
        if octet != high[index]:
            return low[:index]
    return low
