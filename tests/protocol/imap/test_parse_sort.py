"""SORT and THREAD."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.esearch import Returns
from postroom.protocol.imap.parse_sort import parse_sort, parse_thread
from postroom.protocol.imap.search import All, Criteria, Subject
from postroom.protocol.imap.sort import Algorithm, Criterion, SortKey
from postroom.protocol.imap.tokens import BadSyntax, Reader

EVERYTHING = Criteria(All())


@pytest.mark.parametrize(
    ("text", "program", "returns"),
    [
        (b"(SUBJECT) UTF-8 ALL", (Criterion(SortKey.SUBJECT),), None),
        (b"(reverse date) us-ascii all", (Criterion(SortKey.DATE, True),), None),
        (
            b'(SUBJECT REVERSE ARRIVAL TO) "utf-8" ALL',
            (Criterion(SortKey.SUBJECT), Criterion(SortKey.ARRIVAL, True), Criterion(SortKey.TO)),
            None,
        ),
        (b"(CC REVERSE CC SIZE CC) UTF-8 ALL", (Criterion(SortKey.CC), Criterion(SortKey.SIZE)), None),
        (b"(DISPLAYFROM DISPLAYTO) UTF-8 ALL",
         (Criterion(SortKey.DISPLAYFROM), Criterion(SortKey.DISPLAYTO)), None),
        (b"RETURN (MIN) (FROM) UTF-8 ALL", (Criterion(SortKey.FROM),), Returns(minimum=True)),
        (b"RETURN () (FROM) UTF-8 ALL", (Criterion(SortKey.FROM),), Returns(everything=True)),
    ],
)  # fmt: skip
def test_sort(text: bytes, program: tuple[Criterion, ...], returns: Returns | None) -> None:
    for by_uid in (False, True):
        found = parse_sort(Reader(text), by_uid=by_uid)
        assert found == c.Sort(program, EVERYTHING, by_uid, returns)


def test_criteria_are_read_in_the_charset() -> None:
    found = parse_sort(Reader(b'(SUBJECT) ISO-8859-1 SUBJECT "\xe4"'))
    assert isinstance(found, c.Sort)
    assert found.criteria == Criteria(Subject("ä"))
    unknown = parse_thread(Reader(b"REFS X-FOO ALL"))
    assert isinstance(unknown, c.Thread)
    assert not unknown.criteria.knows_charset


@pytest.mark.parametrize("name", list(Algorithm))
def test_thread(name: Algorithm) -> None:
    text = name.value.lower() + b" UTF-8 ALL"
    assert parse_thread(Reader(text)) == c.Thread(name, EVERYTHING, by_uid=False)
    assert parse_thread(Reader(text), by_uid=True) == c.Thread(name, EVERYTHING, by_uid=True)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"()",
        b"() UTF-8 ALL",
        b"(DATE) UTF-8",
        b"(DATE) ALL",
        b"(DATE)UTF-8 ALL",
        b"(DATE UTF-8 ALL",
        b"DATE UTF-8 ALL",
        b"(REVERSE) UTF-8 ALL",
        b"(REVERSE REVERSE DATE) UTF-8 ALL",
        b"(BCC) UTF-8 ALL",
        b"(DATE ) UTF-8 ALL",
        b"(DATE) RETURN (MIN) UTF-8 ALL",
        b"RETURN (FOO) (DATE) UTF-8 ALL",
    ],
)
def test_refuses_sort(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse_sort(Reader(text))


@pytest.mark.parametrize(
    "text", [b"", b"REFS", b"REFS UTF-8", b"JWZ UTF-8 ALL", b"RETURN (ALL) REFS UTF-8 ALL"]
)
def test_refuses_thread(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse_thread(Reader(text))


def test_very_many_keys_are_read_at_once() -> None:
    found = parse_sort(Reader(b"(" + b"DATE " * 150_000 + b"SIZE) UTF-8 ALL"))
    assert isinstance(found, c.Sort)
    assert len(found.program) == 2


@given(st.binary(max_size=40))
def test_any_octets(octets: bytes) -> None:
    for parse in (parse_sort, parse_thread):
        try:
            parse(Reader(octets))
        except BadSyntax:
            pass
