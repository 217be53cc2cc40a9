import pytest

from postroom.protocol.pop3.maildrop import NoSuchMessage, Snapshot


def test_marks_count_until_they_are_taken_back() -> None:
    drop = Snapshot([10, 20, 30], ["a", "b", "c"])
    drop.mark(2)
    assert (drop.count, drop.octets, drop.deleted) == (2, 40, [1])
    assert b"".join(drop.lines("LIST")) == b"1 10\r\n3 30\r\n"
    assert b"".join(drop.lines("UIDL")) == b"1 a\r\n3 c\r\n"
    assert drop.line("UIDL", 3) == "3 c"
    drop.unmark()
    assert (drop.count, drop.octets, drop.deleted) == (3, 60, [])


@pytest.mark.parametrize("number", [0, 2, 4, 10**9])
def test_a_number_must_name_a_message_that_is_there(number: int) -> None:
    drop = Snapshot([10, 20, 30], ["a", "b", "c"])
    drop.mark(2)
    with pytest.raises(NoSuchMessage):
        drop.index(number)
    with pytest.raises(NoSuchMessage):
        drop.mark(number)
    assert drop.octets == 40
