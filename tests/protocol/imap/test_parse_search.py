"""SEARCH keys."""

import datetime as dt

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.parse_search import read_criteria, read_criteria_in_charset
from postroom.protocol.imap.search import (
    DELETED,
    SEEN,
    All,
    And,
    Body,
    Criteria,
    EmailId,
    Flag,
    Header,
    Keyword,
    Larger,
    Modseq,
    Not,
    Numbers,
    Or,
    Received,
    Recent,
    Saved,
    SearchKey,
    Sent,
    Smaller,
    Subject,
    Text,
    ThreadId,
    Within,
)
from postroom.protocol.imap.sets import SAVED, STAR
from postroom.protocol.imap.tokens import BadSyntax, Reader

DAY = dt.date(1994, 2, 1)
KEYS = [
    (b"ALL", All()),
    (b"unseen", Flag(SEEN, is_set=False)),
    (b"NEW", And((Recent(), Flag(SEEN, is_set=False)))),
    (b"OLD", Recent(is_set=False)),
    (b"KEYWORD $Junk", Keyword("$Junk")),
    (b"UNKEYWORD x", Keyword("x", is_set=False)),
    (b'FROM "Smith"', Header("from", "Smith")),
    (b"HEADER X-Foo {3}\r\nb r", Header("x-foo", "b r")),
    (b'HEADER List-Id ""', Header("list-id", "")),
    (b"BODY x", Body("x")),
    (b'TEXT "\xc3\xa4"', Text("ä")),
    (b"BEFORE 1-Feb-1994", Received("before", DAY)),
    (b'SINCE "1-Feb-1994"', Received("since", DAY)),
    (b"SENTON 1-Feb-1994", Sent("on", DAY)),
    (b"LARGER 5000000000", Larger(5000000000)),
    (b"SMALLER 1", Smaller(1)),
    (b"EMAILID Mff", EmailId(255)),
    (b"EMAILID Tff", EmailId(0)),
    (b"THREADID T1000", ThreadId(4096)),
    (b"MODSEQ 620162338", Modseq(620162338)),
    (b'MODSEQ "/flags/\\\\draft" all 0', Modseq(0)),
    (b"UID 1:*", Numbers(((1, STAR),), by_uid=True)),
    (b"2,4:7", Numbers(((2, 2), (4, 7)), by_uid=False)),
    (b"$", Numbers(SAVED, by_uid=False)),
    (b"UID $", Numbers(SAVED, by_uid=True)),
    (b"OLDER 60", Within(60, is_older=True)),
    (b"YOUNGER 4294967295", Within(4294967295, is_older=False)),
    (b"SAVEDBEFORE 1-Feb-1994", Saved("before", DAY)),
    (b'savedon "1-Feb-1994"', Saved("on", DAY)),
    (b"SAVEDSINCE 1-Feb-1994", Saved("since", DAY)),
    (b"SAVEDATESUPPORTED", All()),
    (b"*", Numbers(((STAR, STAR),), by_uid=False)),
    (b"NOT DELETED", Not(Flag(DELETED))),
    (b"NOT NOT SEEN", Not(Not(Flag(SEEN)))),
    (b"OR SEEN NOT DELETED", Or(Flag(SEEN), Not(Flag(DELETED)))),
    (b"(SEEN DELETED)", And((Flag(SEEN), Flag(DELETED)))),
    (b"((SEEN))", Flag(SEEN)),
    (
        b"SEEN OR (ALL 1) ALL",
        And((Flag(SEEN), Or(And((All(), Numbers(((1, 1),), by_uid=False))), All()))),
    ),
]


@pytest.mark.parametrize(("text", "key"), KEYS)
def test_reads(text: bytes, key: SearchKey) -> None:
    reader = Reader(text)
    assert read_criteria(reader) == Criteria(key)
    assert reader.at_end


def test_charsets() -> None:
    latin = Reader(b'CHARSET ISO-8859-1 SUBJECT "\xe4"')
    assert read_criteria(latin) == Criteria(Subject("ä"))
    cyrillic = Reader(b'charset "koi8-r" TEXT {2}\r\n\xc4\xc1')
    assert read_criteria(cyrillic) == Criteria(Text("да"))
    assert read_criteria(Reader(b"CHARSET UTF-8 ALL")) == Criteria(All())
    assert read_criteria_in_charset(Reader(b"us-ascii ALL")) == Criteria(All())


@pytest.mark.parametrize("name", [b"X-UNKNOWN", b"idna", b"rot13", b"utf-7", b"zip"])
def test_with_an_unknown_charset_the_grammar_still_counts(name: bytes) -> None:
    found = read_criteria(Reader(b'CHARSET %s OR ALL SUBJECT "\xff"' % name))
    assert not found.knows_charset
    with pytest.raises(BadSyntax):
        read_criteria(Reader(b"CHARSET %s FOO" % name))


def test_charset_and_modes() -> None:
    with pytest.raises(BadSyntax):
        read_criteria(Reader(b"CHARSET UTF-8 ALL", Modes(utf8=True)))
    rev2 = Reader(b"CHARSET UTF-8 ALL", Modes(utf8=True, rev2=True))
    assert read_criteria(rev2) == Criteria(All())
    assert read_criteria_in_charset(Reader(b"UTF-8 ALL", Modes(utf8=True))).knows_charset


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"FOO",
        b"(",
        b")",
        b"()",
        b"(SEEN",
        b"SEEN)",
        b"SEEN ",
        b"SEEN  SEEN",
        b"NOT",
        b"NOT ",
        b"OR SEEN",
        b"OR SEEN ",
        b"SUBJECT",
        b"SUBJECT ",
        b'SUBJECT "\xff"',
        b'CHARSET US-ASCII SUBJECT "\xc3\xa4"',
        b'CHARSET ISO-2022-JP SUBJECT "\x1b$"',
        b"BEFORE yesterday",
        b"LARGER x",
        b"UID x",
        b"0",
        b"1:0",
        b"CHARSET UTF-8",
        b"KEYWORD \\Seen",
        b"OLDER 0",
        b"YOUNGER 4294967296",
        b"YOUNGER -1",
        b"SAVEDON today",
        b"$,1",
        b"1,$",
        b"$Junk",
        b"UID $:*",
        b"MODSEQ x",
        b"EMAILID",
        b'THREADID "T1"',
        b"MODSEQ 9223372036854775808",
        b'MODSEQ "/flags/x" 3',
        b'MODSEQ "/flags/x" some 3',
        b'MODSEQ "/x" all 3',
    ],
)
def test_refuses(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        read_criteria(Reader(text))


@pytest.mark.parametrize(
    ("again", "times", "end"),
    [
        (b"(", 1_000_000, b""),
        (b"(", 101, b"ALL" + b")" * 101),
        (b"NOT ", 200_000, b"ALL"),
        (b"OR ", 300_000, b"ALL ALL"),
        (b"ALL ", 200_000, b"ALL"),
        (b"OR ALL ", 2000, b"ALL"),
    ],
)
def test_hostile_trees_are_refused_at_once(again: bytes, times: int, end: bytes) -> None:
    with pytest.raises(BadSyntax, match="too large"):
        read_criteria(Reader(again * times + end))


words = st.sampled_from([text for text, _ in KEYS] + [b"(", b")", b"NOT", b"OR", b" "])


@given(st.lists(words, max_size=8).map(b" ".join) | st.binary(max_size=40))
def test_any_octets(octets: bytes) -> None:
    try:
        read_criteria(Reader(octets))
    except BadSyntax:
        pass
