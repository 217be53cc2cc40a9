"""How far a command has come."""

from postroom.access.work import Work


def test_neither_number_falls() -> None:
    work = Work()
    assert (work.done, work.goal) == (0, 0)
    work.advance(5)
    assert work.done == 0
    work.begin(10)
    work.advance(4)
    assert (work.done, work.goal) == (4, 10)
    work.begin(3)  # less than was to be done before: the rest was not needed
    assert (work.done, work.goal) == (4, 7)
    work.advance(100)
    assert (work.done, work.goal) == (7, 7)
