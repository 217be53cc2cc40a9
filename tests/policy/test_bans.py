import pytest

from postroom.policy import bans as module
from postroom.policy.bans import FORGET_MS, Ban, Bans

HOUR = 3_600_000


def seconds(ban: Ban | None) -> int:
    assert ban is not None
    return (ban.until - ban.since) // 1000


def test_a_ban_ends_and_the_next_is_twice_as_long() -> None:
    bans = Bans()
    assert seconds(bans.ban("192.0.2.1", "smtp", "harvest", 3600, 0)) == 3600
    assert bans.find("192.0.2.1", "smtp", HOUR - 1)
    assert not bans.find("192.0.2.1", "smtp", HOUR)
    assert seconds(bans.ban("192.0.2.1", "smtp", "harvest", 3600, HOUR)) == 7200
    later = 3 * HOUR
    lengths = []
    for _ in range(20):
        lengths.append(seconds(bans.ban("192.0.2.1", "smtp", "harvest", 3600, later)))
        later += 1000 * lengths[-1]
    assert lengths == sorted(lengths)
    assert lengths[-1] == module.LONGEST
    assert seconds(bans.ban("192.0.2.1", "smtp", "x", 60, later + FORGET_MS + 1)) == 60


def test_a_ban_in_force_stays_as_it_is() -> None:
    bans = Bans()
    first = bans.ban("192.0.2.1", "smtp", "harvest", 60, 0)
    assert bans.ban("192.0.2.1", "smtp", "flood", 3600, 1000) is first
    assert len(bans) == 1


def test_a_ban_of_a_clock_that_was_ahead_ends_with_it() -> None:
    bans = Bans()
    now = 1_800_000_000_000
    ahead = now + 365 * 24 * 3_600_000
    assert bans.ban("192.0.2.1", "login", "guesses", 60, ahead) is not None
    bans.put(Ban("198.51.100.0/24", "all", "mine", ahead, ahead + 60_000, by_hand=True))
    assert bans.find("192.0.2.1", "login", now) is None
    assert bans.find("198.51.100.1", "smtp", now) is not None
    again = bans.ban("192.0.2.1", "login", "guesses", 60, now)
    assert again is not None
    assert again.since == now


def test_doors_are_apart_and_all_is_every_one() -> None:
    bans = Bans()
    bans.ban("192.0.2.1", "smtp", "harvest", 60, 0)
    bans.put(Ban("198.51.100.0/24", "all", "abuse", 0, by_hand=True))
    assert bans.find("192.0.2.1", "smtp", 0)
    assert not bans.find("192.0.2.1", "login", 0)
    assert bans.find("198.51.100.77", "smtp", 1 << 50)
    assert bans.find("198.51.100.77", "login", 1 << 50)
    assert not bans.find("198.51.101.1", "smtp", 0)


def test_an_ipv6_network_is_banned_whole() -> None:
    bans = Bans()
    bans.ban("2001:db8::1", "login", "x", 60, 0)
    bans.put(Ban("2001:db8:ffff::5/128", "all", "one host", 0, by_hand=True))
    assert bans.find("2001:db8::ffff", "login", 0)
    assert not bans.find("2001:db8:0:1::1", "login", 0)
    assert bans.find("2001:db8:ffff::5", "login", 0)
    assert not bans.find("2001:db8:ffff::6", "login", 0)
    assert bans.find("::ffff:192.0.2.1", "login", 0) is None


def test_a_postmasters_word_counts_more() -> None:
    bans = Bans()
    bans.ban("192.0.2.1", "smtp", "harvest", 60, 0)
    bans.put(Ban("192.0.2.0/24", "all", "abuse", 0, by_hand=True))
    found = bans.find("192.0.2.1", "smtp", 0)
    assert found is not None
    assert found.reason == "abuse"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "unix", ""])
def test_who_is_never_banned(address: str) -> None:
    bans = Bans()
    assert bans.ban(address, "smtp", "x", 60, 0) is None
    assert bans.find(address, "smtp", 0) is None
    assert not bans.changed


def test_what_is_written_down_replaces_what_is_known_but_not_what_is_new() -> None:
    bans = Bans()
    bans.ban("192.0.2.1", "smtp", "new", 60, 0)
    bans.put(Ban("192.0.2.2/32", "smtp", "gone", 0, 1000))
    bans.put(Ban("192.0.2.3/32", "smtp", "old reason", 0, 1000))
    bans.replace([Ban("192.0.2.3/32", "smtp", "reason", 0, 1000)])
    assert bans.find("192.0.2.1", "smtp", 0)
    assert not bans.find("192.0.2.2", "smtp", 0)
    third = bans.find("192.0.2.3", "smtp", 0)
    assert third is not None
    assert third.reason == "reason"
    bans.changed.clear()
    bans.replace([])
    assert len(bans) == 0
    assert bans._prefixes == {}


def test_a_hundred_thousand_networks_take_bounded_memory() -> None:
    bans = Bans()
    bans.put(Ban("203.0.113.0/24", "all", "abuse", 0, by_hand=True))
    for number in range(100_000):
        bans.ban(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "smtp", "flood", 60, 0)
    assert len(bans) == module.MAX_EARNED + 1
    assert len(bans.changed) == module.MAX_EARNED
    assert bans.find("10.1.134.159", "smtp", 0)  # the newest
    assert not bans.find("10.0.0.0", "smtp", 0)
    assert bans.find("203.0.113.9", "smtp", 0)
