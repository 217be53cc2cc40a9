"""Response lines: encoders with the right quoting (RFC 3501 §7, §9).

What a client or a letter brought in (names, header text) leaves only as a quoted string
without specials, or as a literal; status texts are our own and kept printable.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Final

from postroom.protocol.imap.flags import SYSTEM, SYSTEM_TEXT
from postroom.protocol.imap.names import encode_name
from postroom.protocol.imap.sets import write_ranges, write_set

URLMECH: Final = b"URLMECH INTERNAL"  # RFC 4467 §8
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NO_QUOTED: Final = re.compile(rb"[\x00-\x1f\x7f-\xff]")
_NO_QUOTED_UTF8: Final = re.compile(rb"[\x00-\x1f\x7f]")
_MAX_QUOTED: Final = 1000
_SHORT: Final = 64  # octets of a code that is worth to be remembered


def status_line(
    tag: bytes, condition: str, text: str, code: bytes = b"", *, utf8: bool = False
) -> bytes:
    """``tag OK [CODE] text`` (RFC 3501 §7.1).

    A letter that is not ASCII is "?" to clients other than those of IMAP4rev2 (``utf8``, RFC
    9051 §9).
    """
    write = _status if len(code) < _SHORT else _status.__wrapped__
    return tag + write(condition, text, code, utf8)


@functools.lru_cache(maxsize=64)  # thousands of answers are the same but for the tag
def _status(condition: str, text: str, code: bytes, utf8: bool) -> bytes:
    text = _UNPRINTABLE.sub(" ", text).strip() or "Done"
    if text.startswith("[") and not code:
        text = "." + text  # a text is no response code
    octets = text.encode("utf-8" if utf8 else "ascii", "replace")
    return b" %s %s%s\r\n" % (condition.encode("ascii"), b"[%s] " % code if code else b"", octets)


def continuation(text: bytes) -> bytes:
    """``+ text`` (RFC 3501 §7.5)."""
    return b"+ %s\r\n" % text


def string(octets: bytes) -> bytes:
    """A quoted string where that is possible, else a literal."""
    if len(octets) > _MAX_QUOTED or _NO_QUOTED.search(octets):
        return b"{%d}\r\n%s" % (len(octets), octets)
    return b'"%s"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def nstring(octets: bytes | None) -> bytes:
    """A string, or NIL."""
    return b"NIL" if octets is None else string(octets)


def mailbox_name(name: str, *, utf8: bool = False) -> bytes:
    """A mailbox name in modified UTF-7 (or UTF-8), as a string."""
    octets = encode_name(name, utf8=utf8)
    if utf8 and len(octets) <= _MAX_QUOTED and not _NO_QUOTED_UTF8.search(octets):
        return b'"%s"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return string(octets)


def list_line(
    kind: bytes, attributes: Sequence[bytes], name: str, *, utf8: bool = False, old_name: str = ""
) -> bytes:
    r"""``* LIST (\HasNoChildren) "/" "name"`` (RFC 3501 §7.2.2).

    ``old_name`` is what the mailbox was called before (RFC 9051 §6.3.9.7).
    """
    words = b" ".join(attributes)
    old = b' ("OLDNAME" (%s))' % mailbox_name(old_name, utf8=utf8) if old_name else b""
    return b'* %s (%s) "/" %s%s\r\n' % (kind, words, mailbox_name(name, utf8=utf8), old)


def status_response(
    name: str, items: Iterable[tuple[bytes, int | bytes]], *, utf8: bool = False
) -> bytes:
    """``* STATUS "name" (MESSAGES 3)`` (RFC 3501 §7.2.4)."""
    words = b" ".join(
        [
            b"%s %s" % (item, value if isinstance(value, bytes) else b"%d" % value)
            for item, value in items
        ]
    )
    return b"* STATUS %s (%s)\r\n" % (mailbox_name(name, utf8=utf8), words)


def search_line(kind: bytes, numbers: Sequence[int], modseq: int = 0) -> bytes:
    """``* SEARCH 2 84 882 (MODSEQ 917162500)``; ``kind`` is SEARCH or SORT.

    RFC 3501 §7.2.5, RFC 5256 §4, RFC 7162 §3.1.6.
    """
    if not numbers:
        return b"* %s\r\n" % kind
    end = b" (MODSEQ %d)" % modseq if modseq else b""
    words = str(list(numbers))[1:-1].replace(",", "").encode("ascii")
    return b"* %s %s%s\r\n" % (kind, words, end)


def inprogress_line(tag: bytes, done: int, goal: int) -> bytes:
    """``* OK [INPROGRESS ("a1" 454 1000)] ..``; what is not known (0) is NIL (RFC 9585 §3).

    So is a tag with a "]" in it, which would end the code.
    """
    name = b"NIL" if b"]" in tag else b'"%s"' % tag
    if not goal:
        code = b"INPROGRESS (%s NIL NIL)" % name
        return status_line(b"*", "OK", "Still at work", code)
    done = min(done, goal - 1)  # the end is told by the tagged response
    code = b"INPROGRESS (%s %d %d)" % (name, done, goal)
    return status_line(b"*", "OK", f"{done} of {goal} messages are done", code)


def flags_lines(keywords: Iterable[str], *, mask: int, may_name: bool) -> bytes:
    r"""FLAGS and PERMANENTFLAGS of a selected mailbox.

    ``mask`` has the system flags that may be changed; with ``may_name`` keywords may be, and
    new ones made: ``\*`` (RFC 3501 §7.1, RFC 4314 §5.1.1).
    """
    words = [keyword.encode("ascii") for keyword in keywords]
    names = b" ".join([SYSTEM_TEXT, *words])
    changeable = [name for name, bit in SYSTEM.items() if mask & bit]
    permanent = b" ".join([*changeable, *words, b"\\*"] if may_name else changeable)
    return b"* FLAGS (%s)\r\n* OK [PERMANENTFLAGS (%s)] Flags that last\r\n" % (names, permanent)


def exists_line(messages: int) -> bytes:
    """``* 23 EXISTS`` (RFC 3501 §7.3.1)."""
    return b"* %d EXISTS\r\n" % messages


def recent_line(messages: int) -> bytes:
    """``* 5 RECENT`` (RFC 3501 §7.3.2)."""
    return b"* %d RECENT\r\n" % messages


def expunge_lines(sequences: Iterable[int]) -> bytes:
    """``* 44 EXPUNGE`` a message, each number as it is once the ones before are gone."""
    return b"".join([b"* %d EXPUNGE\r\n" % sequence for sequence in sequences])


def language_line(languages: Sequence[str]) -> bytes:
    """``* LANGUAGE ("en")`` (RFC 5255 §3.3)."""
    return b"* LANGUAGE (%s)\r\n" % b" ".join([string(name.encode()) for name in languages])


def highestmodseq_line(modseq: int) -> bytes:
    """``* OK [HIGHESTMODSEQ 715194045007]`` (RFC 7162 §3.1.2.1)."""
    return status_line(b"*", "OK", "Highest", b"HIGHESTMODSEQ %d" % modseq)


def vanished_line(uids: Sequence[int]) -> bytes:
    """``* VANISHED 405,407:410`` (RFC 7162 §3.2.10.2); nothing for no UID."""
    return b"* VANISHED %s\r\n" % write_set(uids) if uids else b""


def earlier_line(ranges: Sequence[tuple[int, int]]) -> bytes:
    """``* VANISHED (EARLIER) 41,43:116`` (RFC 7162 §3.2.10.1); nothing for no range."""
    return b"* VANISHED (EARLIER) %s\r\n" % write_ranges(ranges) if ranges else b""


def id_line(fields: Iterable[tuple[str, str]]) -> bytes:
    """``* ID ("name" "Postroom")`` (RFC 2971 §3.2)."""
    words = b" ".join([string(part.encode()) for field in fields for part in field])
    return b"* ID (%s)\r\n" % words
