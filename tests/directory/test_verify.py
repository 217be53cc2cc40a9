import asyncio

from postroom.directory.verify import Expansion, Member, Verified
from tests.directory.town import Towns, at


def test_vrfy_tells_what_a_name_is(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("side.test")
            await t.account("Alice@demo.test", name="Alice A")
            await t.account("off@demo.test")
            await t.disable("off@demo.test")
            await t.alias("Team@demo.test", "alice@demo.test")
            await t.account("both@demo.test")
            await t.account("both@side.test")
            await t.alias("idle@demo.test", "off@demo.test")
            await t.alias("postmaster@side.test", "both@side.test")
            for asked, expected in [
                ("alice@demo.test", Verified("account", "Alice A", "Alice@demo.test")),
                ("TEAM@demo.test", Verified("alias", "", "Team@demo.test")),
                ("alice+x@demo.test", Verified("account", "", "alice+x@demo.test")),
                ("postmaster@demo.test", Verified("account", "", "postmaster@demo.test")),
                ("off@demo.test", Verified("unknown")),
                ("idle@demo.test", Verified("unknown")),
                ("nobody@demo.test", Verified("unknown")),
                ("alice@other.test", Verified("remote", "", "alice@other.test")),
            ]:
                assert await t.directory.verify_address(at(asked)) == expected
            for user, expected in [
                ("ALICE", Verified("account", "Alice A", "Alice@demo.test")),
                ("team", Verified("alias", "", "Team@demo.test")),
                ("both", Verified("ambiguous", choices=("both@demo.test", "both@side.test"))),
                ("al.ice", Verified("unknown")),
                ("Postmaster", Verified("account", "", "postmaster@demo.test")),
                ("nobody", Verified("unknown")),
                ("%", Verified("unknown")),
            ]:
                assert await t.directory.verify_address(user) == expected

    asyncio.run(run())


def test_expn_tells_members_unless_they_are_hidden(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", name="Alice A")
            await t.alias("inner@demo.test", "alice@demo.test")
            await t.alias("team@demo.test", "ALICE@demo.test", "inner@demo.test", "x@example.org")
            await t.alias("secret@demo.test", "alice@demo.test", hidden=True)
            await t.alias("info-*@demo.test", "x@example.org")
            assert (await t.directory.verify_address(at("Info-1@demo.test"))).kind == "alias"
            for asked, expected in [
                ("info-1@demo.test", Expansion("list", (Member("", "x@example.org"),))),
                (
                    "team@demo.test",
                    Expansion(
                        "list",
                        (
                            Member("Alice A", "ALICE@demo.test"),
                            Member("", "inner@demo.test"),
                            Member("", "x@example.org"),
                        ),
                    ),
                ),
                ("secret@demo.test", Expansion("hidden")),
                (
                    "alice@demo.test",
                    Expansion("account", (Member("Alice A", "alice@demo.test"),)),
                ),
                ("nobody@demo.test", Expansion("unknown")),
                ("x@example.org", Expansion("remote")),
            ]:
                assert await t.directory.expand(at(asked)) == expected

    asyncio.run(run())
