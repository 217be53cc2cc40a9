"""Examples, then a model: random aliases against a walk over a dict."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from postroom.db.database import Tx
from postroom.directory import accounts, addresses, aliases
from postroom.directory.expand import MAX_DEPTH, MAX_RECIPIENTS, Local, Resolution
from postroom.directory.names import Policy, fold
from postroom.errors import Invalid
from postroom.quota import NO_QUOTA, Quota
from tests.conftest import Opener
from tests.directory.town import Town, Towns, at, forward_rows, towns


def in_town(town: Towns, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await story(t)

    asyncio.run(run())


async def rows(town: Town, address: str, *targets: str) -> None:
    """An alias written past the check for loops, as two writers at once could."""
    ident = town.ids.next()

    def write(tx: Tx) -> None:
        tx.execute("INSERT INTO alias (id, hidden, created) VALUES (:id, 0, 0)", id=ident)
        aliases._set_targets(tx, ident, [at(text) for text in targets])
        addresses.claim(tx, town.ids.next(), at(address), alias_id=ident)

    await town.directory.change(write)


def test_an_account_gets_its_letters_under_the_name_that_was_written(town: Towns) -> None:
    async def story(t: Town) -> None:
        alice = await t.account("alice@demo.test", quota=7)
        assert await t.resolve("ALICE@Demo.Test") == Resolution(
            "found", (Local(alice.id, "alice@demo.test", None, Quota(7)),)
        )

    in_town(town, story)


def test_a_foreign_domain_is_not_ours_whatever_the_local_part(town: Towns) -> None:
    """R3, R7: the final domain alone decides."""

    async def story(t: Town) -> None:
        await t.account("alice@demo.test", is_admin=True)
        for address in ("alice@other.test", "postmaster@other.test", "alice@[127.0.0.1]"):
            assert await t.resolve(address) == Resolution("not-ours")

    in_town(town, story)


def test_a_subaddress_goes_to_its_user_unless_it_is_a_name(town: Towns) -> None:
    async def story(t: Town) -> None:
        alice = await t.account("alice@demo.test")
        exact = await t.account("alice+lists@demo.test")
        found = await t.resolve("Alice+News.X@demo.test")
        assert found.local == (Local(alice.id, "alice+news.x@demo.test", "News.X", NO_QUOTA),)
        assert await t.receivers("alice+lists@demo.test") == {exact.id}
        assert (await t.resolve("alice+lists+more@demo.test")).local[0].detail == "more"
        await t.policy("demo.test", Policy(separators=""))
        assert (await t.resolve("alice+news@demo.test")).kind == "unknown"

    in_town(town, story)


def test_an_alias_reaches_everyone_once(town: Towns) -> None:
    async def story(t: Town) -> None:
        alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
        await t.alias("inner@demo.test", "bob@demo.test", "X@Example.org")
        await t.alias(
            "Outer@demo.test",
            "inner@demo.test",
            "alice@demo.test",
            "alice+x@demo.test",
            "X@example.org",
            "x@example.org",
        )
        found = await t.resolve("OUTER@demo.test")
        assert {one.account_id for one in found.local} == {alice.id, bob.id}
        assert {one.address for one in found.local} == {"outer@demo.test"}
        assert sorted(found.remote) == ["X@example.org", "x@example.org"]  # case is theirs
        assert found.via == "outer@demo.test"
        assert (await t.resolve("outer+x@demo.test")).kind == "found"

    in_town(town, story)


def test_a_catch_all_catches_only_unknown_names(town: Towns) -> None:
    async def story(t: Town) -> None:
        alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
        await t.catch_all("demo.test", "bob@demo.test")
        assert await t.receivers("alice@demo.test") == {alice.id}
        assert await t.receivers("alice+x@demo.test") == {alice.id}
        found = await t.resolve("Anyone@demo.test")
        assert found == Resolution("found", (Local(bob.id, "anyone@demo.test", None, NO_QUOTA),))
        await t.disable("alice@demo.test")
        assert (await t.resolve("alice@demo.test")).kind == "disabled"

    in_town(town, story)


def test_catch_alls_that_point_at_each_other_end(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.domain("side.test")
        await t.catch_all("demo.test", "a@side.test")
        await t.catch_all("side.test", "b@demo.test")
        assert (await t.resolve("anyone@demo.test")).kind == "loop"

    in_town(town, story)


def test_disabled_removed_and_unknown_members_are_left_out(town: Towns) -> None:
    async def story(t: Town) -> None:
        alice = await t.account("alice@demo.test")
        await t.account("off@demo.test")
        await t.account("gone@demo.test")
        await t.alias("all@demo.test", "off@demo.test", "gone@demo.test", "alice@demo.test")
        await t.alias("dead@demo.test", "off@demo.test", "never@demo.test")
        await t.alias("none@demo.test", "never@demo.test")
        await t.disable("off@demo.test")
        await t.remove("gone@demo.test")
        assert await t.receivers("all@demo.test") == {alice.id}
        assert (await t.resolve("dead@demo.test")).kind == "disabled"
        assert (await t.resolve("none@demo.test")).kind == "unknown"

    in_town(town, story)


@pytest.mark.parametrize("role", ["postmaster", "PostMaster", "abuse", "postmaster+x"])
def test_roles_go_to_the_admins(town: Towns, role: str) -> None:
    async def story(t: Town) -> None:
        await t.domain("alias.test", alias_of="demo.test")
        await t.account("alice@demo.test")
        admins = {(await t.account(f"admin{n}@demo.test", is_admin=True)).id for n in range(2)}
        assert await t.receivers(f"{role}@demo.test") == admins
        assert await t.receivers(f"{role}@alias.test") == admins
        await t.catch_all("demo.test", "alice@demo.test")
        assert await t.receivers(f"{role}@demo.test") == admins

    in_town(town, story)


def test_a_role_that_is_a_name_goes_there_while_somebody_is_there(town: Towns) -> None:
    async def story(t: Town) -> None:
        admin = await t.account("admin@demo.test", is_admin=True)
        alice = await t.account("alice@demo.test")
        await t.alias("abuse@demo.test", "alice@demo.test")
        await t.policy("demo.test", Policy(case_sensitive=True))
        assert await t.receivers("ABUSE@demo.test") == {alice.id}
        await t.disable("alice@demo.test")
        assert await t.receivers("abuse@demo.test") == {admin.id}
        await t.alias("desk@demo.test", "postmaster@demo.test")
        assert await t.receivers("desk@demo.test") == {admin.id}

    in_town(town, story)


def test_without_an_admin_roles_go_to_the_holding_account(town: Towns) -> None:
    async def story(t: Town) -> None:
        (held,) = await t.receivers("postmaster@demo.test")
        holding = await t.directory.look(accounts.holding)
        assert holding is not None
        assert (holding.id, str(holding.address)) == (held, "postmaster@demo.test")
        assert await t.receivers("abuse@demo.test") == {held}
        postmaster = await t.directory.resolve_postmaster()
        assert [one.account_id for one in postmaster.local] == [held]
        admin = await t.account("alice@demo.test", is_admin=True)
        assert await t.receivers("postmaster@demo.test") == {admin.id}
        await t.disable("alice@demo.test")
        assert await t.receivers("postmaster@demo.test") == {held}

    in_town(town, story)


def test_a_loop_is_refused_when_it_is_written(town: Towns) -> None:
    """Q1."""

    async def story(t: Town) -> None:
        await t.alias("a@demo.test", "b@demo.test")
        await t.alias("b@demo.test", "c+x@demo.test", "y@example.org")
        with pytest.raises(
            Invalid, match=r"c@demo.test -> a@demo.test -> b@demo.test -> c@demo.test"
        ):
            await t.alias("c@demo.test", "x@example.org", "A@demo.test")
        with pytest.raises(Invalid, match="loop"):
            await t.alias("self@demo.test", "self+x@demo.test")
        assert (await t.resolve("c@demo.test")).kind == "unknown"  # nothing was left behind
        await t.alias("c@demo.test", "z@example.org")

    in_town(town, story)


def test_a_loop_that_is_there_ends_and_the_others_get_the_letter(town: Towns) -> None:
    async def story(t: Town) -> None:
        alice = await t.account("alice@demo.test")
        await rows(t, "a@demo.test", "b@demo.test")
        await rows(t, "b@demo.test", "a@demo.test")
        assert (await t.resolve("a@demo.test")).kind == "loop"
        await rows(t, "c@demo.test", "a@demo.test", "alice@demo.test")
        assert await t.receivers("c@demo.test") == {alice.id}

    in_town(town, story)


def test_a_diamond_is_no_loop(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.alias("d@demo.test", "never@demo.test")
        await t.alias("b@demo.test", "d@demo.test")
        await t.alias("c@demo.test", "b@demo.test", "d@demo.test")
        await t.alias("a@demo.test", "b@demo.test", "c@demo.test")
        assert (await t.resolve("a@demo.test")).kind == "unknown"

    in_town(town, story)


def test_depth_is_bounded(town: Towns) -> None:
    async def story(t: Town) -> None:
        alice = await t.account("alice@demo.test")
        below = "alice@demo.test"
        for number in range(MAX_DEPTH):
            await t.alias(f"a{number}@demo.test", below)
            below = f"a{number}@demo.test"
        assert await t.receivers(below) == {alice.id}
        with pytest.raises(Invalid, match="deeper than 20"):
            await t.alias("over@demo.test", below)
        await rows(t, "over@demo.test", below)
        assert (await t.resolve("over@demo.test")).kind == "too-many"

    in_town(town, story)


def test_recipients_are_bounded(town: Towns) -> None:
    async def story(t: Town) -> None:
        half = MAX_RECIPIENTS // 2
        for name, start in (("one", 0), ("two", half), ("three", MAX_RECIPIENTS)):
            count = 1 if name == "three" else half
            targets = [f"u{number}@example.org" for number in range(start, start + count)]
            await t.alias(f"{name}@demo.test", *targets)
        await t.alias("most@demo.test", "one@demo.test", "two@demo.test")
        assert len((await t.resolve("most@demo.test")).remote) == MAX_RECIPIENTS
        with pytest.raises(Invalid, match="more than 10,000"):
            await t.alias("over@demo.test", "most@demo.test", "three@demo.test")

    in_town(town, story)


# The model. Names are letters; each is an account, disabled, an alias, a forward, or nothing.

NAMES = "abcdefgh"
TARGETS = st.sampled_from(
    [
        *(f"{name}@demo.test" for name in NAMES),
        *(f"{name.upper()}+x@alias.test" for name in NAMES),
        "r1@example.org",
        "r2@example.org",
    ]
)
PLACES = st.dictionaries(
    st.sampled_from(NAMES),
    st.one_of(
        st.sampled_from(["account", "disabled"]),
        st.lists(TARGETS, min_size=1, max_size=4, unique=True),
        st.tuples(st.lists(TARGETS, min_size=1, max_size=3, unique=True), st.booleans()),
    ),
)
World = dict[str, str | list[str] | tuple[list[str], bool]]


def key(address: str) -> str:
    local, _, domain = address.partition("@")
    return address if domain == "example.org" else fold(local).partition("+")[0]


def reaches(world: World, catch_all: str | None, name: str, seen: set[str]) -> bool:
    """True when letters that go on from ``name`` come to somebody who keeps them."""
    if "@" in name or world.get(name) == "account":
        return True
    if name in seen:
        return False
    seen.add(name)
    place = world.get(name)
    if isinstance(place, tuple):
        return place[1] or any(reaches(world, catch_all, key(one), seen) for one in place[0])
    if isinstance(place, list):
        return any(reaches(world, catch_all, key(one), seen) for one in place)
    return place is None and catch_all is not None and reaches(world, None, key(catch_all), seen)


def model(world: World, catch_all: str | None, start: str) -> tuple[str, set[str]]:
    """(kind, names of accounts and remote addresses) by plain search."""
    got: set[str] = set()
    disabled = looped = False

    def walk(name: str, way: tuple[str, ...]) -> None:
        nonlocal disabled, looped
        if name in way:
            looped = True
            return
        place = world.get(name)
        if "@" in name or place == "account":
            got.add(name)
        elif place == "disabled":
            disabled = True
        elif isinstance(place, tuple):
            targets, keeps = place
            seen = {name}
            if keeps or not any(reaches(world, catch_all, key(one), seen) for one in targets):
                got.add(name)
            for target in targets:
                walk(key(target), (*way, name))
        elif place is not None:
            for target in place:
                walk(key(target), (*way, name))
        elif catch_all is not None:
            walk(key(catch_all), (*way, name))

    walk(key(start), ())
    if got:
        return "found", got
    return ("disabled" if disabled else "loop" if looped else "unknown"), set()


async def build(t: Town, world: World) -> dict[int, str]:
    await t.domain("alias.test", alias_of="demo.test")
    idents = {}
    for name, place in world.items():
        address = f"{name}@demo.test"
        if isinstance(place, list):
            await rows(t, address, *place)
            continue
        idents[(await t.account(address)).id] = name
        if place == "disabled":
            await t.disable(address)
        elif isinstance(place, tuple):
            await forward_rows(t, address, *place[0], keep=place[1])
    return idents


def without_forwards(world: World) -> World:
    return {name: "account" if isinstance(place, tuple) else place for name, place in world.items()}


def thorough(request: pytest.FixtureRequest, examples: int) -> settings:
    """A tenth on PostgreSQL, where a fresh database takes a quarter of a second."""
    if request.node.callspec.params["database"] == "postgres":
        examples //= 10
    return settings(max_examples=examples, deadline=None)


def test_resolve_is_the_model(
    database: Opener, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    @thorough(request, 60)
    @given(world=PLACES, catch_all=st.none() | TARGETS)
    def check(world: World, catch_all: str | None) -> None:
        async def story(t: Town) -> None:
            idents = await build(t, world)
            if catch_all is not None:
                await t.catch_all("demo.test", catch_all)
            for name in NAMES:
                for start in (f"{name}@demo.test", f"{name}+y@alias.test"):
                    found = await t.resolve(start)
                    got = {*(idents[one.account_id] for one in found.local), *found.remote}
                    assert (found.kind, got) == model(world, catch_all, start)
                    if found.holders:
                        _, names = model(without_forwards(world), catch_all, start)
                        accounts_ = {name for name in names if "@" not in name}
                        assert {idents[one] for one in found.holders if one} == accounts_
                        assert (0 in found.holders) is (accounts_ != names)

        in_town(towns(database, tmp_path), story)

    check()


def test_exactly_the_aliases_that_lead_back_are_refused(
    database: Opener, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    @thorough(request, 60)
    @given(
        world=PLACES,
        name=st.sampled_from(NAMES),
        targets=st.lists(TARGETS, min_size=1, max_size=3, unique=True),
    )
    def check(world: World, name: str, targets: list[str]) -> None:
        world = {place: what for place, what in world.items() if place != name}

        async def story(t: Town) -> None:
            await build(t, world)
            if name in reached({**world, name: targets}, targets):
                with pytest.raises(Invalid, match="loop"):
                    await t.alias(f"{name}@demo.test", *targets)
            else:
                await t.alias(f"{name}@demo.test", *targets)

        in_town(towns(database, tmp_path), story)

    check()


def reached(world: World, targets: list[str]) -> set[str]:
    """Every name that letters to ``targets`` pass."""
    seen: set[str] = set()
    todo = list(targets)
    while todo:
        local, _, domain = todo.pop().partition("@")
        name = fold(local).partition("+")[0]
        if domain != "example.org" and name not in seen:
            seen.add(name)
            place = world.get(name)
            todo += place[0] if isinstance(place, tuple) else []
            todo += place if isinstance(place, list) else []
    return seen
