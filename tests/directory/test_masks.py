"""Masked addresses: how they lead to their account, and how they are switched."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from postroom.address import Address
from postroom.directory import accounts, masks, verify
from postroom.directory.masks import Mask
from postroom.errors import AlreadyExists, Invalid, NotFound
from tests.directory.town import Town, Towns, at


def in_town(town: Towns, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("bob@demo.test")
            await story(t)

    asyncio.run(run())


async def add(t: Town, address: str, label: str = "shop") -> Mask:
    def write(tx) -> Mask:  # type: ignore[no-untyped-def]
        bob = accounts.require(tx, at("bob@demo.test"))
        return masks.add(tx, t.ids.next(), bob.id, at(address), label, t.clock())

    return await t.directory.change(write)


async def switch(t: Town, mask: Mask, *, is_off: bool) -> None:
    await t.directory.change(lambda tx: masks.change(tx, mask, is_off=is_off))


def test_a_mask_leads_to_its_account_and_says_so(town: Towns) -> None:
    async def story(t: Town) -> None:
        mask = await add(t, "batoku1@demo.test")
        for text in ("batoku1@demo.test", "BATOKU1@demo.test", "batoku1+x@demo.test"):
            (one,) = (await t.resolve(text)).local
            assert (one.account_id, one.mask) == (mask.account_id, mask.id)
        ((main),) = (await t.resolve("bob@demo.test")).local
        assert main.mask == 0
        await t.alias("all@demo.test", "batoku1@demo.test")
        ((one),) = (await t.resolve("all@demo.test")).local
        assert one.mask == mask.id
        assert await t.directory.may_send_as(mask.account_id, at("batoku1@demo.test"))

    in_town(town, story)


def test_one_that_is_off_refuses_and_keeps_its_name(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.account("eve@demo.test")
        await t.catch_all("demo.test", "eve@demo.test")
        mask = await add(t, "batoku1@demo.test")
        await switch(t, mask, is_off=True)
        for text in ("batoku1@demo.test", "batoku1+x@demo.test"):
            found = await t.resolve(text)
            assert (found.kind, found.local) == ("disabled", ())
        with pytest.raises(AlreadyExists):
            await t.account("batoku1@demo.test")
        await switch(t, mask, is_off=False)
        assert (await t.resolve("batoku1@demo.test")).kind == "found"

    in_town(town, story)


def test_uses_are_counted(town: Towns) -> None:
    async def story(t: Town) -> None:
        mask = await add(t, "batoku1@demo.test")
        other = await add(t, "batoku2@demo.test")
        for number in range(3):
            await t.db.write(lambda tx, n=number: masks.used(tx, [mask.id, 7], 100 + n))  # type: ignore[misc]
        found = await t.db.read(lambda tx: masks.of(tx, mask.account_id, limit=9))
        assert [(one.id, one.uses, one.last_used) for one in found] == [
            (other.id, 0, None), (mask.id, 3, 102),
        ]  # fmt: skip
        page = await t.db.read(lambda tx: masks.of(tx, mask.account_id, below=other.id, limit=9))
        assert [one.id for one in page] == [mask.id]

    in_town(town, story)


def test_a_mask_tells_nobody_whose_it_is(town: Towns) -> None:
    async def story(t: Town) -> None:
        mask = await add(t, "batoku1@demo.test")
        found = await t.directory.verify_address(at("batoku1@demo.test"))
        assert found == verify.Verified("account", "", "batoku1@demo.test")
        assert await t.db.read(lambda tx: accounts.further(tx, mask.account_id)) == []
        await t.further("bob@demo.test", "robert@demo.test")
        assert await t.db.read(lambda tx: accounts.further(tx, mask.account_id)) == [
            at("robert@demo.test")
        ]
        await switch(t, mask, is_off=True)
        assert (await t.directory.verify_address(at("batoku1@demo.test"))).kind == "unknown"

    in_town(town, story)


def test_a_mask_ends_with_its_account_or_before(town: Towns) -> None:
    async def story(t: Town) -> None:
        mask = await add(t, "batoku1@demo.test")
        await t.directory.change(lambda tx: masks.change(tx, mask, label="other"))
        found = await t.db.read(lambda tx: masks.require(tx, mask.address))
        assert (found.label, found.is_off) == ("other", False)
        await t.directory.change(lambda tx: masks.remove(tx, mask))
        assert (await t.resolve("batoku1@demo.test")).kind == "unknown"
        with pytest.raises(NotFound, match="is no masked address"):
            await t.db.read(lambda tx: masks.require(tx, mask.address))
        again = await add(t, "batoku1@demo.test")
        bob = await t.remove("bob@demo.test")
        assert (await t.resolve("batoku1@demo.test")).kind == "unknown"
        await t.directory.change(lambda tx: accounts.forget(tx, bob.id))
        assert await t.db.read(lambda tx: masks.of(tx, again.account_id, limit=9)) == []
        assert await t.db.read(lambda tx: tx.one("SELECT count(*) FROM mask")) == (0,)

    in_town(town, story)


@pytest.mark.parametrize("label", ["a\nb", "x" * 201, "\x1b[0m"])
def test_a_label_is_one_line(town: Towns, label: str) -> None:
    async def story(t: Town) -> None:
        with pytest.raises(Invalid, match="a label has at most"):
            await add(t, "batoku1@demo.test", label)
        assert (await t.resolve("batoku1@demo.test")).kind == "unknown"

    in_town(town, story)


def test_names_can_be_said_and_are_many() -> None:
    choose = random.Random(1).choice
    made = {masks.local_part(choose) for _ in range(1000)}
    assert len(made) == 1000
    for name in made:
        assert len(name) == 13
        assert str(Address(name, at("a@demo.test").domain)) == f"{name}@demo.test"
        assert name[-3:].isdigit()
