"""Requests carried out: one method after the other."""

from pathlib import Path
from typing import Any

from postroom.errors import NotAllowed, StorageFailed
from postroom.telemetry.events import JobFailed
from postroom.web.jmap import dispatch
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.method import Answers, Call
from postroom.web.jmap.methods import METHODS
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.web.jmap.client import CORE, Client, tell


async def misbehave(call: Call) -> Answers:
    """Fail in the way that is asked for."""
    match call.arguments["how"]:
        case "fault":
            raise KeyError("secret detail")
        case "refused":
            raise NotAllowed("that is not allowed")
        case "disk":
            raise StorageFailed
        case "method":
            raise MethodError("tooManyChanges", "ask anew", limit=5)
        case _:
            return [("Odd/set", {"first": 1}), ("Odd/get", {"second": 2})]


def test_each_method_fails_for_itself(
    database: Opener, data: Path, monkeypatch: Any, events: Recorder
) -> None:
    monkeypatch.setitem(METHODS, "Odd/set", (CORE, misbehave))

    async def story(client: Client) -> None:
        ways = ("fault", "refused", "disk", "method", "twice")
        answer = await client.ask(
            [
                *(["Odd/set", {"how": way}, way] for way in ways),
                ["Odd/nothing", {}, "n"],
                [
                    "Core/echo",
                    {"#a": {"resultOf": "twice", "name": "Odd/set", "path": "/first"}},
                    "r",
                ],
                ["Core/echo", {"#a": {"resultOf": "fault", "name": "Odd/set", "path": "/x"}}, "s"],
                ["Core/echo", {"#a": {"resultOf": "later", "name": "Core/echo", "path": ""}}, "t"],
                ["Core/echo", {}, "later"],
            ]
        )
        told = [(one[0], one[1].get("type", one[1]), one[2]) for one in answer["methodResponses"]]
        assert told == [
            ("error", "serverFail", "fault"),
            ("error", "forbidden", "refused"),
            ("error", "serverUnavailable", "disk"),
            ("error", "tooManyChanges", "method"),
            ("Odd/set", {"first": 1}, "twice"),
            ("Odd/get", {"second": 2}, "twice"),
            ("error", "unknownMethod", "n"),
            ("Core/echo", {"a": 1}, "r"),
            ("error", "invalidResultReference", "s"),
            ("error", "invalidResultReference", "t"),
            ("Core/echo", {}, "later"),
        ]
        assert "secret" not in str(answer)
        assert answer["methodResponses"][3][1]["limit"] == 5
        (fault,) = events.of(JobFailed)
        assert fault.job == "jmap"

    tell(database, data, story)


def test_a_method_needs_its_capability(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        client.using = []
        assert (await client.fails("Core/echo"))["type"] == "unknownMethod"

    tell(database, data, story)


def test_a_response_does_not_grow_without_end(
    database: Opener, data: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(dispatch, "MAX_RESPONSE", 1000)

    async def story(client: Client) -> None:
        first, second, third = await client.responses(
            ["Core/echo", {"x": "y" * 600}], ["Core/echo", {"x": "y" * 600}], ["Core/echo", {}]
        )
        assert (first[0], second[0]) == ("Core/echo", "Core/echo")
        assert third[1]["type"] == "requestTooLarge"

    tell(database, data, story)


def test_a_large_request(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        word = "x" * (2 * dispatch.LONG)
        assert (await client.call("Core/echo", word=word))["word"] == word

    tell(database, data, story)
