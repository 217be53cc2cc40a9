"""Destinations in trouble."""

from postroom.delivery.troubles import GENERAL, MOST, Troubles
from tests.fakes import START


def test_a_destination_is_left_alone_until_its_time() -> None:
    troubles = Troubles()
    assert not troubles.has("x.test", START)
    troubles.note("x.test", START + 10)
    assert troubles.has("x.test", START + 9)
    assert not troubles.has("y.test", START)
    assert not troubles.has("x.test", START + 10)
    assert not troubles.has("x.test", START)  # once over it is forgotten
    troubles.note("x.test", START + 10)
    troubles.forget("x.test")
    troubles.forget("never.test")
    assert not troubles.has("x.test", START)


def test_it_remembers_only_so_many() -> None:
    troubles = Troubles()
    for number in range(MOST + 5):
        troubles.note(f"d{number}.test", START + 10)
    assert not troubles.has("d0.test", START)
    assert troubles.has(f"d{MOST + 4}.test", START)


def test_many_failures_in_a_row_are_a_trouble_of_ours() -> None:
    troubles = Troubles()
    for number in range(GENERAL):
        assert not troubles.is_general
        troubles.failed(f"d{number}.test", START + 10)
        troubles.note("busy.test", START + 10)
    assert troubles.is_general
    assert troubles.has("d0.test", START)
    troubles.forget("works.test")
    assert not troubles.is_general


def test_each_change_is_told() -> None:
    told: list[tuple[str, int]] = []
    troubles = Troubles(lambda destination, until: told.append((destination, until)))
    troubles.note("x.test", START + 10)
    troubles.failed("y.test", START + 20)
    troubles.forget("x.test")
    troubles.forget("x.test")  # nothing new
    assert told == [("x.test", START + 10), ("y.test", START + 20), ("x.test", 0)]
