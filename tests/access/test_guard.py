"""Counting failures (A1)."""

import pytest

from postroom.access import guard
from postroom.access.guard import NAME_FAILURES, Guard
from postroom.policy import buckets, devices
from postroom.policy.bans import Ban, Bans
from tests.fakes import Clock


def test_ten_failures_ban_the_network_for_a_minute_then_two() -> None:
    clock = Clock()
    watch = Guard(clock)
    bans = [watch.failed(f"user{number}", "192.0.2.1").ban for number in range(10)]
    assert bans == [0] * 9 + [60]
    assert watch.unwelcome("192.0.2.1")
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
    assert watch.unwelcome("2001:db8::ffff")
    assert not watch.unwelcome("2001:db8:0:1::1")


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


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    clock = Clock()
    guard = Guard(clock)
    for number in range(NAME_FAILURES):
        guard.failed("alice@example.org", f"192.0.2.{number}")
    assert guard.refusal("alice@example.org", "198.51.100.1")
    clock.advance(days=-365)
    assert guard.refusal("alice@example.org", "198.51.100.1")
    clock.advance(seconds=1)  # as if the failures were of this moment
    assert guard.refusal("alice@example.org", "198.51.100.1") == ""
    for number in range(NAME_FAILURES):
        guard.failed("alice@example.org", f"203.0.113.{number}")
    assert guard.refusal("alice@example.org", "198.51.100.1")


def test_loopback_is_never_banned_nor_delayed() -> None:
    watch = Guard(Clock())
    verdicts = [watch.failed(f"user{number}", "127.0.0.1") for number in range(100)]
    assert {(verdict.delay, verdict.ban) for verdict in verdicts} == {(0.0, 0)}
    assert not watch.refusal("somebody", "127.0.0.1")


def test_the_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_ENTRIES", 100)
    monkeypatch.setattr(buckets, "MAX_KEYS", 100)
    monkeypatch.setattr(devices, "MAX_DEVICES", 100)
    watch = Guard(Clock())
    for number in range(1000):
        watch.failed(f"user{number}", f"10.0.{number // 250}.{number % 250}")
        watch.succeeded(f"user{number}", f"10.0.{number // 250}.{number % 250}")
    for table in (watch._networks, watch._names, watch._pairs):
        assert len(table) <= 100
    assert len(watch._devices._devices) == len(watch._devices._networks) == 100


def test_a_banned_network_with_a_known_device_gets_to_the_doors() -> None:
    clock = Clock()
    watch = Guard(clock)
    watch.succeeded("alice@example.org", "192.0.2.1")
    for number in range(10):
        watch.failed(f"guess{number}", "192.0.2.1")
        watch.failed(f"guess{number}", "192.0.2.2")
    assert watch.unwelcome("192.0.2.2") == "the network is banned: failed logins"
    assert not watch.unwelcome("192.0.2.1")
    assert not watch.refusal("alice@example.org", "192.0.2.1")
    assert watch.refusal("guess1", "192.0.2.1")


def test_what_a_postmaster_bans_is_banned_for_known_devices_too() -> None:
    clock = Clock()
    bans = Bans()
    watch = Guard(clock, bans)
    watch.succeeded("alice@example.org", "192.0.2.1")
    bans.put(Ban("192.0.2.0/24", "all", "abuse", clock(), by_hand=True))
    assert watch.unwelcome("192.0.2.1") == "the network is banned: abuse"
    assert watch.refusal("alice@example.org", "192.0.2.1")


def test_only_a_new_ban_is_told() -> None:
    clock = Clock()
    watch = Guard(clock)
    told = [watch.failed("x", "192.0.2.1").ban for _ in range(20)]
    assert [seconds for seconds in told if seconds] == [60, 60]  # within one moment
    clock.advance(seconds=1)
    assert not any(watch.failed("x", "192.0.2.1").ban for _ in range(30))
