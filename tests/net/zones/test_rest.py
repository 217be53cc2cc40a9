"""Calls of an interface: patience, and what is told when it is no use."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from postroom.net.dns import Resolver
from postroom.net.zones.rest import LONGEST_PAUSE, TRIES, Endpoint, Rest
from postroom.net.zones.zone import ZoneFailed
from rig.providers import TOKEN, Desec
from tests.loop import patiently


class Pauses(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def endpoint(api: Desec, *, is_own: bool = True) -> Endpoint:
    return Endpoint(
        url=api.url, authorization=f"Token {TOKEN}", is_own=is_own, authorities=api.trust
    )


def tell(story: Callable[[Desec, Rest, Pauses], Awaitable[None]], *, is_own: bool = True) -> None:
    async def inside() -> None:
        resolver, pauses = Resolver(["127.0.0.1:9"]), Pauses()
        with Desec("demo.test") as api:
            await story(api, Rest(endpoint(api, is_own=is_own), resolver, sleep=pauses), pauses)
        await resolver.close()

    patiently(inside())


def test_a_pause_that_is_asked_for_is_made() -> None:
    async def story(api: Desec, rest: Rest, pauses: Pauses) -> None:
        api.slow_down, api.retry_after = 2, "3"
        assert (await rest.call("GET", "/domains/demo.test/")).status == 200
        assert pauses == [3, 3]
        api.slow_down, api.retry_after = 1, ""
        await rest.call("GET", "/domains/demo.test/")
        assert pauses == [3, 3, 5]

    tell(story)


def test_patience_has_an_end() -> None:
    async def story(api: Desec, rest: Rest, pauses: Pauses) -> None:
        api.slow_down = 100
        with pytest.raises(ZoneFailed, match="too many requests"):
            await rest.call("GET", "/")
        assert len(pauses) == TRIES - 1
        api.retry_after = str(LONGEST_PAUSE + 1)
        with pytest.raises(ZoneFailed, match="wait 61 seconds"):
            await rest.call("GET", "/")
        assert len(pauses) == TRIES - 1

    tell(story)


def test_a_private_address_is_asked_only_when_it_was_named_on_purpose() -> None:
    async def story(api: Desec, rest: Rest, _pauses: Pauses) -> None:
        with pytest.raises(ZoneFailed, match="not a public address"):
            await rest.call("GET", "/")
        assert not api.asked

    tell(story, is_own=False)


def test_what_comes_is_told_without_the_token_and_without_odd_octets() -> None:
    async def story(api: Desec, rest: Rest, _pauses: Pauses) -> None:
        api.fault = 500, b"\x1b[31mDown\nnow", {}
        found = await rest.call("GET", "/")
        assert "answers 500: [31mDown now" in str(rest.refusal(found))
        with pytest.raises(ZoneFailed, match="something unexpected"):
            rest.read(found, dict[str, int])
        api.fault = 401, {"detail": "no"}, {}
        refusal = str(rest.refusal(await rest.call("GET", "/")))
        assert "is the token right" in refusal
        assert TOKEN not in refusal + repr(endpoint(api))

    tell(story)


def test_bodies_are_sent_as_json() -> None:
    async def story(api: Desec, rest: Rest, _pauses: Pauses) -> None:
        body = [{"subname": "x", "type": "A", "ttl": 3600, "records": ["192.0.2.1"]}]
        found = await rest.call("PATCH", "/domains/demo.test/rrsets/", body)
        assert msgspec.json.decode(found.body) == body
        assert api.rrsets == {("x", "A"): ["192.0.2.1"]}

    tell(story)
