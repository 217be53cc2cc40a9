"""The key of a server that nobody owns yet."""

from postroom.web.first_run import KEY_MS, SESSION_MS, FirstRun
from tests.fakes import Clock


def test_a_key_opens_one_session_and_is_void_then() -> None:
    first = FirstRun(Clock())
    key = first.make_key()
    assert first.fits(key)
    assert first.fits(key)  # looking does not use it up
    secret = first.open(key)
    assert secret is not None
    assert first.knows(secret)
    assert not first.fits(key)
    assert first.open(key) is None
    assert first.knows(secret)
    assert not first.knows(key)
    assert first.is_word(first.word)
    first.close()
    assert not first.knows(secret)


def test_without_a_key_nobody_is_let_in() -> None:
    first = FirstRun(Clock())
    for given in ("", "x"):
        assert not first.fits(given)
        assert not first.knows(given)
        assert first.open(given) is None
        assert not first.is_word(given)
    key = first.make_key()
    assert first.open(key[:-1]) is None
    assert not first.knows("")
    assert not first.is_word("")


def test_keys_and_sessions_end() -> None:
    clock = Clock()
    first = FirstRun(clock)
    key = first.make_key()
    clock.advance(KEY_MS)
    assert first.open(key) is None
    secret = first.open(first.make_key())
    assert secret is not None
    clock.advance(SESSION_MS - 1)
    assert first.knows(secret)
    clock.advance(1)
    assert not first.knows(secret)


def test_a_new_key_makes_the_old_one_void_and_neither_is_kept() -> None:
    first = FirstRun(Clock())
    old, new = first.make_key(), first.make_key()
    assert not first.fits(old)
    secret = first.open(new)
    assert secret is not None
    kept = repr(vars(first))
    assert not any(one in kept for one in (old, new, secret))
