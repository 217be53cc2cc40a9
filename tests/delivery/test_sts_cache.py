"""MTA-STS policies of other domains, from a real zone and a real web server."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest

from postroom.address import Domain
from postroom.db.database import Database
from postroom.delivery import sts_cache
from postroom.delivery.sts_cache import FRESH_MS, StsCache
from postroom.directory import sts_policies
from postroom.mailauth import sts
from postroom.mailauth.sts import Policy, Remembered
from postroom.net.dns import Resolver
from postroom.net.fetch import Rules
from rig.dns import DnsServer, Fault
from tests.certificates import AUTHORITY
from tests.conftest import Opener
from tests.delivery.stock import resolving
from tests.fakes import Clock
from tests.loop import patiently
from tests.net.web import WebServer, serving

EXAMPLE = Domain("example.test")
RECORD = ("_mta-sts.example.test", "TXT")
ENFORCE = Policy(mode="enforce", max_age=86_400, mx=("mx.example.test",))


def document(mode: str = "enforce", max_age: int = 86_400) -> list[bytes]:
    text = f"version: STSv1\r\nmode: {mode}\r\nmx: mx.example.test\r\nmax_age: {max_age}\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n"
    return [head.encode() + text.encode()]


class Place:
    """A cache, and all that it asks."""

    def __init__(self, db: Database, rig: DnsServer, resolver: Resolver, web: WebServer) -> None:
        self.db = db
        self.rig = rig
        self.resolver = resolver
        self.web = web
        self.clock = Clock()
        self.cache = self.another()

    def another(self) -> StsCache:
        """The cache of another process, or after a restart."""
        rules = Rules(
            ports=(self.web.port,),
            allow_private=(ipaddress.ip_network("127.0.0.0/8"),),
            authorities=AUTHORITY.cert_pem.bytes().decode(),
        )
        return StsCache(self.db, self.resolver, self.clock, rules)

    async def policy(self, domain: Domain = EXAMPLE) -> Policy | None:
        return (await self.cache.discovery(domain)).policy

    async def later(self, milliseconds: int) -> Policy | None:
        self.clock.advance(milliseconds)
        self.resolver.forget()
        return await self.policy()

    def renew(self, ident: str) -> None:
        self.rig.zone = {**self.rig.zone, RECORD: [f"v=STSv1; id={ident};"]}

    async def remembered(self) -> Remembered | None:
        return await self.db.read(lambda tx: sts_policies.read(tx, "example.test"))


Test = Callable[[Place], Coroutine[None, None, None]]
Run = Callable[..., None]


@pytest.fixture
def run(database: Opener, monkeypatch: pytest.MonkeyPatch) -> Run:
    @contextlib.asynccontextmanager
    async def opened(web: WebServer) -> AsyncIterator[Place]:
        rig = DnsServer(
            {RECORD: ["v=STSv1; id=one;"], ("mta-sts.example.test", "A"): ["127.0.0.1"]}
        )
        async with database() as db, serving(web), resolving(rig) as resolver:
            monkeypatch.setattr(
                sts, "policy_url", lambda domain: f"https://mta-sts.{domain}:{web.port}/policy"
            )  # a free port instead of 443
            yield Place(db, rig, resolver, web)

    def runner(test: Test, parts: list[bytes] | None = None) -> None:
        async def main() -> None:
            web = WebServer(document() if parts is None else parts)
            async with asyncio.timeout(60), opened(web) as place:
                await test(place)

        patiently(main())

    return runner


def test_a_policy_is_fetched_once_and_survives_a_restart(run: Run) -> None:
    async def test(place: Place) -> None:
        assert await place.policy() == ENFORCE
        assert await place.policy() == ENFORCE
        assert len(place.web.requests) == 1
        assert place.rig.count(RECORD[0]) == 1
        place.rig.faults["", ""] = Fault.SERVFAIL  # now nobody can be asked
        place.resolver.forget()
        assert (await place.another().discovery(EXAMPLE)).policy == ENFORCE
        assert len(place.web.requests) == 1

    run(test)


def test_a_domain_without_a_record_has_none_and_nothing_is_kept(run: Run) -> None:
    async def test(place: Place) -> None:
        place.rig.zone = {("other.test", "A"): ["127.0.0.1"]}
        assert await place.policy() is None
        assert await place.policy() is None
        assert place.rig.count(RECORD[0]) == 1
        assert await place.remembered() is None
        assert place.web.requests == []

    run(test)


def test_literals_and_hostile_names_are_not_asked_for(run: Run) -> None:
    async def test(place: Place) -> None:
        assert await place.policy(Domain("[192.0.2.1]")) is None
        assert await place.policy(Domain(".".join(["x" * 60] * 4) + ".test")) is None
        assert place.rig.count() == 0

    run(test)


def test_an_answer_holds_for_five_minutes(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.policy()
        await place.later(FRESH_MS - 1)
        assert place.rig.count(RECORD[0]) == 1
        await place.later(1)
        assert place.rig.count(RECORD[0]) == 2
        place.clock.advance(-10 * FRESH_MS)  # a clock that was put right is no trap
        place.resolver.forget()
        await place.policy()
        assert place.rig.count(RECORD[0]) == 3

    run(test)


def test_a_new_ident_brings_the_new_policy(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.policy()
        place.renew("two")
        place.web._parts = document("testing")
        found = await place.later(FRESH_MS)
        assert found is not None
        assert found.mode == "testing"
        known = await place.remembered()
        assert known is not None
        assert (known.ident, known.policy) == ("two", found)

    run(test)


def test_who_suppresses_the_record_switches_nothing_off(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.policy()
        place.rig.zone = {("other.test", "A"): ["127.0.0.1"]}
        assert await place.later(FRESH_MS) == ENFORCE
        assert await place.later(86_400_000 - FRESH_MS - 1) == ENFORCE
        assert await place.later(FRESH_MS + 1) is None

    run(test)


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"],
        [b"HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\nContent-Length: 0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"],
        [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"],
        [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 70_000],
        [],
    ],
)
def test_a_policy_that_can_not_be_had_is_not_asked_for_again_at_once(
    run: Run, parts: list[bytes]
) -> None:
    async def test(place: Place) -> None:
        assert await place.policy() is None
        known = await place.remembered()
        assert known is not None
        assert known.failure in {"sts-policy-fetch-error", "sts-policy-invalid"}
        assert (await place.cache.discovery(EXAMPLE)).failure == known.failure
        after = await place.another().discovery(EXAMPLE)
        assert (after.policy, after.failure) == (None, known.failure)
        assert len(place.web.requests) == 1
        place.web._parts = document()
        assert await place.later(FRESH_MS) == ENFORCE

    run(test, parts)


def test_a_failed_renewal_keeps_the_policy(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.policy()
        place.renew("two")
        place.web._parts = [b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"]
        assert await place.later(FRESH_MS) == ENFORCE
        known = await place.remembered()
        assert known is not None
        assert (known.policy, known.failure) == (ENFORCE, "sts-policy-fetch-error")
        found = await place.cache.discovery(EXAMPLE)
        assert (found.failure, "500" in found.reason) == ("sts-policy-fetch-error", True)

    run(test)


def test_those_who_ask_at_the_same_time_share_one_discovery(run: Run) -> None:
    async def test(place: Place) -> None:
        place.rig.held = asyncio.Event()
        asking = [asyncio.create_task(place.policy()) for _ in range(20)]
        await place.rig.asked.wait()
        for one in asking[:3]:  # also the one who began
            one.cancel()
        await asyncio.sleep(0)
        place.rig.held.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert found[3:] == [ENFORCE] * 17
        assert all(isinstance(one, asyncio.CancelledError) for one in found[:3])
        assert len(place.web.requests) == 1

    run(test)


def test_nothing_is_left_of_those_who_waited(run: Run) -> None:
    async def test(place: Place) -> None:
        await asyncio.gather(*[place.policy() for _ in range(20)])
        assert len(place.cache._locks) == 0

    run(test)


def test_the_table_is_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sts_cache, "MOST", 3)

    async def test(place: Place) -> None:
        for name in ("example", "b", "c", "d"):
            await place.policy(Domain(f"{name}.test"))
        assert list(place.cache._known) == ["b.test", "c.test", "d.test"]
        place.clock.advance(FRESH_MS)
        await place.policy(Domain("b.test"))  # asked anew, so the youngest
        await place.policy(Domain("e.test"))
        assert list(place.cache._known) == ["d.test", "b.test", "e.test"]

    run(test)
