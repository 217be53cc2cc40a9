import base64
import hashlib
import re
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given, strategies as st

from postroom.mailauth.canonical import (
    RelaxedBody,
    SimpleBody,
    reduce_blanks,
    relaxed_body_hash,
    relaxed_field,
)
from tests.mailauth.keys import cuts

PIECES = st.lists(
    st.sampled_from(
        [b"\r\n", b"\r", b"\n", b" ", b"\t", b"a", b"b c", b" \r\n", b"\r\n\r\n", b"  \t", b"\xff"]
    ),
    max_size=30,
).map(b"".join)
PLACES = st.lists(st.integers(0, 100), max_size=12)


def relaxed(blocks: Iterable[bytes]) -> bytes:
    out: list[bytes] = []
    body = RelaxedBody(out.append)
    for block in blocks:
        body.feed(block)
    body.finish()
    return b"".join(out)


def reference(body: bytes) -> bytes:
    """As RFC 6376 §3.4.4 words it, line by line."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n\r\n", b""),
        (b" \t \r\n\t\r\n", b""),
        (b" ", b""),
        (b"a", b"a\r\n"),
        (b"a ", b"a\r\n"),
        (b"a\r\n", b"a\r\n"),
        (b"a\r\n\r\n \r\n", b"a\r\n"),
        (b"\r\n\r\na", b"\r\n\r\na\r\n"),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # RFC 6376 §3.4.5
        (b"a\r\n \t b\t\r\n", b"a\r\n b\r\n"),
        (b"a\rb\nc\r\n", b"a\rb\nc\r\n"),  # bare CR and LF end no line
        (b"a\r", b"a\r\r\n"),
        (b"a \r", b"a \r\r\n"),
        (b"a\r\r\n\r\n", b"a\r\r\n"),
        (b"a \n\r\n", b"a \n\r\n"),
        (b"\r\n\r", b"\r\n\r\r\n"),
        (b"\n\r\n\r\n", b"\n\r\n"),
    ],
)
def test_bodies(body: bytes, canonical: bytes) -> None:
    assert reference(body) == canonical
    assert relaxed([body]) == canonical
    for at in range(len(body) + 1):
        assert relaxed([body[:at], body[at:]]) == canonical
    assert relaxed(body[at : at + 1] for at in range(len(body))) == canonical


@given(PIECES, PLACES)
def test_every_cut_gives_what_the_reference_gives(body: bytes, places: list[int]) -> None:
    assert relaxed(cuts(body, places)) == reference(body)


@given(st.binary(max_size=300), PLACES)
def test_any_octets(body: bytes, places: list[int]) -> None:
    assert relaxed(cuts(body, places)) == reference(body)


@given(PIECES)
def test_the_canonical_form_is_canonical(body: bytes) -> None:
    assert relaxed([relaxed([body])]) == relaxed([body])


@given(PIECES, st.integers(1, 3000), PLACES)
def test_large_blocks_are_like_small_ones(piece: bytes, times: int, places: list[int]) -> None:
    body = b"x" * 131_000 + piece * times  # around the size at which blocks are divided
    assert relaxed(cuts(body, places)) == reference(body)


def test_the_hash_of_the_empty_body_is_that_of_the_rfc() -> None:
    found = base64.b64encode(relaxed_body_hash([]))
    assert found == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # RFC 6376 §3.4.4
    assert relaxed_body_hash([b"a ", b"\r\n\r\n"]) == hashlib.sha256(b"a\r\n").digest()


def test_memory_does_not_grow_with_what_may_be_the_end() -> None:
    digest = hashlib.sha256()
    body = RelaxedBody(digest.update)
    block = b"\r\n" * 4096
    body.feed(b"x")
    tracemalloc.start()
    try:
        for _ in range(8192):  # 64 MiB of empty lines, then content
            body.feed(block)
        body.feed(b"y")
        body.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
    plain = hashlib.sha256(b"x")
    for _ in range(8192):
        plain.update(block)
    plain.update(b"y\r\n")
    assert digest.digest() == plain.digest()


@pytest.mark.parametrize("unit", [b" ", b"\t", b"\r\n", b"\r", b"\n", b"\r\r\n", b" \r\n", b"a  "])
def test_time_is_linear(unit: bytes) -> None:
    body = unit * (4_000_000 // len(unit))
    relaxed_body_hash([body])
    relaxed_body_hash(body[at : at + 7] for at in range(0, 700_000, 7))


@pytest.mark.parametrize(
    ("name", "value", "canonical"),
    [
        (b"A", b" X\r\n", b"a:X\r\n"),  # RFC 6376 §3.4.5
        (b"B \t", b" Y\t\r\n\tZ  \r\n", b"b:Y Z\r\n"),
        (b"Subject", b"", b"subject:\r\n"),
        (b"Subject", b" \r\n", b"subject:\r\n"),
        (b"Subject", b" \t\r\n \r\n", b"subject:\r\n"),
        (b"SUBJECT", b"a\r\n  b\r\n", b"subject:a b\r\n"),
        (b"To", b" \xc3\xa4\t\t: b\r\n", b"to:\xc3\xa4 : b\r\n"),
    ],
)
def test_fields(name: bytes, value: bytes, canonical: bytes) -> None:
    assert relaxed_field(name, value) == canonical


@given(st.binary(max_size=200))
def test_a_field_is_one_line_without_runs(value: bytes) -> None:
    line = relaxed_field(b"X", value)
    assert line.startswith(b"x:")
    assert line.endswith(b"\r\n")
    assert b"  " not in line
    assert b"\t" not in line
    assert relaxed_field(b"x", line[2:]) == line or b"\r\n" in value.replace(b"\r\n", b"")


@given(st.text(" \tab"))
def test_blanks_are_reduced(text: str) -> None:
    assert reduce_blanks(text.encode()).decode() == re.sub(r"[ \t]+", " ", text)


@given(PIECES, PLACES)
def test_the_simple_form_cuts_empty_lines_at_the_end_only(body: bytes, places: list[int]) -> None:
    out: list[bytes] = []
    simple = SimpleBody(out.append)
    for block in cuts(body, places):
        simple.feed(block)
    simple.finish()
    wanted = body
    while wanted.endswith(b"\r\n"):
        wanted = wanted[:-2]
    assert b"".join(out) == wanted + b"\r\n"
