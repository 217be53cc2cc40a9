import email
import email.policy
import email.utils

import pytest
from hypothesis import given, strategies as st

from postroom.address import Address
from postroom.message import dates, headers
from postroom.message.submission import (
    MAX_AUTHORS,
    Authors,
    Prepared,
    authors,
    has_bulk_marks,
    prepare,
)
from tests.message import letters

NOW = 1_791_799_198_000
DATE = b"Date: Mon, 12 Oct 2026 09:59:58 +0000\r\n"
IDENT = b"Message-ID: <1.2@mx.example.org>\r\n"


def _prepared(head: bytes) -> Prepared:
    return prepare(head, now=NOW, message_id="1.2", hostname="mx.example.org")


@pytest.mark.parametrize(
    ("head", "expected", "added", "removed"),
    [
        (b"", IDENT + DATE, ("Message-ID", "Date"), 0),
        (b"\r\n", IDENT + DATE + b"\r\n", ("Message-ID", "Date"), 0),
        (b"From: a@b\r\n\r\n", IDENT + DATE + b"From: a@b\r\n\r\n", ("Message-ID", "Date"), 0),
        (b"dAtE : x\r\nFrom: a@b\r\n\r\n", IDENT + b"dAtE : x\r\nFrom: a@b\r\n\r\n",
         ("Message-ID",), 0),
        (b"message-id:\r\n\r\n", DATE + b"message-id:\r\n\r\n", ("Date",), 0),
        (DATE + IDENT + b"X:  y \r\n\r\n", DATE + IDENT + b"X:  y \r\n\r\n", (), 0),
        (DATE + IDENT + b"bcc: x@y,\r\n z@y\r\nX: y\r\nBCC :\r\nResent-Bcc: q@y\r\n\r\n",
         DATE + IDENT + b"X: y\r\n\r\n", (), 3),
        (DATE + IDENT + b"Bcc: x@y", DATE + IDENT, (), 1),
        (DATE + IDENT + b"X-Bcc: x@y\r\nSubject: Bcc: x\r\n Bcc: y\r\n\r\n",
         DATE + IDENT + b"X-Bcc: x@y\r\nSubject: Bcc: x\r\n Bcc: y\r\n\r\n", (), 0),
        (b" x: y\r\n\tz\r\nFrom: a@b\r\n\r\n", b" x: y\r\n\tz\r\n" + IDENT + DATE
         + b"From: a@b\r\n\r\n", ("Message-ID", "Date"), 0),
        (b"no field\r\nBcc: x\r\n\r\n", IDENT + DATE + b"no field\r\n\r\n",
         ("Message-ID", "Date"), 1),
    ],
)  # fmt: skip
def test_prepare(head: bytes, expected: bytes, added: tuple[str, ...], removed: int) -> None:
    assert _prepared(head) == Prepared(expected, added, removed)


def test_what_is_added_is_read_back() -> None:
    head = _prepared(b"From: a@b\r\n\r\n").head
    date = dates.read(headers.value(head, b"date") or b"")
    assert date is not None
    assert date.ms == NOW
    assert headers.value(head, b"message-id") == b"<1.2@mx.example.org>"


