import pytest
from hypothesis import given, strategies as st

from postroom.message import headers
from tests.message import letters

HEAD = (
    b"Received: by a\r\n\tid 1\r\n"
    b"Subject : Hello\r\n World\r\n"
    b"this is no field\r\n"
    b"X-Empty:\r\n"
    b"subject: second\r\n"
    b"\r\n"
)


@pytest.mark.parametrize(
    ("octets", "head", "body"),
    [
        (b"A: b\r\n\r\nbody", b"A: b\r\n\r\n", b"body"),
        (b"A: b\n\nbody\r\n\r\n", b"A: b\n\n", b"body\r\n\r\n"),
        (b"\r\nbody", b"\r\n", b"body"),
        (b"\nbody", b"\n", b"body"),
        (b"A: b\r\n", b"A: b\r\n", b""),
        (b"", b"", b""),
        (b"A: b\r\n\r\n\r\n", b"A: b\r\n\r\n", b"\r\n"),
    ],
)
def test_split(octets: bytes, head: bytes, body: bytes) -> None:
    assert headers.split(octets) == (head, body)


def test_fields_are_offsets() -> None:
    found = list(headers.fields(HEAD))
    assert [field.name for field in found] == [b"received", b"subject", b"x-empty", b"subject"]
    assert HEAD[found[0].start : found[0].end] == b"Received: by a\r\n\tid 1\r\n"
    assert HEAD[found[1].value_start : found[1].end] == b" Hello\r\n World\r\n"


def test_fields_end_at_the_empty_line() -> None:
    assert [field.name for field in headers.fields(b"A: 1\r\n\r\nB: 2\r\n")] == [b"a"]


def test_values_are_unfolded_and_trimmed() -> None:
    assert headers.value(HEAD, b"Subject") == b"Hello World"
    assert headers.values(HEAD, b"subject") == [b"Hello World", b"second"]
    assert headers.value(HEAD, b"received") == b"by a\tid 1"
    assert headers.value(HEAD, b"x-empty") == b""
    assert headers.value(HEAD, b"missing") is None
    assert headers.value(b"a: 1\n\t2\n\nb: 3", b"a") == b"1\t2"
    assert headers.value(b"a: 1\n\nb: 3", b"b") is None


@given(
    st.lists(
        st.sampled_from(
            [
                b"From",
                b"from ",
                b"subject",
                b":",
                b" ",
                b"\t",
                b"\r\n",
                b"\n",
                b"\r",
                b"\r\n ",
                b"a",
                b"\0",
            ]
        )
    ).map(b"".join)
)
def test_a_few_names_are_collected_as_many_are(head: bytes) -> None:
    names = (b"from", b"subject")
    assert headers.collect(head, names) == headers.collect(head, frozenset(names))


def test_collect_reads_at_most_the_limit() -> None:
    head = b"A: " + b"x" * headers.MAX_HEADER + b"\r\nB: late\r\n\r\n"
    found = headers.collect(head, {b"a", b"b"})
    assert b"b" not in found
    assert len(found[b"a"][0]) == headers.MAX_HEADER - 3


def test_strip_leaves_all_else_alone() -> None:
    assert headers.strip(HEAD, {b"subject"}) == (
        b"Received: by a\r\n\tid 1\r\nthis is no field\r\nX-Empty:\r\n\r\n"
    )
    assert headers.strip(HEAD, {b"nothing"}) == HEAD


def test_select() -> None:
    assert headers.select(HEAD, ["SUBJECT"], exclude=False) == (
        b"Subject : Hello\r\n World\r\nsubject: second\r\n\r\n"
    )
    assert headers.select(HEAD, ["subject", "received"], exclude=True) == b"X-Empty:\r\n\r\n"
    assert headers.select(HEAD, ["none"], exclude=False) == b"\r\n"
    assert headers.select(b"A: cut", ["a"], exclude=False) == b"A: cut\r\n\r\n"
    folded = b"AB: 1\n\t2\r\nA : 3\r\nno field\r\n a: 4\r\nA\t:\r\n\r\na: body\r\n"
    assert headers.select(folded, ["a"], exclude=False) == b"A : 3\r\nA\t:\r\n\r\n"
    assert headers.select(folded, ["a.", "ab", "b c", "\xe9"], exclude=False) == (
        b"AB: 1\n\t2\r\n\r\n"
    )
    assert headers.select(folded, ["\xe9"], exclude=False) == b"\r\n"
    assert headers.select(b"\r\na: b\r\n\r\n", ["a"], exclude=False) == b"\r\n"


@given(letters.octets, st.sets(st.sampled_from([b"subject", b"from", b"to"])))
def test_any_octets(octets: bytes, names: set[bytes]) -> None:
    head, body = headers.split(octets)
    assert head + body == octets
    at = 0
    for field in headers.fields(head):
        assert at <= field.start < field.value_start <= field.end <= len(head)
        assert head[field.start : field.value_start].rstrip(b" \t:").lower() == field.name
        at = field.end
    stripped = headers.strip(head, names)
    assert not any(field.name in names for field in headers.fields(stripped))
    texts = {name.decode() for name in names}
    chosen = headers.select(head, texts, exclude=False)
    many = texts | {f"x-{number}" for number in range(headers.MAX_SOUGHT)}
    assert headers.select(head, many, exclude=False) == chosen
    left = headers.select(head, texts, exclude=True)
    assert len(list(headers.fields(chosen))) + len(list(headers.fields(left))) == len(
        list(headers.fields(head))
    )


@pytest.mark.parametrize("unit", [b"a:\r\n ", b"a", b":", b"a: b\r\n", b" ", b"\r", b"a \t"])
def test_time_is_linear(unit: bytes) -> None:
    head = unit * (1_000_000 // len(unit))
    headers.split(head)
    list(headers.fields(head))
    headers.collect(head, {b"a"})
    headers.select(head + b"\r\n\r\n", ["a"], exclude=False)
