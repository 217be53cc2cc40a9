"""How much an account does at a time."""

import pytest

from postroom.web.jmap.errors import RequestError
from postroom.web.jmap.turnstile import REQUESTS, UPLOADS, Turnstile


def test_what_is_too_much_at_a_time() -> None:
    turnstile = Turnstile()
    running = [turnstile.passing(UPLOADS, 7) for _ in range(UPLOADS[1])]
    for one in running:
        one.__enter__()
    with pytest.raises(RequestError) as caught, turnstile.passing(UPLOADS, 7):
        pass
    assert (caught.value.kind, caught.value.limit) == ("limit", "maxConcurrentUpload")
    with turnstile.passing(UPLOADS, 8), turnstile.passing(REQUESTS, 7):
        pass
    running[0].__exit__(None, None, None)
    with turnstile.passing(UPLOADS, 7):
        pass


def test_what_failed_has_ended() -> None:
    turnstile = Turnstile()
    for _ in range(UPLOADS[1] + 1):
        with pytest.raises(KeyError), turnstile.passing(UPLOADS, 7):
            raise KeyError
    assert not turnstile._running
