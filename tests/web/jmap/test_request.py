"""Requests read within bounds, and references to results."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from postroom.web.jmap import request
from postroom.web.jmap.errors import MethodError, RequestError
from postroom.web.jmap.limits import MAX_DEPTH, MAX_NODES, MAX_REFERENCED
from postroom.web.jmap.request import Invocation, resolved

KNOWN = ("core", "mail")


def read(value: object) -> request.Envelope:
    return request.read(json.dumps(value).encode(), KNOWN)


def kind(octets: bytes) -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        request.read(octets, KNOWN)
    return caught.value.kind, caught.value.limit


def test_a_request() -> None:
    found = read(
        {
            "using": ["core"],
            "methodCalls": [["Core/echo", {"a": 1}, "c"]],
            "createdIds": {"k": "M1"},
        }
    )
    assert found.using == {"core"}
    assert found.calls == (Invocation("Core/echo", {"a": 1}, "c"),)
    assert found.created == {"k": "M1"}
    assert read({"using": [], "methodCalls": [], "more": 1}).created is None


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"{", b"\xff", b'{"a": NaN}', b"[Infinity]", b'{"a":1,"a":2}', b'["\\ud800"]',
        b'{"\\udc00":1}', b"[" * 100_000, b"[" * 65 + b"]" * 65, b"1" * 5_000, b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_what_is_no_i_json(octets: bytes) -> None:
    assert kind(octets) == ("notJSON", "")


@pytest.mark.parametrize(
    "value",
    [
        [], "text", {}, {"using": ["core"]}, {"methodCalls": []},
        {"using": "core", "methodCalls": []}, {"using": [1], "methodCalls": []},
        {"using": [], "methodCalls": {}}, {"using": [], "methodCalls": [["a", {}]]},
        {"using": [], "methodCalls": [["a", [], "c"]]}, {"using": [], "methodCalls": [["a", {}, 1]]},
        {"using": [], "methodCalls": [], "createdIds": []},
        {"using": [], "methodCalls": [], "createdIds": {"a": 1}},
        {"using": [], "methodCalls": [], "createdIds": {"a b": "c"}},
        {"using": [], "methodCalls": [["a", {"x": "nul\0"}, "c"]]},
    ],
)  # fmt: skip
def test_what_is_no_request(value: object) -> None:
    assert kind(json.dumps(value).encode()) == ("notRequest", "")


def test_depth_is_bounded_but_not_below_the_bound() -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH - 4):  # the request, its calls, the call and its arguments
        deep = [deep]
    value = {"using": [], "methodCalls": [["a", {"x": deep}, "c"]]}
    assert read(value).calls[0].arguments == {"x": deep}
    assert kind(json.dumps([value]).encode()) == ("notJSON", "")


def test_small_things_that_are_large_in_memory() -> None:
    assert kind(b"[" + b"[]," * MAX_NODES + b"[]]") == ("limit", "maxSizeRequest")
    assert kind(b"[" + b"{}," * MAX_NODES + b"{}]") == ("limit", "maxSizeRequest")


def test_capabilities_and_the_count_of_calls() -> None:
    unknown = json.dumps({"using": ["core", "calendars"], "methodCalls": []}).encode()
    assert kind(unknown) == ("unknownCapability", "")
    call = ["Core/echo", {}, "c"]
    assert len(read({"using": ["core"], "methodCalls": [call] * 32}).calls) == 32
    many = json.dumps({"using": ["core"], "methodCalls": [call] * 33}).encode()
    assert kind(many) == ("limit", "maxCallsInRequest")


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["using", "methodCalls", "createdIds", "x"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    try:
        request.read(octets, KNOWN)
    except RequestError as error:
        assert error.kind in {"notJSON", "notRequest", "unknownCapability", "limit"}


BEFORE = [
    Invocation(
        "Foo/get",
        {
            "ids": ["a", "b"],
            "list": [
                {"id": "a", "threadIds": ["t1", "t2"], "e/~": {"0": "zero"}},
                {"id": "b", "threadIds": ["t3"], "e/~": {"0": "nought"}},
            ],
            "none": [],
        },
        "c1",
    ),
    Invocation("error", {"type": "serverFail"}, "c2"),
    Invocation("Foo/get", {"ids": ["z"]}, "c1"),
]


def follow(path: str, of: str = "c1", name: str = "Foo/get") -> Any:
    return resolved({"#x": {"resultOf": of, "name": name, "path": path}, "y": 1}, BEFORE)["x"]


def test_references() -> None:
    assert follow("/ids") == ["a", "b"]  # of the first response with that id
    assert follow("/ids/1") == "b"
    assert follow("/list/*/id") == ["a", "b"]
    assert follow("/list/*/threadIds") == ["t1", "t2", "t3"]
    assert follow("/list/*/threadIds/*") == ["t1", "t2", "t3"]
    assert follow("/list/*/threadIds/0") == ["t1", "t3"]
    assert follow("/list/*/e~1~0/0") == ["zero", "nought"]
    assert follow("/none/*/id") == []
    assert follow("/ids/*") == ["a", "b"]
    assert follow("") == BEFORE[0].arguments
    assert follow("/type", "c2", "error") == "serverFail"


@pytest.mark.parametrize(
    ("path", "of", "name"),
    [
        ("/ids", "c9", "Foo/get"), ("/ids", "c1", "Bar/get"), ("/type", "c2", "Foo/get"),
        ("/nothing", "c1", "Foo/get"), ("/ids/2", "c1", "Foo/get"), ("/ids/-1", "c1", "Foo/get"),
        ("/ids/01", "c1", "Foo/get"), ("/ids/x", "c1", "Foo/get"), ("/ids/\u0661", "c1", "Foo/get"),
        ("/ids/9999999999999999999", "c1", "Foo/get"), ("ids", "c1", "Foo/get"),
        ("/*", "c1", "Foo/get"), ("/list/*/nothing", "c1", "Foo/get"), ("/ids/0/x", "c1", "Foo/get"),
        ("/x" * 100, "c1", "Foo/get"),
    ],
)  # fmt: skip
def test_references_that_lead_nowhere(path: str, of: str, name: str) -> None:
    with pytest.raises(MethodError) as caught:
        follow(path, of, name)
    assert caught.value.kind == "invalidResultReference"


@pytest.mark.parametrize(
    "value", [None, "c1", {}, {"resultOf": "c1", "name": "Foo/get"},
              {"resultOf": "c1", "name": "Foo/get", "path": 1},
              {"resultOf": "c1", "name": "Foo/get", "path": "/ids", "more": 1}],
)  # fmt: skip
def test_references_that_are_none(value: object) -> None:
    with pytest.raises(MethodError) as caught:
        resolved({"#x": value}, BEFORE)
    assert caught.value.kind == "invalidResultReference"


def test_an_argument_is_given_once() -> None:
    reference = {"resultOf": "c1", "name": "Foo/get", "path": "/ids"}
    with pytest.raises(MethodError) as caught:
        resolved({"x": ["a"], "#x": reference}, BEFORE)
    assert caught.value.kind == "invalidArguments"


def test_references_do_not_grow_without_end() -> None:
    large = [Invocation("Core/echo", {"x": "y" * (MAX_REFERENCED // 2)}, "c")]
    reference = {"resultOf": "c", "name": "Core/echo", "path": "/x"}
    assert resolved({"#a": reference}, large)
    with pytest.raises(MethodError) as caught:
        resolved({"#a": reference, "#b": reference}, large)
    assert caught.value.kind == "requestTooLarge"
    doubled: Any = ["x"]
    for _ in range(
        50
    ):  # each holds the one before it twice: 2^50 in all, and a few octets of memory
        doubled = {"a": doubled, "b": doubled}
    with pytest.raises(MethodError) as caught:
        resolved({"#x": {**reference, "path": ""}}, [Invocation("Core/echo", {"x": doubled}, "c")])
    assert caught.value.kind == "requestTooLarge"
