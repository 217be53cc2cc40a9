"""The skeleton of a /set."""

from pathlib import Path
from typing import Any

from hypothesis import given, strategies as st

from postroom.errors import NotAllowed
from postroom.web.jmap import setting
from postroom.web.jmap.errors import SetError, invalid_properties
from postroom.web.jmap.method import Call, Result
from postroom.web.jmap.methods import METHODS
from tests.conftest import Opener
from tests.web.jmap.client import CORE, Client, tell


class Shelf:
    """Things with a name; each change is a new state."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.changes = 0

    async def state(self) -> str:
        return str(self.changes)

    async def create(self, _creation: str, given: dict[str, Any]) -> dict[str, Any]:
        if "name" not in given:
            raise invalid_properties("a thing has a name", "name")
        self.changes += 1
        ident = f"X{len(self.things)}"
        self.things[ident] = given
        return {"id": ident}

    async def update(self, ident: str, patch: dict[str, Any]) -> dict[str, Any] | None:
        if ident not in self.things:
            raise SetError("notFound")
        if patch.get("name") == "forbidden":
            raise NotAllowed("that is not allowed")
        self.changes += 1
        self.things[ident] |= patch
        return None

    async def destroy(self, ident: str) -> None:
        if self.things.pop(ident, None) is None:
            raise SetError("notFound")
        self.changes += 1

    async def method(self, call: Call) -> Result:
        setter = setting.Setter(self.state, self.create, self.update, self.destroy)
        return await setting.carry_out(call, (await call.account()).id, setter)


def test_a_set(database: Opener, data: Path, monkeypatch: Any) -> None:
    shelf = Shelf()
    monkeypatch.setitem(METHODS, "Thing/set", (CORE, shelf.method))

    async def story(client: Client) -> None:
        made = await client.call("Thing/set", create={"a": {"name": "1"}, "b": {}})
        assert (made["oldState"], made["newState"]) == ("0", "1")
        assert made["created"] == {"a": {"id": "X0"}}
        assert made["notCreated"]["b"]["properties"] == ["name"]
        assert made["updated"] is made["destroyed"] is made["notUpdated"] is None
        answer = await client.ask(
            [
                ["Thing/set", {"accountId": client.account, "create": {"k": {"name": "2"}}}, "0"],
                ["Thing/set", {"accountId": client.account, "update": {"#k": {"name": "3"}}}, "1"],
                ["Thing/set", {"accountId": client.account,
                               "update": {"#k": {"name": "4"}, "X9": {}, "#none": {}, "X0": {"name": "forbidden"}},
                               "destroy": ["#k", "X8"]}, "2"],
            ],
            createdIds={"old": "X0"},
        )  # fmt: skip
        assert answer["createdIds"] == {"old": "X0", "k": "X1"}
        first, second, third = (one[1] for one in answer["methodResponses"])
        assert first["created"] == {"k": {"id": "X1"}}
        assert second["updated"] == {"X1": None}
        assert third["notUpdated"] == {
            "#k": {"type": "willDestroy"},
            "X9": {"type": "notFound"},
            "#none": {"type": "notFound"},
            "X0": {"type": "forbidden", "description": "that is not allowed"},
        }
        assert third["destroyed"] == ["X1"]
        assert third["notDestroyed"] == {"X8": {"type": "notFound"}}
        assert shelf.things == {"X0": {"name": "1"}}
        (error,) = await client.responses(
            ["Thing/set", {"accountId": client.account, "ifInState": "0", "destroy": ["X0"]}]
        )
        assert (error[0], error[1]["type"]) == ("error", "stateMismatch")
        assert "X0" in shelf.things
        gone = await client.call("Thing/set", ifInState=third["newState"], destroy=["X0", "X0"])
        assert gone["destroyed"] == ["X0"]

    tell(database, data, story)


def test_what_is_no_set(database: Opener, data: Path, monkeypatch: Any) -> None:
    shelf = Shelf()
    monkeypatch.setitem(METHODS, "Thing/set", (CORE, shelf.method))

    async def story(client: Client) -> None:
        many = {f"k{at}": {"name": "x"} for at in range(600)}
        for arguments, kind in (
            ({"create": []}, "invalidArguments"),
            ({"create": {"a b": {"name": "x"}}}, "invalidArguments"),
            ({"create": {"a": 1}}, "invalidArguments"),
            ({"destroy": "X0"}, "invalidArguments"),
            ({"ifInState": 1}, "invalidArguments"),
            ({"create": many, "update": many}, "requestTooLarge"),
        ):
            assert (await client.fails("Thing/set", arguments))["type"] == kind
        assert shelf.changes == 0

    tell(database, data, story)


def test_what_is_named_comes_first() -> None:
    create: dict[str, dict[str, Any]] = {
        "c": {"of": "#b"},
        "b": {"in": {"#a": True}},
        "a": {"name": "#x"},
        "d": {"of": "#d"},
    }
    assert setting.ordered(create) == ["a", "b", "c", "d"]


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=10))
def test_any_order_is_complete(edges: list[list[int]]) -> None:
    create = {
        str(at): {str(n): f"#{one}" for n, one in enumerate(to)} for at, to in enumerate(edges)
    }
    order = setting.ordered(create)
    assert sorted(order) == sorted(create)
    if all(one < at for at, to in enumerate(edges) for one in to):
        for name, given in create.items():
            for one in given.values():
                assert order.index(one[1:]) < order.index(name)
