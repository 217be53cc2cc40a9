from collections.abc import Callable

import pytest

from postroom.admin import accounts, domains, roles
from postroom.admin.office import Office
from postroom.admin.roles import RoleView
from postroom.errors import Invalid, NotFound
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
ANN = "ann@a.test"


def test_a_role_is_given_and_taken(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "a.test", generate=quick)
        await domains.add(office, "b.test", generate=quick)
        await accounts.add(office, ANN, password=None)
        assert await roles.show(office, ANN) == RoleView(ANN, "person", ())
        given = await roles.assign(office, ANN, "admin", ["B.test", "a.test", "b.test"])
        assert given == RoleView(ANN, "admin", ("a.test", "b.test"))
        shown = await accounts.show(office, ANN)
        assert (shown.role, shown.admin, shown.administers) == (
            "admin", False, ("a.test", "b.test"),
        )  # fmt: skip
        assert await roles.assign(office, ANN, "owner") == RoleView(ANN, "owner", ())
        assert (await accounts.show(office, ANN)).admin
        assert await roles.assign(office, ANN, "admin", ["b.test"]) == RoleView(
            ANN, "admin", ("b.test",)
        )
        await accounts.change(office, ANN, admin=True)
        await accounts.change(office, ANN, admin=False)
        assert await roles.show(office, ANN) == RoleView(ANN, "person", ())

    tell(story)


def test_what_is_no_role_changes_nothing(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "a.test", generate=quick)
        await domains.add(office, "alias.test", alias_of="a.test", generate=quick)
        await accounts.add(office, ANN, password=None)
        for role, named, words in (
            ("admin", [], f"postroom account role {ANN} admin --domain a.test"),
            ("person", ["a.test"], "domains are for the role admin"),
            ("owner", ["a.test"], "domains are for the role admin"),
            ("admin", ["alias.test"], "alias of a.test"),
            ("admin", ["no domain"], "no domain"),
            ("admin", [f"d{n}.test" for n in range(1001)], "at most 1,000"),
        ):
            with pytest.raises(Invalid, match=words):
                await roles.assign(office, ANN, role, named)  # type: ignore[arg-type]
        with pytest.raises(NotFound, match=r"z\.test is not a domain"):
            await roles.assign(office, ANN, "admin", ["a.test", "z.test"])
        with pytest.raises(NotFound):
            await roles.assign(office, "nobody@a.test", "owner")
        assert (await roles.show(office, ANN)).role == "person"

    tell(story)
