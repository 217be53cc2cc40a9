import asyncio

import pytest

from postroom.address import Domain
from postroom.directory import tls_rules
from postroom.directory.tls_rules import Mode, TlsRule, TlsRules
from postroom.errors import NotFound
from tests.directory.town import Town, Towns


async def put(town: Town, domain: str, mode: Mode) -> None:
    rule = TlsRule(Domain.parse(domain).ascii, mode, town.clock())
    await town.directory.change(lambda tx: tls_rules.put(tx, rule))


def test_a_domain_has_one_rule(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            domain = Domain("bank.test")
            with pytest.raises(NotFound, match="postroom tls list"):
                await t.directory.look(lambda tx: tls_rules.require(tx, domain))
            await put(t, "bank.test", "encrypt")
            await put(t, "bank.test", "verify")
            await put(t, "old.test", "none")
            rule = await t.directory.look(lambda tx: tls_rules.require(tx, domain))
            assert (rule.domain, rule.mode) == ("bank.test", "verify")
            await t.directory.change(lambda tx: tls_rules.remove(tx, rule))
            assert await t.directory.look(lambda tx: tls_rules.find(tx, domain)) is None
            left = await t.directory.look(lambda tx: tls_rules.page(tx, "", 9, ""))
            assert [one.domain for one in left] == ["old.test"]

    asyncio.run(run())


def test_a_list_is_read_in_pages_by_domain(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            for name in ("c.test", "a.test", "b.org"):
                await put(t, name, "may")

            async def names(after: str, limit: int, search: str = "") -> list[str]:
                page = await t.directory.look(lambda tx: tls_rules.page(tx, after, limit, search))
                return [rule.domain for rule in page]

            assert await names("", 2) == ["a.test", "b.org"]
            assert await names("b.org", 2) == ["c.test"]
            assert await names("", 9, "test") == ["a.test", "c.test"]
            assert await names("", 9, "%") == []

    asyncio.run(run())


def test_the_server_learns_a_rule_at_once(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            rules = TlsRules(t.db, t.clock)
            assert await rules.for_domain("bank.test") is None
            await put(t, "bank.test", "verify")
            assert t.hints == 1
            rules.hint()
            assert await rules.for_domain("bank.test") == "verify"
            assert await rules.for_domain("sub.bank.test") is None

    asyncio.run(run())
