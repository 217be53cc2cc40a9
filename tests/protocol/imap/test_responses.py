"""Response lines."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.names import decode_name
from postroom.protocol.imap.responses import (
    continuation,
    earlier_line,
    exists_line,
    expunge_lines,
    flags_lines,
    highestmodseq_line,
    id_line,
    inprogress_line,
    list_line,
    nstring,
    recent_line,
    search_line,
    status_line,
    status_response,
    string,
    vanished_line,
)
from postroom.protocol.imap.tokens import Reader


def test_status_lines() -> None:
    assert status_line(b"a", "OK", "Done") == b"a OK Done\r\n"
    assert status_line(b"*", "BYE", "x", b"ALERT") == b"* BYE [ALERT] x\r\n"
    assert status_line(b"a", "NO", "a\r\n* OK x\xe4") == b"a NO a * OK x?\r\n"
    assert status_line(b"a", "NO", "\xe4\u2028\x85x", utf8=True) == b"a NO \xc3\xa4 x\r\n"
    assert status_line(b"a", "NO", "") == b"a NO Done\r\n"
    assert status_line(b"a", "NO", "[ALERT] x") == b"a NO .[ALERT] x\r\n"
    assert continuation(b"") == b"+ \r\n"


@pytest.mark.parametrize(
    ("octets", "written"),
    [
        (b"", b'""'),
        (b'a"b\\', b'"a\\"b\\\\"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\xc3\xa4", b"{2}\r\n\xc3\xa4"),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_strings(octets: bytes, written: bytes) -> None:
    assert string(octets) == nstring(octets) == written
    assert nstring(None) == b"NIL"


@given(st.binary(max_size=50).filter(lambda octets: b"\x00" not in octets))
def test_strings_read_back(octets: bytes) -> None:
    reader = Reader(string(octets))
    assert reader.string() == octets
    assert reader.at_end


@given(st.text(max_size=50), st.booleans())
def test_status_texts_stay_in_their_line(text: str, utf8: bool) -> None:
    line = status_line(b"a", "NO", text, utf8=utf8)
    assert line.endswith(b"\r\n")
    assert utf8 or line.isascii()
    line.decode()
    assert line.count(b"\r") == line.count(b"\n") == 1


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_names_stay_in_their_line(name: str) -> None:
    line = list_line(b"LIST", [b"\\HasNoChildren"], name)
    prefix = b'* LIST (\\HasNoChildren) "/" '
    assert line.startswith(prefix)
    reader = Reader(line[len(prefix) : -2])
    octets = reader.string()
    assert reader.at_end
    if name.isprintable():
        assert decode_name(octets).upper() == name.upper()


def test_lines() -> None:
    assert list_line(b"LSUB", [], "a b") == b'* LSUB () "/" "a b"\r\n'
    nil = status_response("x", [(b"APPENDLIMIT", b"NIL"), (b"MESSAGES", 3)])
    assert nil == b'* STATUS "x" (APPENDLIMIT NIL MESSAGES 3)\r\n'
    assert status_response("x", [(b"MESSAGES", 3), (b"UNSEEN", 0)]) == (
        b'* STATUS "x" (MESSAGES 3 UNSEEN 0)\r\n'
    )
    assert search_line(b"SEARCH", []) == b"* SEARCH\r\n"
    assert search_line(b"SEARCH", [2]) == b"* SEARCH 2\r\n"
    assert search_line(b"SEARCH", [2, 84, 882]) == b"* SEARCH 2 84 882\r\n"
    assert search_line(b"SEARCH", [2], 917) == b"* SEARCH 2 (MODSEQ 917)\r\n"
    assert search_line(b"SEARCH", [], 917) == b"* SEARCH\r\n"
    assert highestmodseq_line(7) == b"* OK [HIGHESTMODSEQ 7] Highest\r\n"
    assert vanished_line([405, 407, 408]) == b"* VANISHED 405,407:408\r\n"
    assert earlier_line([(41, 41), (43, 116)]) == b"* VANISHED (EARLIER) 41,43:116\r\n"
    assert vanished_line([]) == earlier_line([]) == b""
    assert exists_line(3) == b"* 3 EXISTS\r\n"
    assert recent_line(0) == b"* 0 RECENT\r\n"
    assert expunge_lines([3, 3]) == b"* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n"
    assert id_line([("name", "Postroom")]) == b'* ID ("name" "Postroom")\r\n'


def test_flags() -> None:
    flags = b"\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk"
    assert flags_lines(["$Junk"], mask=31, may_name=True) == (
        b"* FLAGS ("
        + flags
        + b")\r\n* OK [PERMANENTFLAGS ("
        + flags
        + b" \\*)] Flags that last\r\n"
    )
    assert b"[PERMANENTFLAGS ()]" in flags_lines(["$Junk"], mask=0, may_name=False)
    assert b"[PERMANENTFLAGS (\\Deleted \\Seen)]" in flags_lines(["a"], mask=9, may_name=False)


def test_progress() -> None:
    """RFC 9585 §3: the progress is below the goal."""
    line = inprogress_line(b"A1", 454, 1000)
    assert line.startswith(b'* OK [INPROGRESS ("A1" 454 1000)] ')
    assert b" 999 1000)]" in inprogress_line(b"A1", 1000, 1000)
    assert b" 0 1)]" in inprogress_line(b"A1", 1, 1)
    assert b'[INPROGRESS ("A1" NIL NIL)]' in inprogress_line(b"A1", 5, 0)
    assert b"[INPROGRESS (NIL 5 9)] " in inprogress_line(b"A]1", 5, 9)
    assert b"[INPROGRESS (NIL NIL NIL)] " in inprogress_line(b"A]1", 5, 0)
