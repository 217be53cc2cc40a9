import pytest

from postroom.address import Domain
from postroom.db.database import Tx
from postroom.directory import accounts, aliases, allotments, domains
from postroom.directory.allotments import NOTHING, Allotment
from postroom.errors import Invalid, Refused
from postroom.quota import Quota
from tests.directory.test_expand import in_town
from tests.directory.town import Town, Towns, at

GIB = 1 << 30


async def limit(t: Town, domain: str = "demo.test", **limits: int) -> None:
    def write(tx: Tx) -> None:
        allotments.put(tx, domains.require(tx, Domain.parse(domain)), Allotment(**limits))

    await t.directory.change(write)


async def set_quota(t: Town, address: str, octets: int) -> None:
    await t.directory.change(
        lambda tx: accounts.change(tx, accounts.require(tx, at(address)), quota=Quota(octets))
    )


def test_the_last_account_is_the_last(town: Towns) -> None:
    async def story(t: Town) -> None:
        await limit(t, accounts=2)
        await t.account("a@demo.test")
        gone = await t.account("b@demo.test")
        with pytest.raises(Refused, match=r"may hold \(2\).*domain limits demo.test --accounts 3"):
            await t.account("c@demo.test")
        assert (await t.resolve("c@demo.test")).kind == "unknown"
        await t.directory.change(lambda tx: accounts.remove(tx, gone, 1))
        await t.account("c@demo.test")
        with pytest.raises(Refused, match=r"accounts that it may hold \(2\)"):
            await t.directory.change(lambda tx: accounts.restore(tx, gone))

    in_town(town, story)


def test_who_comes_from_another_domain_counts(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.domain("other.test")
        await limit(t, accounts=1, aliases=1)
        await t.account("a@demo.test")
        await t.alias("x@demo.test", "a@demo.test")
        moved = await t.account("b@other.test")
        alias = await t.alias("y@other.test", "b@other.test")
        with pytest.raises(Refused, match=r"accounts that it may hold \(1\)"):
            await t.directory.change(
                lambda tx: accounts.rename(tx, moved, at("b@demo.test"), keep_id=None)
            )
        with pytest.raises(Refused, match=r"aliases that it may hold \(1\)"):
            await t.directory.change(lambda tx: aliases.rename(tx, alias, at("y@demo.test")))
        with pytest.raises(Refused, match=r"aliases that it may hold \(1\)"):
            await t.alias("z@demo.test", "a@demo.test")
        await t.directory.change(  # within the domain nothing is added
            lambda tx: aliases.rename(tx, aliases.require(tx, at("x@demo.test")), at("w@demo.test"))
        )

    in_town(town, story)


def test_a_new_account_gets_a_quota_and_none_more_than_may_be(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.account("old@demo.test")
        await limit(t, default_quota=2 * GIB, max_quota=3 * GIB, total_quota=6 * GIB)
        await t.account("a@demo.test")
        found = await t.directory.look(lambda tx: accounts.require(tx, at("a@demo.test")))
        assert found.quota.octets == 2 * GIB
        with pytest.raises(Refused, match=r"3,221,225,472 octets at most"):
            await set_quota(t, "a@demo.test", 4 * GIB)
        with pytest.raises(Refused, match="needs a quota"):
            await set_quota(t, "a@demo.test", 0)
        await set_quota(t, "a@demo.test", 3 * GIB)
        await t.account("b@demo.test")
        with pytest.raises(Refused, match=r"together, of which 1,073,741,824 are left"):
            await t.account("c@demo.test")
        await set_quota(t, "a@demo.test", GIB)  # less is always right
        await t.account("c@demo.test")
        await t.directory.change(  # nothing else of who is there already is looked at
            lambda tx: accounts.change(tx, accounts.require(tx, at("old@demo.test")), name="Old")
        )

    in_town(town, story)


def test_what_is_lowered_takes_nothing_away(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.account("a@demo.test", quota=5)
        await t.account("b@demo.test", quota=5)
        await limit(t, accounts=1, max_quota=4, total_quota=4)
        await set_quota(t, "a@demo.test", 4)
        assert (await t.directory.look(allotments.every)) == {
            "demo.test": Allotment(accounts=1, max_quota=4, total_quota=4)
        }
        await limit(t)
        assert await t.directory.look(allotments.every) == {}
        await t.account("c@demo.test")

    in_town(town, story)


@pytest.mark.parametrize(
    "limits",
    [
        {"accounts": -1}, {"default_quota": 2, "max_quota": 1}, {"default_quota": 2, "total_quota": 1},
        {"max_quota": 2, "total_quota": 1}, {"total_quota": 1 << 62}, {"accounts": 1 << 70},
    ],
)  # fmt: skip
def test_limits_that_nothing_fits_into(town: Towns, limits: dict[str, int]) -> None:
    async def story(t: Town) -> None:
        with pytest.raises(Invalid):
            await limit(t, "demo.test", **limits)

    in_town(town, story)


def test_a_domain_that_is_an_alias_has_no_limits(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.domain("same.test", "demo.test")
        with pytest.raises(Invalid):
            await limit(t, "same.test", accounts=1)
        assert await t.directory.look(lambda tx: allotments.of(tx, 1)) == NOTHING

    in_town(town, story)
