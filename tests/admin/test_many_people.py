"""All or none: lists are read, tested whole, and added; states are changed together."""

from collections.abc import Callable

import pytest

from postroom.admin import accounts, aliases, domains, many_people, roles
from postroom.admin.many_people import Fault, Line
from postroom.admin.office import Office
from postroom.errors import Invalid, NotAllowed, NotFound
from tests.admin.bureau import Story, logs_in
from tests.admin.test_reach import number
from tests.admin.test_recording import log
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]


def test_lines_are_read() -> None:
    text = """Address,Name,Quota,Password

ann@a.test
"bob@a.test", "Bob, the second" , 10 GB, "a,b"
eve@a.test,,huge
kim@a.test,,,,,
"""
    assert many_people.read(text) == (
        [
            Line(3, "ann@a.test", "", 0, ""),
            Line(4, "bob@a.test", "Bob, the second", 10 << 30, "a,b"),
        ],
        [
            Fault(5, "eve@a.test", "huge is no size; write it like 500 MB or 10 GB"),
            Fault(6, "kim@a.test", "it has more than address, name, quota, password"),
        ],
    )
    assert "secret" not in repr(Line(1, "a@a.test", "", 0, "secret"))


def test_lines_of_spreadsheets_are_read() -> None:
    found, faults = many_people.read("\ufeffaddress;name;quota\na@b.test;A, B;1 GB\nb@b.test")
    assert [(one.address, one.quota) for one in found] == [("a@b.test", 1 << 30), ("b@b.test", 0)]
    assert found[0].name == "A, B"
    assert faults == []
    _, faults = many_people.read(f"a@b.test,A,{'9' * 5_000}")
    assert "is no size" in faults[0].reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n,,\n", "empty"),
        ("address,name\n", "empty"),
        ("x@a.test\n" * 201, "at most 200"),
        ("x" * 200_000, "line 1 is no CSV"),
    ],
)
def test_what_is_no_list_is_refused(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        many_people.read(text)


def test_all_are_added_or_nobody(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "a.test", generate=quick)
        await accounts.add(office, "old@a.test", password=None)
        await aliases.add(office, "list@a.test", ["old@a.test"])
        before = await log(office)
        outcome = await many_people.add(
            office,
            """new@a.test
OLD@a.test
list@a.test
x@b.test
no address
New@a.test
p@a.test,,,"a\tb"
q@a.test,,99999999999 TB
r@a.test,,much
s@a.test,,,qwertz123
""",
        )
        assert outcome.added == []
        told = {one.number: one.reason for one in outcome.faults}
        assert list(told) == list(range(2, 11))
        for line, words in (
            (2, "an account already"), (3, "an alias already"), (4, "b.test"), (5, "no @"),
            (6, "line 1 has the same address"), (7, "control character"), (8, "quota"),
            (9, "no size"), (10, "would be guessed"),
        ):  # fmt: skip
            assert words in told[line]
        assert await log(office) == before

        outcome = await many_people.add(office, "new@a.test,New,1 GB\nb@a.test,,,a-Good-one-1")
        assert outcome.faults == []
        first, second = outcome.added
        assert await logs_in(office, "new@a.test", first.password)
        assert (second.address, second.password) == ("b@a.test", "")
        assert await logs_in(office, "b@a.test", "a-Good-one-1")
        found = await accounts.show(office, "new@a.test")
        assert (found.name, found.quota) == ("New", 1 << 30)
        assert [one.object for one in (await log(office))[:2]] == ["b@a.test", "new@a.test"]

    tell(story)


def test_an_administrator_stays_within_their_domains(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        for name in ("a.test", "b.test"):
            await domains.add(office, name, generate=quick)
            await accounts.add(office, f"ann@{name}", password=None)
        await accounts.add(office, "boss@a.test", password=None, admin=True)
        await roles.assign(office, "ann@a.test", "admin", ["a.test"])
        ann = await number(office, "ann@a.test")
        outcome = await many_people.add(office, "x@a.test\nx@b.test\nx@c.test", within=ann)
        assert outcome.added == []
        assert [(one.number, one.reason) for one in outcome.faults] == [
            (2, "b.test is none of your domains"), (3, "c.test is none of your domains"),
        ]  # fmt: skip
        assert (await many_people.add(office, "x@a.test", within=ann)).faults == []

        async def disable(*chosen: str, within: int | None = ann, disabled: bool = True) -> None:
            await many_people.set_disabled(
                office, chosen, disabled=disabled, own=ann, within=within
            )

        for chosen, error in (
            (("x@a.test", "ann@b.test"), NotFound),
            (("x@a.test", "nobody@a.test"), NotFound),
            (("x@a.test", "boss@a.test"), NotAllowed),
            (("x@a.test", "ann@a.test"), NotAllowed),
            ((), Invalid),
        ):
            with pytest.raises(error):
                await disable(*chosen)
        with pytest.raises(NotFound):
            await disable("x@a.test", "nobody@a.test", within=None)
        assert (await accounts.show(office, "x@a.test")).state == "active"
        await disable("x@a.test")
        assert (await accounts.show(office, "x@a.test")).state == "disabled"
        await disable("x@a.test", "ann@a.test", disabled=False)
        await disable("boss@a.test", "ann@b.test", within=None)
        states = [(await accounts.show(office, f"{one}.test")).state
                  for one in ("x@a", "ann@a", "boss@a", "ann@b")]  # fmt: skip
        assert states == ["active", "active", "disabled", "disabled"]

    tell(story)