@given(letters.octets)
def test_prepare_changes_nothing_else(octets: bytes) -> None:
    head = headers.split(b"Bcc: a@b\r\n" + octets)[0]
    result = _prepared(head)
    names = [field.name for field in headers.fields(result.head)]
    assert not {b"bcc", b"resent-bcc"} & set(names)
    assert {b"date", b"message-id"} <= set(names)
    assert result.removed >= 1
    assert _prepared(result.head) == Prepared(result.head, (), 0)
    without = headers.strip(head, {b"bcc", b"resent-bcc", b"date", b"message-id"})
    assert headers.strip(result.head, {b"date", b"message-id"}) == without


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"From: alice@own.example\r\n\r\n", Authors(("alice@own.example",))),
        (b"from : Alice <alice@OWN.example> (x)\r\n", Authors(("alice@own.example",))),
        (b"From: Alice\r\n <alice@own.example>,\r\n\tb@own.example\r\n\r\n",
         Authors(("alice@own.example", "b@own.example"))),
        (b"From: a@b.example, A <a@b.example>, a@B.EXAMPLE\r\n", Authors(("a@b.example",))),
        (b"From: Board: a@b.example, c@d.example;\r\nSender: S <s@b.example>\r\n",
         Authors(("a@b.example", "c@d.example"), "s@b.example")),
        (b'From: "a b"@c.example, "plain"@c.example\r\n',
         Authors(('"a b"@c.example', "plain@c.example"))),
        (b"From: <@x.example,@y.example:evil@z.example>\r\n", Authors(("evil@z.example",))),
        (b"From: <a@[192.0.2.1]>\r\n", Authors(("a@[192.0.2.1]",))),
        ("From: Jörg <jörg@bücher.example>\r\n".encode(),
         Authors(("jörg@xn--bcher-kva.example",))),
        (b"Subject: x\r\nFrom: a@b.example\r\n\r\nFrom: c@d.example\r\n",
         Authors(("a@b.example",))),
        (b"From: a@b.example\r\nX-From: c@d.example\r\nFrom-Line: x\r\n", Authors(("a@b.example",))),
        (b"From: a@b.example\r\nSubject: x\r\n From: c@d.example\r\n", Authors(("a@b.example",))),
    ],
)  # fmt: skip
def test_authors(head: bytes, expected: Authors) -> None:
    assert authors(head) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'"alice@own.example" <x@evil.example>', ("x@evil.example",)),
        (b"=?utf-8?q?alice=40own.example?= <x@evil.example>", ("x@evil.example",)),
        (b"(alice@own.example) x@evil.example", ("x@evil.example",)),
        (b"alice@own.example <x@evil.example>", ("x@evil.example", "alice@own.example")),
        (b"<alice@own.example> <x@evil.example>", ("alice@own.example", "x@evil.example")),
        (b"<alice@own.example> x@evil.example", ("alice@own.example", "x@evil.example")),
        (b"<alice@own.example>:<x@evil.example>", ("alice@own.example", "x@evil.example")),
        (b"alice@own.example <alice@own.example>", ("alice@own.example",)),
        (b"Mr x@evil.example (c) Y <alice@own.example>", ("alice@own.example", "x@evil.example")),
        (b"g:x@evil.example <a@own.example>;", ("a@own.example", "x@evil.example")),
        (b"alice@own.example x@evil.example", ("alice@own.example", "x@evil.example")),
        (b"g:alice@own.example;x@evil.example", ("alice@own.example", "x@evil.example")),
        (b'"x@evil.example"@own.example', ('"x@evil.example"@own.example',)),
        (b'"\\"<alice@own.example>\\"" <x@evil.example>', ("x@evil.example",)),
    ],
)
def test_no_second_address_is_hidden(value: bytes, expected: tuple[str, ...]) -> None:
    assert set(authors(b"From: " + value + b"\r\n\r\n").from_) == set(expected)


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (b"", "no From field"),
        (b"Subject: x\r\n\r\nFrom: a@b.example\r\n", "no From field"),
        (b"From: a@b.example\r\nFROM : c@d.example\r\n", "has 2 From fields"),
        (b"From: a@b.example\r\nFrom: a@b.example\r\n", "has 2 From fields"),
        (b"From: a@b.example\r\nFrom\0: c@d.example\r\n", "looks like a From field"),
        (b"From: a@b.example\r\nFrom\xc2\xa0: c@d.example\r\n", "looks like a From field"),
        (b" From: c@d.example\r\nFrom: a@b.example\r\n", "looks like a From field"),
        (b"From:\r\n", "no address"),
        (b"From: undisclosed:;\r\n", "no address"),
        (b"From: (a@b.example)\r\n", "no address"),
        (b"From: Alice\r\n", "<Alice>, which is no full address"),
        (b"From: <>\r\n", "no full address"),
        (b"From: =?utf-8?b?YUBiLmV4YW1wbGU=?=\r\n", "no full address"),
        (b"From: a@b.example, Alice\r\n", "no full address"),
        (b"From: a@b.example@evil.example\r\n", "no full address"),
        (b"From: <a@b.example@evil.example>\r\n", "no full address"),
        (b"From: \xff@b.example\r\n", "no full address"),
        (b'From: ""@b.example\r\n', "no full address"),
        (b'From: "a <x@evil.example>\r\n', "can't be read"),
        (b"From: a@b.example (x <x@evil.example>\r\n", "can't be read"),
        (b"From: a@b.example) <x@evil.example>\r\n", "can't be read"),
        (b"From: <a@b.example\r\n", "can't be read"),
        (b"From: a@b.example>\r\n", "can't be read"),
        (b"From: <<a@b.example>>\r\n", "can't be read"),
        (b"From: a@[192.0.2.1\r\n", "can't be read"),
        (b"From: a\\@b.example\r\n", "can't be read"),
        (b"From: a@b.example\x0b\r\n", "can't be read"),
        (b"From: a@b.example\rFrom: c@d.example\r\n", "can't be read"),
        (b"From: " + b"a@b.example," * (MAX_AUTHORS + 1) + b"\r\n", "more than 100"),
        (b"From: bob@local.example, " + b"g:" * 10_001 + b"a@b.example\r\n", "longer than"),
        (b"From: a@b.example\r\nSender: a@b.example, c@d.example\r\n", "Sender field holds sev"),
        (b"From: a@b.example\r\nSender:\r\n", "Sender field holds no address"),
        (b"From: a@b.example\r\nSender: a@b.example\r\nSender: a@b.example\r\n", "2 Sender fields"),
    ],
)
def test_problems(head: bytes, problem: str) -> None:
    found = authors(head)
    assert found.problem is not None
    assert problem in found.problem
    assert (found.from_, found.sender) == ((), None)


