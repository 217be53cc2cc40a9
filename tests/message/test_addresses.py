import pytest
from hypothesis import given, strategies as st

from postroom.message import addresses, headers
from postroom.message.addresses import (
    MAX_MAILBOXES,
    MAX_TOKENS,
    Group,
    Mailbox,
    mailboxes,
    parse,
)
from postroom.message.charset import decode_words
from tests import absent
from tests.message import letters

# What the vectors expect and we don't: comments beside a name, obsolete blanks and routes
# kept in the address, blanks at the beginning of a name.
DIFFERENT = (
    "Pete(A nice",
    "A Group(Some people)",
    "(Empty list)(start)",
    "Mary Smith <@node.test:",
    "John Doe <jdoe@machine(comment)",
    "Nathaniel Borenstein",
    '"  James Smythe"',
    "Name (comment)",
)


def test_vectors() -> None:
    cases = letters.vectors("address.json")
    agreed = 0
    for case in cases:
        value = headers.value(b"To:" + case["header"].encode(), b"to") or b""
        read = [
            {
                "name": decode_words(mailbox.name) or None,
                "address": b"@".join(filter(None, (mailbox.local, mailbox.domain))).decode(),
            }
            for mailbox in mailboxes(parse(value))
        ]
        expected = case["expected"]
        told = expected.get("List") or [
            member for group in expected["Group"] for member in group["addresses"]
        ]
        if read == told:
            agreed += 1
        else:
            assert case["header"].startswith(DIFFERENT)
    assert (len(cases), agreed) == (60, 51) or not absent.vectors("mime", "address.json")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", []),
        (b" , ,", []),
        (b"(only a comment)", []),
        (b"a@b", [Mailbox(b"", b"a", b"b")]),
        (b"a@b (The Name)", [Mailbox(b"The Name", b"a", b"b")]),
        (b"N (c) <a@b>", [Mailbox(b"N", b"a", b"b")]),
        (b"(c (d) \\) e) <a@b>", [Mailbox(b"c (d) ) e", b"a", b"b")]),
        (b'"a@b c\\""@d', [Mailbox(b"", b'a@b c"', b"d")]),
        (b'"x, y" <"q r"@[192.0.2.1]>', [Mailbox(b"x, y", b"q r", b"[192.0.2.1]")]),
        (b"a (x) . b @ c (y) . d", [Mailbox(b"x", b"a.b", b"c.d")]),
        (b"N <@x,@y:a@b>", [Mailbox(b"N", b"a", b"b", b"@x,@y")]),
        (b"=?utf-8?q?J=C3=B6?= X <a@b>", [Mailbox(b"=?utf-8?q?J=C3=B6?= X", b"a", b"b")]),
        (b"J\xc3\xb6 <j\xc3\xb6@b>", [Mailbox(b"J\xc3\xb6", b"j\xc3\xb6", b"b")]),
        (b"John Q. Public <a@b>", [Mailbox(b"John Q. Public", b"a", b"b")]),
        (b"g:;", [Group(b"g", ())]),
        (b"undisclosed recipients: ;", [Group(b"undisclosed recipients", ())]),
        (
            b"x@y, g: a@b, N <c@d>; e@f",
            [
                Mailbox(b"", b"x", b"y"),
                Group(b"g", (Mailbox(b"", b"a", b"b"), Mailbox(b"N", b"c", b"d"))),
                Mailbox(b"", b"e", b"f"),
            ],
        ),
        (b"g: h: a@b; c@d", [Group(b"g", ()), Group(b"h", (Mailbox(b"", b"a", b"b"),)),
                             Mailbox(b"", b"c", b"d")]),
        (b"g: a@b", [Group(b"g", (Mailbox(b"", b"a", b"b"),))]),
        (b"N\r\n <a@b>", [Mailbox(b"N", b"a", b"b")]),
        (b"<>", [Mailbox(b"", b"", b"")]),
    ],
)  # fmt: skip
def test_lists(value: bytes, expected: object) -> None:
    assert parse(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # A12: whoever could be shown is found
        (b"<a@e>:<b@v>", ["a@e", "b@v"]),
        (b"<a@e> b@v", ["a@e", "b@v"]),
        (b"<a@e> <b@v>", ["a@e", "b@v"]),
        (b"a@e b@v", ["a@e", "b@v"]),
        (b"a@e <b@v>", ["b@v"]),
        (b"x: a@e; <b@v>", ["a@e", "b@v"]),
        (b"a@b@c", ["a@b@c"]),
        (b"<a@b@c>", ["a@b@c"]),
        (b"<a@b, c@d>", ["a@b", "c@d"]),
        (b"<a@b <c@d>", ["a@b", "c@d"]),
        (b"<a@b", ["a@b"]),
        (b"Name a@b", ["a@b"]),
        (b"a@b Name", ["a@b"]),
        (b"@b", ["@b"]),
        (b"a@", ["a@"]),
        (b"just words", ["just words@"]),
        (b'"unclosed a@b', ["unclosed a@b@"]),
        (b"a@b (unclosed, c@d", ["a@b"]),
        (b"a@b) , c@d", ["a@b)", "c@d"]),
        (b"x; a@b", ["x@", "a@b"]),
        (b"a@b: c@d", ["a@b", "c@d"]),
        (b"<a@b;c@d", ["a@b", "c@d"]),
        (b"<@x:a@b", ["a@b"]),
        (b"<@x>", ["@x"]),
    ],
)
def test_what_is_no_address_list(value: bytes, expected: list[str]) -> None:
    found = [f"{m.local.decode()}@{m.domain.decode()}" for m in mailboxes(parse(value))]
    assert found == expected


