import asyncio
import itertools
from collections.abc import Callable

import pytest

from postroom.address import Domain
from postroom.admin import dkim, domains
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import dkim_keys, domains as rows
from postroom.directory.dkim_keys import PUBLISHED_MS, Pair, SigningKeys
from postroom.errors import Invalid, NotFound, Refused
from tests.admin.bureau import Story
from tests.directory import keys
from tests.fakes import Clock

Tell = Callable[[Story], None]


def fresh() -> Callable[[], Pair]:
    """Another pair each time."""
    numbers = itertools.count()
    return lambda: keys.numbered(next(numbers))


async def bare(office: Office, name: str) -> None:
    """A domain from before there were keys."""
    await office.directory.change(
        lambda tx: rows.add(tx, office.ids.next(), Domain.parse(name), None, office.now())
    )


async def states(office: Office, domain: str = "demo.test") -> dict[str, str]:
    return {key.selector: key.state async for key in dkim.every(office, search=domain)}


def test_a_new_domain_signs_with_two_keys(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await domains.add(office, "bücher.example", generate=keys.quick)
        assert added.dkim == await dkim.show(office, "bücher.example", generate=fresh())
        rsa, ed25519 = added.dkim
        assert (rsa.selector, rsa.algorithm, rsa.state) == ("pr2026a", "rsa", "active")
        assert rsa.domain == "xn--bcher-kva.example"
        assert rsa.name == "pr2026a._domainkey.xn--bcher-kva.example"
        assert rsa.type == "TXT"
        assert rsa.value.startswith("v=DKIM1; k=rsa; p=")
        assert ed25519.value.startswith("v=DKIM1; k=ed25519; p=")
        assert (rsa.activated, rsa.published_until) == (rsa.created, None)
        signing = SigningKeys(office.db, clock, office.directory.secrets)
        assert len(await signing.for_domain("xn--bcher-kva.example")) == 2

    tell(story)


def test_a_rotated_pair_waits_until_it_is_seen(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        generate = fresh()
        await domains.add(office, "demo.test", generate=generate)
        found = await dkim.rotate(office, "demo.test", generate=generate)
        assert [key.state for key in found] == ["active", "active", "waiting", "waiting"]
        with pytest.raises(Refused, match="pr2026b and pe2026b of demo.test still wait"):
            await dkim.rotate(office, "demo.test", generate=generate)
        waiting = await dkim.waiting(office)
        assert [key.selector for key in waiting] == ["pr2026b", "pe2026b"]
        await dkim.activate(office, [key.id for key in waiting])
        assert list((await states(office)).values()) == ["retired", "retired", "active", "active"]
        old = (await dkim.show(office, "demo.test"))[0]
        assert old.retired is not None
        assert old.published_until is not None
        assert (old.published_until - old.retired).days == 7
        assert await dkim.waiting(office) == []

    tell(story)


def test_now_lets_a_pair_sign_at_once(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        generate = fresh()
        await domains.add(office, "demo.test", generate=generate)
        await dkim.rotate(office, "demo.test", at_once=True, generate=generate)
        assert await states(office) == {
            "pr2026a": "retired",
            "pe2026a": "retired",
            "pr2026b": "active",
            "pe2026b": "active",
        }
        await dkim.rotate(office, "demo.test", generate=generate)
        await dkim.rotate(office, "demo.test", at_once=True, generate=generate)
        found = await states(office)
        assert len(found) == 6  # the pair that waited signs now, and no other one was made
        assert found["pr2026c"] == "active"

    tell(story)


def test_a_domain_from_before_gets_its_keys_when_asked(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await bare(office, "demo.test")
        assert await states(office) == {}
        first = await dkim.ensure_keys(office, "demo.test", generate=fresh())
        assert [key.state for key in first] == ["active", "active"]
        assert await dkim.ensure_keys(office, "demo.test", generate=fresh()) == first
        await bare(office, "other.test")
        rotated = await dkim.rotate(office, "other.test", generate=keys.quick)
        assert [key.state for key in rotated] == ["active", "active"]  # there was none to wait for

    tell(story)


def test_two_who_ensure_at_once_make_one_pair(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await bare(office, "demo.test")
        generate = fresh()
        found = await asyncio.gather(
            *(dkim.ensure_keys(office, "demo.test", generate=generate) for _ in range(4))
        )
        assert len(set(found)) == 1
        assert len(await states(office)) == 2

    tell(story)


def test_keys_changed_between_looking_and_writing_are_not_overwritten(tell: Tell) -> None:
    """The pair is made outside the transaction; another command may be faster."""

    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=keys.quick)
        (own,) = await office.directory.look(lambda tx: rows.page(tx, "", 9, ""))

        def meanwhile() -> Pair:
            def write(tx: Tx) -> None:
                ids = (office.ids.next(), office.ids.next())
                seal_key = office.directory.secrets.seal
                dkim_keys.add(tx, ids, own, keys.numbered(1), seal_key=seal_key, now=clock())

            asyncio.run_coroutine_threadsafe(office.directory.change(write), loop).result()
            return keys.numbered(2)

        loop = asyncio.get_running_loop()
        with pytest.raises(Refused, match="try again"):
            await dkim.rotate(office, "demo.test", generate=meanwhile)
        assert list((await states(office)).values()) == ["active", "active", "waiting", "waiting"]

    tell(story)


def test_every_domain_without_keys_gets_some(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "a.test", generate=keys.quick)
        for name in ("b.test", "c.test"):
            await bare(office, name)
        assert await dkim.make_missing(office, generate=keys.quick) == 2
        assert await dkim.make_missing(office, generate=keys.quick) == 0
        assert len([key async for key in dkim.every(office)]) == 6
        assert len([key async for key in dkim.every(office, limit=3)]) == 3

    tell(story)


def test_retired_keys_are_forgotten_after_a_week(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=keys.quick)
        await dkim.rotate(office, "demo.test", at_once=True, generate=fresh())
        assert await dkim.purge(office) == 0
        clock.advance(PUBLISHED_MS)
        assert await dkim.purge(office) == 2
        assert await dkim.purge(office) == 0
        assert await states(office) == {"pr2026b": "active", "pe2026b": "active"}

    tell(story)


def test_only_own_domains_have_keys(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        for call in (dkim.show, dkim.ensure_keys, dkim.rotate):
            with pytest.raises(NotFound, match="postroom domain add other.test"):
                await call(office, "other.test", generate=keys.quick)
            with pytest.raises(Invalid):
                await call(office, "no domain", generate=keys.quick)

    tell(story)
