import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.client_values import MAX_DEPTH, ServerFault, Value, number, pairs, read


def test_values_of_every_kind() -> None:
    assert read([b'FETCH (FLAGS (\\Seen a) X NIL Y "q\\"\\\\" BODY[]<0> ', b"a)(\r\n", b")"]) == [
        b"FETCH",
        [b"FLAGS", [b"\\Seen", b"a"], b"X", None, b"Y", b'q"\\', b"BODY[]<0>", b"a)(\r\n"],
    ]
    assert read([b""]) == []
    assert read([b'"NIL" nil']) == [b"NIL", None]


@pytest.mark.parametrize(
    "line", [b"(", b")", b"(a))", b'"open', b"(" * 50 + b")" * 50, b"a " * 20_000]
)
def test_what_makes_no_sense_is_a_fault(line: bytes) -> None:
    with pytest.raises(ServerFault):
        read([line])


@given(st.binary(max_size=60))
def test_nothing_but_a_fault_comes_of_any_line(line: bytes) -> None:
    try:
        read([line])
    except ServerFault as fault:
        assert fault.reason.isprintable()


def test_depth_is_bounded() -> None:
    assert read([b"(" * MAX_DEPTH + b")" * MAX_DEPTH])


def test_pairs_and_numbers() -> None:
    assert pairs([b"uid", b"5", b"x", None, b"odd"]) == {b"UID": b"5", b"X": None}
    assert pairs(b"x") == pairs(None) == {}
    assert pairs([[b"a"], b"b"]) == {}
    assert number(b"007") == 7
    wrong: list[Value] = [b"", b"-1", b"1x", None, [b"1"], b"9" * 30]
    assert [number(one) for one in wrong] == [None] * 6
    assert number(b"5", 4) is None
