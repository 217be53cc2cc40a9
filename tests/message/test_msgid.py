"""Message IDs in one spelling."""

import pytest
from hypothesis import given, strategies as st

from postroom.message.msgid import MAX_REFERENCES, message_ids, references


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"<a@b>", [b"a@b"]),
        (b"<a@b> <c@d>", [b"a@b", b"c@d"]),
        (b"<a@b><c@d>", [b"a@b", b"c@d"]),
        (b'<"01KF8JCEOCBS0045PS"@xxx.yyy.com>', [b"01KF8JCEOCBS0045PS@xxx.yyy.com"]),
        (b"<01KF8JCEOCBS0045PS@xxx.yyy.com>", [b"01KF8JCEOCBS0045PS@xxx.yyy.com"]),
        (b'<"a\\"b c"@d>', [b'a"b c@d']),
        (b'<"x@y"@d>', [b"x@y@d"]),
        (b'<"a>b"@d>', [b"a>b@d"]),
        (b'<a."b".c@d>', [b"a.b.c@d"]),
        (b"<a @ b>", [b"a@b"]),
        (b"<a@\t b>", [b"a@b"]),
        (b"(comment <x@y>) <a@b>", [b"a@b"]),
        (b"<a(comment)b@c>", [b"ab@c"]),
        (b"<a@[127.0.0.1]>", [b"a@[127.0.0.1]"]),
        (b"<A@B> <a@b>", [b"A@B", b"a@b"]),  # case counts
        (b"<\xc3\xa4@b>", [b"\xc3\xa4@b"]),
        (b"Your message of <a@b> was read", [b"a@b"]),
        (b"", []),
        (b"a@b", []),
        (b"<a>", []),
        (b"<>", []),
        (b"<@>", []),
        (b"<@b>", []),
        (b"<a@>", []),
        (b"<a@b@c>", []),
        (b"<a@b", []),
        (b'<a@"b', []),
        (b"<a@b> <bad> <c@d", [b"a@b"]),
    ],
)
def test_examples(value: bytes, found: list[bytes]) -> None:
    assert message_ids(value) == found


def test_references_come_before_in_reply_to() -> None:
    assert references([b"<a@b> <c@d>"], [b"<e@f>"]) == [b"a@b", b"c@d"]
    assert references([b"<a@b>", b"<c@d>"], []) == [b"a@b", b"c@d"]
    assert references([b"nothing"], [b"words <e@f> <g@h>"]) == [b"e@f"]
    assert references([], [b"joe@example.org of Tuesday", b"<e@f>"]) == [b"e@f"]
    assert references([], []) == []


def test_of_very_many_the_oldest_and_the_latest_count() -> None:
    many = [b"%d@x" % number for number in range(5000)]
    found = references([b" ".join([b"<%s>" % one for one in many])], [])
    assert found == [many[0], *many[5001 - MAX_REFERENCES :]]


@given(st.binary(max_size=80))
def test_any_octets(value: bytes) -> None:
    for one in message_ids(b"<" + value + b">"):
        assert one.strip(b"@")


@pytest.mark.parametrize(
    "value", [b"<" * 250_000, b'<"' * 120_000, b'<"\\' * 80_000, b"<a " * 80_000]
)
def test_hostile_values_are_read_at_once(value: bytes) -> None:
    assert message_ids(value) == []
