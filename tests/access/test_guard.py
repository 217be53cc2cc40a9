"""Counting failures (A1)."""

import pytest

from postroom.access import guard
from postroom.access.guard import Guard, is_loopback, network_of
from tests.fakes import Clock


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


def test_loopback() -> None:
    assert is_loopback("127.0.0.2")
    assert is_loopback("::1")
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("::2")
    assert not is_loopback("unix")


def test_ten_failures_ban_the_network_for_a_minute_then_two() -> None:
    clock = Clock()
    watch = Guard(clock)
    bans = [watch.failed(f"user{number}", "192.0.2.1").ban for number in range(10)]
    assert bans == [0] * 9 + [60]
    assert watch.is_banned("192.0.2.1")
    assert watch.refusal("somebody", "192.0.2.1")
    assert not watch.refusal("somebody", "192.0.2.2")
    clock.advance(seconds=60)
    assert not watch.refusal("somebody", "192.0.2.1")
    assert [watch.failed("x", "192.0.2.1").ban for _ in range(10)][-1] == 120
    clock.advance(days=2)
    assert watch.failed("x", "192.0.2.1").delay == 0.25  # forgotten


def test_an_ipv6_network_is_one() -> None:
    watch = Guard(Clock())
    for number in range(10):
        watch.failed("x", f"2001:db8::{number}")
    assert watch.is_banned("2001:db8::ffff")
    assert not watch.is_banned("2001:db8:0:1::1")


def test_answers_get_slower_up_to_a_limit() -> None:
    watch = Guard(Clock())
    delays = [watch.failed("x", "192.0.2.1").delay for _ in range(12)]
    assert delays == sorted(delays)
    assert delays[0] == 0.25
    assert delays[-1] == guard.LONGEST_DELAY


def test_a_known_pair_is_not_locked_out_by_others() -> None:
    clock = Clock()
    watch = Guard(clock)
    watch.succeeded("Alice@example.org", "192.0.2.1")
    for _ in range(50):
        watch.failed("bob@example.org", "192.0.2.1")  # a neighbour behind the same address
    for number in range(200):
        watch.failed("alice@example.org", f"198.51.100.{number}")  # guesses from elsewhere
    assert not watch.refusal("alice@example.org", "192.0.2.1")
    assert watch.refusal("alice@example.org", "203.0.113.9")
    assert watch.refusal("carol@example.org", "192.0.2.1")
    for _ in range(guard.PAIR_FAILURES):
        watch.failed("alice@example.org", "192.0.2.1")
    assert watch.refusal("alice@example.org", "192.0.2.1")
    clock.advance(seconds=61)
    assert not watch.refusal("alice@example.org", "192.0.2.1")
    clock.advance(days=31)
    for _ in range(10):
        watch.failed("bob@example.org", "192.0.2.1")
    assert watch.refusal("alice@example.org", "192.0.2.1")  # no longer known


def test_loopback_is_never_banned_nor_delayed() -> None:
    watch = Guard(Clock())
    verdicts = [watch.failed(f"user{number}", "127.0.0.1") for number in range(100)]
    assert {(verdict.delay, verdict.ban) for verdict in verdicts} == {(0.0, 0)}
    assert not watch.refusal("somebody", "127.0.0.1")


def test_the_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_ENTRIES", 100)
    watch = Guard(Clock())
    for number in range(1000):
        watch.failed(f"user{number}", f"10.0.{number // 250}.{number % 250}")
        watch.succeeded(f"user{number}", f"10.0.{number // 250}.{number % 250}")
    for table in (watch._networks, watch._names, watch._known, watch._pairs):
        assert len(table._entries) <= 100
