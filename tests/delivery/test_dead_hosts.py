"""Addresses at which nobody answers."""

import pytest

from postroom.delivery import dead_hosts
from postroom.delivery.dead_hosts import PAUSE_MS, DeadHosts
from tests.fakes import Clock

ONE, TWO, SIX = "192.0.2.1", "192.0.2.2", "2001:db8::1"


def test_an_address_is_left_alone_for_a_while() -> None:
    clock = Clock()
    dead = DeadHosts(clock)
    assert dead.usable([ONE, TWO], 25) == (ONE, TWO)
    dead.failed([(ONE, "Connection refused")], 25)
    clock.advance(PAUSE_MS - 1)
    assert dead.usable([ONE, TWO], 25) == (TWO,)
    assert dead.usable([ONE], 25) == ()
    assert dead.usable([ONE], 587) == (ONE,)
    assert dead.why([ONE], 25) == "192.0.2.1: Connection refused a moment ago"


def test_after_that_one_may_try_and_the_others_wait_for_what_comes_of_it() -> None:
    clock = Clock()
    dead = DeadHosts(clock)
    dead.failed([(ONE, "no answer"), (SIX, "Network is unreachable")], 25)
    clock.advance(PAUSE_MS)
    assert dead.usable([SIX, ONE], 25) == (SIX, ONE)
    assert dead.usable([SIX, ONE], 25) == ()
    assert dead.why([SIX, ONE], 25) == (
        "2001:db8::1: Network is unreachable a moment ago; 192.0.2.1: no answer a moment ago"
    )
    dead.answered(ONE, 25)
    assert dead.usable([SIX, ONE], 25) == (ONE,)
    clock.advance(PAUSE_MS)  # nothing was heard of the attempt
    assert dead.usable([SIX, ONE], 25) == (SIX, ONE)


def test_what_is_forgotten_may_be_tried_at_once() -> None:
    dead = DeadHosts(Clock())
    dead.failed([(ONE, "no answer"), (TWO, "no answer")], 25)
    dead.failed([(ONE, "no answer")], 587)
    dead.forget([ONE, SIX], 25)
    assert dead.usable([ONE, TWO], 25) == (ONE,)
    assert dead.usable([ONE], 587) == ()


def test_a_clock_that_goes_back_keeps_nobody_waiting() -> None:
    clock = Clock()
    dead = DeadHosts(clock)
    dead.failed([(ONE, "no answer")], 25)
    clock.advance(days=-1)
    assert dead.usable([ONE], 25) == (ONE,)


def test_it_remembers_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_hosts, "MOST", 3)
    dead = DeadHosts(Clock())
    dead.failed([(ONE, "no answer")], 25)
    for number in range(10, 13):
        dead.failed([(f"192.0.2.{number}", "no answer")], 25)
    assert dead.usable([ONE], 25) == (ONE,)
    assert dead.usable([f"192.0.2.{number}" for number in range(10, 13)], 25) == ()