def test_the_number_is_bounded() -> None:
    assert len(parse(b"a@b," * 20_000)) == MAX_MAILBOXES
    assert len(mailboxes(parse(b"g: " + b"a@b," * 20_000 + b";"))) == MAX_MAILBOXES
    assert len(parse(b"a @b," * 20_000)) == MAX_MAILBOXES
    assert len(parse(b"g:;" * 20_000)) == MAX_MAILBOXES
    assert parse(b"g:;" * 20_000, most=1) == [Group(b"g", ())]
    assert len(mailboxes(parse(b"g:a@b;" * 20_000))) <= MAX_MAILBOXES


@pytest.mark.parametrize("again", [b'"a" ', b"()", b"a ", b"b, "])
def test_what_is_not_simply_written_is_bounded(again: bytes) -> None:
    last = Mailbox(b"", b"c", b"d")
    assert parse(again * (MAX_TOKENS // 6) + b", c@d", most=MAX_TOKENS)[-1] == last
    assert last not in parse(again * MAX_TOKENS + b", c@d", most=MAX_TOKENS)


@pytest.mark.parametrize(
    ("again", "times", "end"),
    [
        (b'"', 16_384, b""),
        (b"(", 1000, b""),
        (b"(", 250_000, b""),
        (b"()", 125_000, b""),
        (b"=?utf-8?q?x?= ", 16_384, b""),
        (b"a@b c@d ", 30_000, b""),
        (b"<", 250_000, b""),
        (b"@", 250_000, b""),
        (b":", 250_000, b""),
        (b"a:", 100_000, b""),
        (b"\\", 250_000, b""),
        (b" ", 250_000, b""),
        (b"a ", 120_000, b""),
        (b"[", 250_000, b""),
        (b"a@b (", 50_000, b""),
        (b"<@", 120_000, b""),
        (b"a.", 120_000, b"@b"),
        (b'"a\\"', 60_000, b""),
    ],
)
def test_bombs(again: bytes, times: int, end: bytes) -> None:
    """D8: linear; each takes a part of a second."""
    parse(again * times + end)


_PIECES = st.sampled_from(
    [b"a", b"b.c", b"@", b"<", b">", b",", b":", b";", b'"', b"(", b")", b"\\", b" ", b"\r\n ",
     b".", b"[1]", b"=?utf-8?q?x?=", b"\xff", b"\0"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=30).map(b"".join))
def test_any_octets(value: bytes) -> None:
    for mailbox in mailboxes(parse(value)):
        assert b"\n" not in mailbox.name


@given(st.lists(_PIECES, max_size=12).map(b"".join))
def test_the_quick_way_reads_like_the_other(value: bytes) -> None:
    reader = addresses._Reader(MAX_MAILBOXES)
    reader.read(value, 0)
    assert parse(value) == reader.found


@pytest.mark.parametrize("value", [b"a@b, c@d", b'"x y" (c) <a@b>, c@d', b"Team: a@b, c@d;"])
def test_the_first_alone_is_the_first_of_all(value: bytes) -> None:
    (found,) = parse(value, most=1)
    whole = parse(value)[0]
    if isinstance(found, Group):
        assert isinstance(whole, Group)
        assert (found.name, found.members) == (whole.name, whole.members[:1])
    else:
        assert found == whole
