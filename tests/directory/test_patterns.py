import re

import pytest
from hypothesis import given, strategies as st

from postroom.address import Domain
from postroom.db.database import Tx
from postroom.directory import aliases, domains
from postroom.directory.names import Policy
from postroom.directory.patterns import is_pattern, matches
from postroom.errors import Invalid
from tests.directory.test_expand import in_town
from tests.directory.town import Town, Towns, at


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_star_is_any_characters(pattern: str, name: str) -> None:
    expected = re.fullmatch(pattern.replace("*", ".*"), name) is not None
    assert matches(pattern, name) is expected
    assert is_pattern(pattern) is ("*" in pattern)


def test_matching_is_linear() -> None:
    assert not matches("*a" * 5_000 + "*b", "a" * 100_000)


def test_what_somebody_has_comes_first_then_what_says_most(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.account("alice@demo.test", is_admin=True)
        await t.account("sales-1@demo.test")
        for pattern, target in (("sales-*", "p"), ("sales-*-eu", "q"), ("*", "r"), ("*z", "s")):
            await t.alias(f"{pattern}@demo.test", f"{target}@far.test")
        for name, remote in (
            ("Sales-2", "p"), ("sales-", "p"), ("sales-2-eu", "q"), ("other", "r"), ("oz", "s"),
            ("sales-9+x", "p"),
        ):  # fmt: skip
            assert (await t.resolve(f"{name}@demo.test")).remote == (f"{remote}@far.test",), name
        for name in ("sales-1", "sales-1+x", "alice", "postmaster"):
            assert (await t.resolve(f"{name}@demo.test")).remote == (), name
        found = await t.resolve("sales-2@demo.test")
        assert found.via == "sales-*@demo.test"

    in_town(town, story)


def test_a_pattern_stands_before_the_catch_all_and_goes_with_its_alias(town: Towns) -> None:
    async def story(t: Town) -> None:
        made = await t.alias("old-*@demo.test", "x@far.test")

        def rename(tx: Tx) -> None:
            domains.set_catch_all(tx, domains.require(tx, made.address.domain), at("c@far.test"))
            aliases.rename(tx, aliases.require(tx, at("old-*@demo.test")), at("new-*@demo.test"))

        await t.directory.change(rename)
        assert (await t.resolve("new-1@demo.test")).remote == ("x@far.test",)
        assert (await t.resolve("old-1@demo.test")).remote == ("c@far.test",)
        plain = at("new@demo.test")
        await t.directory.change(
            lambda tx: aliases.rename(tx, aliases.require(tx, at("new-*@demo.test")), plain)
        )
        assert (await t.resolve("new-1@demo.test")).remote == ("c@far.test",)
        await t.directory.change(lambda tx: aliases.remove(tx, aliases.require(tx, plain)))
        assert (await t.resolve("new@demo.test")).remote == ("c@far.test",)

    in_town(town, story)


def test_patterns_can_lead_to_each_other_and_never_in_a_circle(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.alias("a-*@demo.test", "b-1@demo.test")
        await t.alias("b-*@demo.test", "x@far.test")
        assert (await t.resolve("a-7@demo.test")).remote == ("x@far.test",)
        await t.alias("c-*@demo.test", "d-1@demo.test")
        for address, target in (("d-1", "c-2"), ("e-*", "e-1")):
            with pytest.raises(Invalid, match="would be a loop"):
                await t.alias(f"{address}@demo.test", f"{target}@demo.test", "y@far.test")

    in_town(town, story)


def test_the_domain_says_how_names_are_compared(town: Towns) -> None:
    async def story(t: Town) -> None:
        name = Domain.parse("demo.test")
        await t.directory.change(
            lambda tx: domains.set_policy(tx, domains.require(tx, name), Policy(dots_ignored=True))
        )
        await t.alias("sal.es-*@demo.test", "x@far.test")
        assert (await t.resolve("s.ales-1@demo.test")).remote == ("x@far.test",)

    in_town(town, story)
