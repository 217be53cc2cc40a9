"""A flood is cut down, and what was kept back is told (threats L3)."""

from postroom.telemetry.limit import MAX_KEYS, MINUTE, OCTETS, PER_KEY, Limiter
from postroom.telemetry.session_events import LoginFailed, MessageAccepted

START = 1_000 * MINUTE


def failure(peer: str) -> LoginFailed:
    return LoginFailed(peer=peer, login="x", reason="y")


def test_a_peer_gets_sixty_lines_a_minute() -> None:
    limiter = Limiter()
    limiter.turn(START)
    assert [limiter.allows(failure("192.0.2.1")) for _ in range(100)].count(True) == PER_KEY
    assert limiter.allows(failure("192.0.2.2"))


def test_the_next_minute_tells_what_was_kept_back() -> None:
    limiter = Limiter()
    limiter.turn(START)
    for _ in range(100):
        limiter.allows(failure("192.0.2.1"))
    assert limiter.turn(START + MINUTE - 1) == []
    (told,) = limiter.turn(START + MINUTE)
    assert (told.of, told.count) == ("login.failed", 40)
    assert limiter.turn(START + 2 * MINUTE) == []
    assert limiter.allows(failure("192.0.2.1"))


def test_what_strangers_cannot_cause_is_never_cut() -> None:
    limiter = Limiter()
    accepted = MessageAccepted(peer="192.0.2.1", queue_id="q", sender="", recipients=1, size=1)
    assert all(limiter.allows(accepted) for _ in range(1_000))


def test_many_peers_share_the_octets_of_a_minute() -> None:
    limiter = Limiter()
    limiter.turn(START)
    written = 0
    for number in range(10_000):
        event = failure(f"2001:db8::{number:x}")
        if limiter.allows(event):
            limiter.wrote(200)
            written += 200
    assert OCTETS <= written <= OCTETS + 200


def test_the_memory_of_peers_is_bounded() -> None:
    limiter = Limiter()
    limiter.turn(START)
    allowed = [limiter.allows(failure(f"peer {number}")) for number in range(MAX_KEYS + 1_000)]
    assert allowed.count(True) == MAX_KEYS + PER_KEY
    assert len(limiter._written) == MAX_KEYS + 1
