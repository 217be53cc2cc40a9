from typing import Any

import pytest
from hypothesis import given, strategies as st

from postroom.message import charset, headers, parameters
from tests import absent
from tests.message import letters

# What the vectors expect and we don't, with the reason.
DIFFERENT = {
    "=": "no token stands before it",
    "name=value": "a type without a subtype is none; its word ends where a token ends",
    "á/é; á=é": "tokens are ASCII, RFC 2045 §5.1",
    "text/plain; name=": "an empty value is a value",
    'inva/lid; name="': "white space at the end of a field is none of the value",
    "text/plain/format": "the subtype ends at the second slash",
    "malicious/attempt": "RFC 2231 pieces are counted from 0",
    "test/encoded": "RFC 2231 pieces are read up to the first gap",
    "application/pdf": "only the first piece names a charset",
    "image/jpeg": "blanks between encoded words are dropped, or end a value without quotes",
}


def test_vectors() -> None:
    cases = letters.vectors("content_type.json")
    agreed = [case for case in cases if _read(case["header"]) == _expected(case["expected"])]
    for case in cases:
        if case not in agreed:
            assert case["header"].strip().startswith(tuple(DIFFERENT)), case
    assert (len(cases), len(agreed)) == (103, 88) or not absent.vectors("mime", "content_type.json")


def _read(header: str) -> object:
    value = headers.value(b"X:" + header.encode(), b"x") or b""
    kind = parameters.content_type(value)
    if kind is not None:
        (major, minor), found = kind
    else:
        word = parameters.disposition(value)
        if word is None:
            return None
        major, minor, found = word[0], "", word[1]
    names = {name.decode().lower().partition("*")[0] for name, _ in found}
    return major, minor, {name: charset.parameter(found, name) for name in names}


def _expected(expected: dict[str, Any] | None) -> object:
    if expected is None:
        return None
    attributes = expected.get("attributes") or []
    kept = {name: value for name, value in attributes if not name.endswith("-language")}
    return expected["c_type"], expected["c_subtype"] or "", kept


def test_parameters_stay_as_they_stand() -> None:
    value = b'text/plain; Name*0*=utf-8\'\'%C3%A9; NAME*1="b \\" c"; x=y'
    assert parameters.content_type(value) == (
        ("text", "plain"),
        ((b"Name*0*", b"utf-8''%C3%A9"), (b"NAME*1", b'b " c'), (b"x", b"y")),
    )


@pytest.mark.parametrize(
    "value",
    [b"", b"text", b"text/", b"/plain", b";", b"text plain", b"t\xc3\xa9xt/plain", b"(text/plain)"],
)
def test_no_content_type(value: bytes) -> None:
    assert parameters.content_type(value) is None


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b"a (b) c", b"a   c"),
        (b"a (b (c) d) e", b"a   e"),
        (b'"(" (x)', b'"("  '),
        (b'(don"t) a', b"  a"),
        (b"(a\\) b) c", b"  c"),
        (b"a \\( b", b"a \\( b"),
        (b"a (b", b"a "),
        (b"a) b", b"a) b"),
        (b"\\", b"\\"),
        (b"(\\", b""),
    ],
)
def test_without_comments(value: bytes, kept: bytes) -> None:
    assert parameters.without_comments(value) == kept


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (b"name=plain; name*=utf-8''x", (b"plain", b"")),
        (b"name*=utf-8'de'%C3%A4", (b"\xc3\xa4", b"utf-8")),
        (b"name*=%41", (b"A", b"")),
        (b"name*=utf-8'%41", (b"A", b"utf-8")),
        (b"name*1=b; name*0=a", (b"ab", b"")),
        (b"name*0*=utf-8''%41; name*1=%42; name*2*=%43", (b"A%42C", b"utf-8")),
        (b"name*0=a; name*2=c", (b"a", b"")),
        (b"name*1=b", None),
        (b"name*01=b; named=c", None),
        (b"NAME*0=a; name*0=b", (b"a", b"")),
        (b"name*=%4", (b"%4", b"")),
    ],
)
def test_lookup(written: bytes, found: object) -> None:
    read = parameters.content_type(b"a/b; " + written)
    assert read is not None
    assert parameters.lookup(read[1], b"name") == found


def test_at_most_a_hundred() -> None:
    read = parameters.content_type(b"a/b" + b"; x=y" * 1000)
    assert read is not None
    assert len(read[1]) == parameters.MAX_PARAMETERS


@given(st.binary(max_size=100))
def test_any_octets(value: bytes) -> None:
    parameters.content_type(b"a/b;" + value)
    parameters.content_type(value)
    parameters.disposition(value)
    parameters.without_comments(value)


@pytest.mark.parametrize(
    "unit", [b';x="', b"(", b"()", b'"', b"\\", b"a ", b";", b"=", b';a="\\"', b"a", b"x*0*=%4"]
)
def test_time_is_linear(unit: bytes) -> None:
    value = b"a/b;" + unit * (250_000 // len(unit))
    parameters.content_type(value)
    parameters.disposition(value)
    parameters.without_comments(value)


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ([(b"name", b"a")], [(b"name", b"a")]),
        ([(b"Name*0", b"a"), (b"x", b"y"), (b"name*1", b"b")], [(b"Name", b"ab"), (b"x", b"y")]),
        ([(b"n*1", b"b"), (b"n*0", b"a")], [(b"n", b"ab")]),
        ([(b"n*0", b"a"), (b"n*2", b"c")], [(b"n", b"a")]),
        ([(b"n*1", b"b"), (b"n*2", b"c")], [(b"n*1", b"b"), (b"n*2", b"c")]),
        ([(b"n*0", b"a"), (b"n*0", b"z")], [(b"n", b"a")]),
        (
            [(b"t*0*", b"utf-8'en'%C3%A4"), (b"t*1*", b"%2A"), (b"t*2", b"it's!")],
            [(b"t*", b"utf-8'en'%C3%A4%2Ait%27s%21")],
        ),
        ([(b"t*0", b"a b"), (b"t*1*", b"%2A")], [(b"t*", b"''a%20b%2A")]),
        ([(b"t*", b"utf-8''x")], [(b"t*", b"utf-8''x")]),
        ([(b"*0", b"x")], [(b"*0", b"x")]),
    ],
)
def test_pieces_are_put_together(
    written: list[tuple[bytes, bytes]], whole: list[tuple[bytes, bytes]]
) -> None:
    assert list(parameters.continued(tuple(written))) == whole


@given(st.lists(st.tuples(st.sampled_from([b"a", b"a*", b"a*0", b"a*1*", b"b*0*"]), st.binary())))
def test_putting_together_never_fails(written: list[tuple[bytes, bytes]]) -> None:
    for name, _ in parameters.continued(tuple(written)):
        assert name in {b"a", b"a*", b"a*1*", b"b*"}