def test_an_address_in_a_problem_is_short_and_printable() -> None:
    found = authors(b"From: " + b"\x1e\xc3\xa9x" * 5000 + b"@@\r\n")
    assert found.problem is not None
    found = authors(b"From: " + b"\xc3\xa9x" * 5000 + b"@@\r\n")
    assert found.problem is not None
    assert len(found.problem) < 200
    assert found.problem.isascii()
    assert found.problem.isprintable()


def test_more_addresses_than_the_reader_takes() -> None:
    assert authors(b"From: " + b"a@b.example," * 20_000 + b"x@evil.example\r\n").problem


_PIECES = [b"<", b">", b'"', b"(", b")", b",", b";", b":", b"@", b"\\", b"a@b.example", b" ",
           b"x@evil.example", b"[", b"]", b"a", b".example", b"\r\n ", b"=?utf-8?q?x?="]  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=20).map(b"".join))
def test_any_value(value: bytes) -> None:
    """Each address another reader sees is in the result, or there is a problem."""
    found = authors(b"From: " + value + b"\r\n\r\n")
    for address in found.from_:
        assert str(Address.parse(address)) == address
    assert bool(found.from_) is not bool(found.problem)
    if found.problem is None:
        line = value.replace(b"\r\n", b"").decode()
        seen = {address for _, address in email.utils.getaddresses([line])}
        assert seen & {"a@b.example", "x@evil.example"} <= set(found.from_)


@given(letters.octets)
def test_nothing_raises(octets: bytes) -> None:
    authors(octets)
    authors(b"From: " + octets)
    has_bulk_marks(octets)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", False),
        (b"Subject: bulk\r\n\r\n", False),
        (b"Precedence: bulk\r\n\r\n", True),
        (b"precedence : LIST (x)\r\n\r\n", True),
        (b"Precedence: junk\r\n", True),
        (b"Precedence: first-class\r\n", False),
        (b"Precedence: first-class\r\nPrecedence: bulk\r\n", True),
        (b"List-Id: <x.example.org>\r\n", True),
        (b"List-Unsubscribe: <https://example.org>\r\n", True),
        (b"List-Post: <mailto:x@example.org>\r\n", False),
        (b"Auto-Submitted: no\r\n", False),
        (b"Auto-Submitted: (really) NO ; x=y\r\n", False),
        (b"Auto-Submitted:\r\n", False),
        (b"Auto-Submitted: auto-generated; type=x\r\n", True),
        (b"Auto-Submitted:\r\n auto-replied\r\n", True),
        (b"Subject: x\r\n\r\nPrecedence: bulk\r\n", False),
    ],
)
def test_bulk_marks(head: bytes, expected: bool) -> None:
    assert has_bulk_marks(head) is expected
