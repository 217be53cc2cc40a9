"""What RETURN asks for, and ESEARCH."""

import itertools

import pytest

from postroom.protocol.imap.esearch import Returns, esearch_line

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
