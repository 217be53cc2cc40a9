"""Forms with files, cut anywhere; and what only looks like one."""

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from postroom.web.multipart import (
    MAX_HEADER,
    MAX_PARTS,
    Malformed,
    Multipart,
    Part,
    boundary_of,
)

LINE = b"--xyz"


def form(*parts: tuple[str, bytes]) -> bytes:
    return b"".join(
        LINE + b"\r\nContent-Disposition: form-data; " + what.encode() + b"\r\n\r\n" + body + b"\r\n"
        for what, body in parts
    ) + LINE + b"--\r\n"  # fmt: skip


def read(octets: bytes, cuts: Sequence[int] = ()) -> list[tuple[Part, bytes]]:
    parser, found, part, body = Multipart(b"xyz"), [], Part(""), b""
    ends = [*sorted(cuts), len(octets)]
    for begin, end in zip([0, *ends], ends, strict=False):
        for event in parser.receive(octets[begin:end]):
            if isinstance(event, Part):
                part, body = event, b""
            elif event is not None:
                body += event
            else:
                found.append((part, body))
    assert parser.is_over
    return found


@given(
    body=st.lists(
        st.sampled_from([b"\r\n", b"--xyz", b"\r\n--xy", b"-", b"\r", b"a", b"\0", b"--"])
    ).map(b"".join),
    cuts=st.lists(st.integers(0, 200), max_size=5),
)
def test_a_file_comes_as_it_was_wherever_it_is_cut(body: bytes, cuts: list[int]) -> None:
    if b"\r\n--xyz" in b"\r\n" + body:
        return
    octets = form(('name="csrf"', b"word"), ('name="file"; filename="a.mbox"', body))
    assert read(octets, [min(cut, len(octets)) for cut in cuts]) == [
        (Part("csrf"), b"word"),
        (Part("file", "a.mbox"), body),
    ]


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ('name="a%22b%0D%0A"', Part('a"b\r\n')),
        ('name="a"; filename=""', Part("a", "")),
        ('filename="C:\\x\\y"; name="a"', Part("a", "y")),
        ('name="a"; filename="say \\"x\\""', Part("a", 'say "x"')),
        ('NAME="größe"', Part("größe")),
        ('name="a"; x-filename="b"', Part("a")),
    ],
)
def test_names_are_read_as_browsers_write_them(what: str, part: Part) -> None:
    assert read(form((what, b""))) == [(part, b"")]


def test_what_stands_behind_does_not_count() -> None:
    assert read(form(("name=a", b"1")) + b"epilogue --xyz") == [(Part("a"), b"1")]


@pytest.mark.parametrize(
    "octets",
    [
        LINE + b"x\r\n",
        LINE + b" " * 200,
        LINE + b"\r\n\r\nno header",
        LINE + b"\r\nContent-Disposition: form-data\r\n\r\n",
        b"preamble\r\n" + form(('name="a"', b"1")),
        LINE + b"\r\n" + b"X: y\r\n" * MAX_HEADER,
        LINE + b"\r\nX: " + b"y" * MAX_HEADER + b"\r\n\r\n",
        form(*[('name="a"', b"")] * (MAX_PARTS + 1)),
    ],
)
def test_what_is_no_form_is_refused(octets: bytes) -> None:
    with pytest.raises(Malformed):
        list(Multipart(b"xyz").receive(octets))


def test_one_that_breaks_off_is_not_whole() -> None:
    octets = form(('name="a"', b"12345"))
    for end in range(len(octets) - 4):
        parser = Multipart(b"xyz")
        list(parser.receive(octets[:end]))
        assert not parser.is_over


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=xyz", b"xyz"),
        ('Multipart/Form-Data; charset=utf-8; boundary="a b"', b"a b"),
    ],
)
def test_the_boundary_is_read(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    ["", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/mixed; boundary=x"],
)
def test_other_kinds_of_content_are_refused(content_type: str) -> None:
    with pytest.raises(Malformed):
        boundary_of(content_type)
