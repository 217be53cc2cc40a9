import asyncio

from postroom.address import Domain
from postroom.db.database import Tx
from postroom.directory import addresses, aliases, domains, list_members, lists
from postroom.directory.lists import MailingList, Settings
from tests.directory.town import Town, Towns, at

DAY = 24 * 3600 * 1000


async def made(t: Town, address: str = "dev@demo.test") -> MailingList:
    one = MailingList(t.ids.next(), at(address), Settings(), 1, ("", ""))
    await t.directory.change(lambda tx: lists.add(tx, one, t.ids.next()))
    return one


async def join(t: Town, of: MailingList, *addresses: str) -> None:
    new = [(t.ids.next(), at(one)) for one in addresses]
    await t.directory.change(lambda tx: list_members.add(tx, of.id, "member", new, 1))


async def members(t: Town, of: MailingList, search: str = "") -> list[str]:
    found = await t.directory.look(lambda tx: list_members.page(tx, of.id, "", 100, search=search))
    return [str(one.address) for one in found]


def test_somebody_is_in_a_list_once_whatever_the_case(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            of = await made(t)
            await join(t, of, "B@Else.example", "a@else.example")
            await join(t, of, "b@else.example", "c@else.example")
            assert await members(t, of) == ["a@else.example", "B@else.example", "c@else.example"]
            assert await members(t, of, "b@") == ["B@else.example"]
            assert await t.directory.look(lambda tx: list_members.count(tx, of.id)) == 3
            await t.directory.change(
                lambda tx: list_members.remove(tx, of.id, "member", [at("b@ELSE.example")])
            )
            assert await members(t, of) == ["a@else.example", "c@else.example"]

    asyncio.run(run())


def test_receivers_come_in_pages_without_owners_and_the_suspended(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            of = await made(t)
            await join(t, of, *[f"m{n}@else.example" for n in range(7)])
            owner = [(t.ids.next(), at("o@else.example"))]
            await t.directory.change(lambda tx: list_members.replace(tx, of.id, "owner", owner, 1))
            third = await t.directory.look(
                lambda tx: list_members.find(tx, of.id, at("m3@else.example"))
            )
            assert third is not None
            await t.directory.change(
                lambda tx: list_members.suspend(tx, third.id, is_suspended=True)
            )
            seen: list[str] = []
            after = 0
            while some := await t.directory.look(
                lambda tx, after=after: list_members.receivers(tx, of.id, after, 2)  # type: ignore[misc]
            ):
                seen += [one.address.local for one in some]
                after = some[-1].id
            assert seen == ["m0", "m1", "m2", "m4", "m5", "m6"]
            roles = await t.directory.look(
                lambda tx: list_members.roles(
                    tx, of.id, [at("M3@else.example"), at("o@else.example")]
                )
            )
            assert roles == {"member", "owner"}

    asyncio.run(run())


def test_bounces_count_once_a_day_and_are_forgiven(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            of = await made(t)
            await join(t, of, "a@else.example")

            async def bounced(now: int) -> int:
                def write(tx: Tx) -> int:
                    member = list_members.find(tx, of.id, at("a@else.example"))
                    assert member is not None
                    return list_members.bounced(tx, member, now)

                return await t.directory.change(write)

            begin = 1_000 * DAY
            assert [await bounced(begin + late) for late in (0, DAY - 1, DAY, 3 * DAY)] == [
                1,
                1,
                2,
                3,
            ]
            assert await bounced(begin + 100 * DAY) == 1

    asyncio.run(run())


def test_members_follow_addresses_and_domains_that_are_renamed(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            of = await made(t)
            await t.alias("bob@demo.test", "x@else.example")
            await t.alias("ann@demo.test", "x@else.example")
            await join(t, of, "bob@demo.test", "new@demo.test", "bob+work@demo.test")
            named = await t.directory.look(lambda tx: addresses.named_by(tx, at("bob@demo.test")))
            assert named == ["dev@demo.test"]
            await t.directory.change(
                lambda tx: aliases.rename(
                    tx, aliases.require(tx, at("bob@demo.test")), at("new@demo.test")
                )
            )
            assert await members(t, of) == ["new+work@demo.test", "new@demo.test"]
            await t.directory.change(
                lambda tx: domains.rename(
                    tx, domains.require(tx, Domain("demo.test")), Domain("other.test")
                )
            )
            assert await members(t, of) == ["new+work@other.test", "new@other.test"]
            key = await t.directory.look(
                lambda tx: list_members.find(tx, of.id, at("new@other.test"))
            )
            assert key is not None

    asyncio.run(run())
