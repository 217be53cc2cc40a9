import asyncio

import pytest

from postroom.address import Domain
from postroom.db.database import Tx
from postroom.directory import domains, version
from postroom.errors import NotFound, Refused
from postroom.quota import NO_QUOTA, Quota
from tests.directory.town import Towns, at


def test_a_change_bumps_the_version_and_hints(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            before = await t.db.read(version.read)
            await t.domain("demo.test")
            assert await t.db.read(version.read) == before + 1
            assert t.hints == 1

    asyncio.run(run())


def test_a_change_that_raises_changes_nothing(town: Towns) -> None:
    def write(tx: Tx) -> None:
        tx.execute("UPDATE domain SET separators = '-'")
        raise LookupError

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            before = await t.db.read(version.read)
            with pytest.raises(LookupError):
                await t.directory.change(write)
            assert await t.db.read(version.read) == before
            assert (await t.directory.look(lambda tx: tx.one("SELECT separators FROM domain"))) == (
                "+",
            )
            assert t.hints == 1

    asyncio.run(run())


def test_a_clash_with_another_process_is_a_refusal(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            own = await t.domain("demo.test")
            with pytest.raises(Refused, match="try again"):
                await t.directory.change(
                    lambda tx: domains.add(tx, own.id, Domain("other.test"), None, 0)
                )

    asyncio.run(run())


def test_own_changes_count_at_once_and_those_of_others_by_their_hint(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            other = t.another()
            try:
                await t.domain("demo.test")
                assert (await other.resolve(at("a@demo.test"))).kind == "unknown"
                assert (await t.resolve("a@demo.test")).kind == "unknown"
                await t.account("a@demo.test")
                assert (await t.resolve("a@demo.test")).kind == "found"
                other.hint()
                assert (await other.resolve(at("a@demo.test"))).kind == "found"
            finally:
                other.close()

    asyncio.run(run())


def test_a_sender_is_owned_by_who_alone_gets_its_letters(town: Towns) -> None:
    """R9."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            await t.domain("own.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            await t.further("alice@demo.test", "al@demo.test")
            await t.alias("sales@demo.test", "alice@demo.test")
            await t.alias("team@demo.test", "alice@demo.test", "bob@demo.test")
            await t.alias("out@demo.test", "alice@demo.test", "alice@example.org")
            await t.catch_all("own.test", "alice@demo.test")
            for sender in (
                "alice@demo.test",
                "ALICE+x@demo.test",
                "al@demo.test",
                "alice@alias.test",
                "sales@demo.test",
                "anything@own.test",
            ):
                assert await t.directory.may_send_as(alice.id, at(sender))
                assert not await t.directory.may_send_as(bob.id, at(sender))
            for sender in (
                "bob@demo.test",
                "team@demo.test",
                "out@demo.test",
                "nobody@demo.test",
                "alice@example.org",
                "postmaster@demo.test",
            ):
                assert not await t.directory.may_send_as(alice.id, at(sender))

    asyncio.run(run())


def test_forwards_do_not_change_who_owns_a_sender(town: Towns) -> None:
    """Who gets the letters of another by a forward must not write in the other's name."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            await t.alias("sales@demo.test", "alice@demo.test")
            await t.alias("both@demo.test", "alice@demo.test", "x@example.org")
            for targets, keep in (
                (["bob@demo.test"], False),
                (["bob@demo.test"], True),
                (["a@example.org"], False),
                (["gone@demo.test"], False),
            ):
                await t.forward("alice@demo.test", *targets, keep=keep)
                for sender in ("alice@demo.test", "alice+x@demo.test", "sales@demo.test"):
                    assert await t.directory.may_send_as(alice.id, at(sender))
                    assert not await t.directory.may_send_as(bob.id, at(sender))
                assert not await t.directory.may_send_as(alice.id, at("both@demo.test"))
            await t.disable("alice@demo.test")
            assert not await t.directory.may_send_as(alice.id, at("alice@demo.test"))

    asyncio.run(run())


def test_names_are_names_and_nothing_that_leads_to_them(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            await t.alias("team@demo.test", "alice@demo.test")
            await t.catch_all("demo.test", "alice@demo.test")
            for name, expected in (
                ("ALICE@demo.test", True),
                ("team@demo.test", True),
                ("alice+x@demo.test", False),
                ("other@demo.test", False),
                ("postmaster@demo.test", False),
                ("alice@other.test", False),
            ):
                assert await t.directory.is_name(at(name)) is expected

    asyncio.run(run())


def test_postmaster_needs_no_domain_but_there_must_be_one(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            assert (await t.directory.resolve_postmaster()).kind == "unknown"
            await t.domain("demo.test")
            held = await t.directory.resolve_postmaster()
            assert (held.kind, held.local[0].address) == ("found", "postmaster@demo.test")
            await t.alias("postmaster@demo.test", "x@example.org")
            assert (await t.directory.resolve_postmaster()).remote == ("x@example.org",)

    asyncio.run(run())


def test_small_questions(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            alice = await t.account("alice@demo.test", quota=10)
            assert await t.directory.is_own(Domain("demo.test"))
            assert await t.directory.is_own(Domain("alias.test"))
            assert not await t.directory.is_own(Domain("other.test"))
            await t.domain("other.test")
            assert await t.directory.is_own(Domain("other.test"))
            assert await t.directory.quota_of(alice.id) == Quota(10)
            assert await t.directory.quota_of(1) == NO_QUOTA
            assert await t.directory.address_of(alice.id) == "alice@demo.test"
            await t.remove("alice@demo.test")
            for ident in (alice.id, 1):
                with pytest.raises(NotFound):
                    await t.directory.address_of(ident)

    asyncio.run(run())
