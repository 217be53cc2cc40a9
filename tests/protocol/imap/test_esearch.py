"""What RETURN asks for, and ESEARCH."""

import itertools

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.esearch import Partial, Returns, esearch_line, update_line

FOUND = [2, 10, 11, 12, 21]


@pytest.mark.parametrize(
    ("returns", "line"),
    [
        (Returns(minimum=True, count=True), b"MIN 2 COUNT 5"),
        (Returns(everything=True), b"ALL 2,10:12,21"),
        (Returns(minimum=True, maximum=True), b"MIN 2 MAX 21"),
        (Returns(save=True, count=True), b"COUNT 5"),
        (Returns(True, True, True, True, True), b"MIN 2 MAX 21 ALL 2,10:12,21 COUNT 5"),
    ],
)
def test_what_is_told(returns: Returns, line: bytes) -> None:
    assert (
        esearch_line(b"A1", returns, FOUND, by_uid=False) == b'* ESEARCH (TAG "A1") %s\r\n' % line
    )


def test_uids_and_modseq() -> None:
    line = esearch_line(b"x]", Returns(maximum=True), FOUND, by_uid=True, modseq=17)
    assert line == b'* ESEARCH (TAG "x]") UID MAX 21 MODSEQ 17\r\n'


def test_nothing_was_found() -> None:
    everything = Returns(True, True, True, True)
    assert esearch_line(b"a", everything, [], by_uid=True) == b'* ESEARCH (TAG "a") UID COUNT 0\r\n'
    line = esearch_line(b"a", Returns(minimum=True), [], by_uid=False, modseq=5)
    assert line == b'* ESEARCH (TAG "a")\r\n'


def test_results_keep_their_order() -> None:
    returns = Returns(minimum=True, maximum=True, everything=True)
    line = esearch_line(b"a", returns, [12, 11, 10, 2, 3], by_uid=False)
    assert line == b'* ESEARCH (TAG "a") MIN 12 MAX 3 ALL 12,11,10,2:3\r\n'


def test_what_is_saved() -> None:
    """RFC 5182 §2.4, the table."""
    for minimum, maximum, everything, count in itertools.product([False, True], repeat=4):
        returns = Returns(minimum, maximum, everything, count, save=True)
        chosen = list(returns.chosen(FOUND))
        if everything or count or not (minimum or maximum):
            assert chosen == FOUND
        else:
            assert chosen == [2] * minimum + [21] * maximum
        assert list(returns.chosen([])) == []
        assert returns.is_silent is not any([minimum, maximum, everything, count])
    assert list(Returns(minimum=True, maximum=True).chosen([7])) == [7]
    assert not Returns().is_silent


places = st.integers(1, 12)


@given(places, places, st.integers(0, 9), st.booleans())
def test_parts_of_a_result(first: int, last: int, count: int, from_end: bool) -> None:
    """RFC 9394 §3.1: place by place, counted from the first or from the last result."""
    results = list(range(100, 100 + count))
    sign = -1 if from_end else 1
    start, end = Partial(sign * first, sign * last).bounds(count)
    counted = list(enumerate(reversed(results) if from_end else results, 1))
    chosen = sorted(one for place, one in counted if min(first, last) <= place <= max(first, last))
    assert results[start:end] == chosen


@pytest.mark.parametrize(
    ("partial", "told"),
    [
        (Partial(1, 2), b"(1:2 2,10)"),
        (Partial(4, 3), b"(4:3 11:12)"),
        (Partial(5, 4294967295), b"(5:4294967295 21)"),
        (Partial(6, 9), b"(6:9 NIL)"),
        (Partial(-1, -3), b"(-1:-3 11:12,21)"),
        (Partial(-6, -9), b"(-6:-9 NIL)"),
    ],
)
def test_partial_results(partial: Partial, told: bytes) -> None:
    line = esearch_line(b"a", Returns(partial=partial), FOUND, by_uid=False)
    assert line == b'* ESEARCH (TAG "a") PARTIAL %s\r\n' % told
    line = esearch_line(b"a", Returns(partial=partial), [], by_uid=False)
    assert line.endswith(b" NIL)\r\n")


@pytest.mark.parametrize("partial", [Partial(2, 3), Partial(1, 1), Partial(5, 9), Partial(7, 9)])
def test_what_is_saved_of_a_part(partial: Partial) -> None:
    """RFC 9394 §3.2, the table."""
    start, end = partial.bounds(len(FOUND))
    for minimum, maximum in itertools.product([False, True], repeat=2):
        returns = Returns(minimum, maximum, save=True, partial=partial)
        expected = {*FOUND[start:end], *[2] * minimum, *[21] * maximum}
        assert list(returns.chosen(FOUND)) == sorted(expected)
        assert list(returns.chosen([])) == []
        assert not returns.is_silent
        counted = Returns(minimum, maximum, count=True, save=True, partial=partial)
        assert list(counted.chosen(FOUND)) == FOUND


def test_updates() -> None:
    """RFC 5267 §4.3.3, §4.3.4."""
    line = update_line(b"C01", [], [(1, [2731, 2732, 2733])], by_uid=True)
    assert line == b'* ESEARCH (TAG "C01") UID ADDTO (1 2731:2733)\r\n'
    line = update_line(b"C01", [(5, [9, 7]), (1, [3])], [(0, [4, 5])], by_uid=False)
    assert line == b'* ESEARCH (TAG "C01") REMOVEFROM (5 9,7 1 3) ADDTO (0 4:5)\r\n'
