"""The VacationResponse: the vacation of the browser, by JMAP, and what it answers."""

from pathlib import Path
from typing import Any

import pytest

from postroom.address import Address
from postroom.admin.filters import vacations
from postroom.directory.vacations import Vacation
from postroom.errors import NotFound
from postroom.intake.peer import Peer
from postroom.web.submitting import Envelope, cut, submit
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.jmap.client import ALICE, BOB, Client, tell
from tests.web.receiving import intake_of

NOTHING = {
    "id": "singleton",
    "isEnabled": False,
    "fromDate": None,
    "toDate": None,
    "subject": None,
    "textBody": None,
    "htmlBody": None,
}
PEER = Peer(session="s", address="127.0.0.1", port=0, door="web")


async def now(client: Client) -> dict[str, Any]:
    (found,) = (await client.call("VacationResponse/get"))["list"]
    return dict(found)


async def change(client: Client, **patch: Any) -> Any:
    return await client.call("VacationResponse/set", update={"singleton": patch})


async def refused(client: Client, **patch: Any) -> dict[str, Any]:
    before = await now(client)
    found = await change(client, **patch)
    assert found["updated"] is None
    assert found["oldState"] == found["newState"]
    assert await now(client) == before
    return dict(found["notUpdated"]["singleton"])


def test_it_is_set_and_told(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        got = await client.call("VacationResponse/get")
        assert (got["list"], got["notFound"]) == ([NOTHING], [])
        got = await client.call(
            "VacationResponse/get", ids=["x", "singleton"], properties=["isEnabled"]
        )
        assert got["list"] == [{"id": "singleton", "isEnabled": False}]
        assert got["notFound"] == ["x"]
        assert (await client.call("VacationResponse/get", ids=[]))["list"] == []
        wish = {
            "isEnabled": True,
            "fromDate": "2026-12-24T08:30:00Z",
            "toDate": "2027-01-02T00:00:00Z",
            "subject": "Away",
            "textBody": "Hello.\nI am away.",
            "htmlBody": "<p>I am away.</p>",
        }
        changed = await change(client, **wish)
        assert changed["updated"] == {"singleton": None}
        assert changed["oldState"] == got["state"] != changed["newState"]
        assert await now(client) == {"id": "singleton", **wish}
        shown = await vacations.show(client.office, ALICE)
        assert (shown.begins, shown.ends, shown.subject) == ("2026-12-24", "2027-01-01", "Away")
        changed = await change(
            client, textBody=" Hi \n", toDate="2027-01-02T09:00:00.5Z", fromDate=None
        )
        assert changed["updated"] == {
            "singleton": {"textBody": "Hi", "toDate": "2027-01-02T09:00:00Z"}
        }
        await change(client, isEnabled=False)
        with pytest.raises(NotFound):
            await vacations.show(client.office, ALICE)
        assert (await now(client))["textBody"] == "Hi"
        away = Vacation("Gone", days=3, begins="2026-12-24", ends="2026-12-24")
        await vacations.change(client.office, ALICE, away)
        assert (await now(client))["toDate"] == "2026-12-25T00:00:00Z"
        await change(client, subject="S")
        assert (await vacations.show(client.office, ALICE)).days == 3

    tell(database, data, story)


def test_what_makes_no_sense_changes_nothing(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        for name, value in (
            ("isEnabled", "yes"),
            ("fromDate", "tomorrow"),
            ("toDate", "2026-12-24T08:30:00+01:00"),
            ("subject", 7),
            ("subject", "a\nb"),
            ("subject", "x" * 201),
            ("textBody", "x" * 10_001),
            ("textBody", "\x07"),
            ("htmlBody", "x" * 20_001),
            ("id", "other"),
            ("other", 1),
        ):
            error = await refused(client, **{name: value})
            assert (error["type"], error["properties"]) == ("invalidProperties", [name]), value
        for begins, ends in (
            ("2026-12-24T08:30:00Z", "2026-12-24T08:30:00Z"),
            ("2026-12-24T08:30:00Z", "2026-12-23T09:00:00Z"),
            ("2026-12-24T00:00:00Z", "2026-12-24T00:00:00Z"),
        ):
            error = await refused(client, fromDate=begins, toDate=ends)
            assert error["properties"] == ["fromDate", "toDate"]
        assert (await refused(client, **{"a/b": 1}))["type"] == "invalidPatch"
        found = await client.call(
            "VacationResponse/set",
            create={"c": {}},
            update={"other": {}},
            destroy=["singleton", "third"],
        )
        assert found["notCreated"]["c"]["type"] == "singleton"
        assert found["notUpdated"]["other"]["type"] == "notFound"
        assert found["notDestroyed"]["singleton"]["type"] == "singleton"
        assert found["notDestroyed"]["third"]["type"] == "notFound"
        assert await now(client) == NOTHING
        error = await client.fails("VacationResponse/set", ifInState="x", update={"singleton": {}})
        assert error["type"] == "stateMismatch"
        state = (await client.call("VacationResponse/get"))["state"]
        await client.call(
            "VacationResponse/set", ifInState=state, update={"singleton": {"isEnabled": True}}
        )
        assert (await now(client))["isEnabled"] is True

    tell(database, data, story)


def test_it_answers_while_it_lasts(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        office, clock = client.office, client.clock
        await change(
            client,
            isEnabled=True,
            fromDate=stamp(clock, 3600),
            toDate=stamp(clock, 7200),
            htmlBody="<p>I am <b>away</b>.</p>",
        )
        bob = await office.directory.known(BOB)
        assert bob is not None

        async def answers() -> list[bytes]:
            octets = f"From: {BOB}\r\nTo: {ALICE}\r\nSubject: Hi\r\n\r\n".encode()
            envelope = Envelope(Address.parse(BOB), [Address.parse(ALICE)])
            await submit(intake_of(office), PEER, bob, envelope, cut(octets))
            rows = await office.db.read(
                lambda tx: tx.all(
                    "SELECT m.blob_id FROM message m WHERE m.account_id = :bob ORDER BY m.id",
                    bob=bob.account_id,
                )
            )
            return [
                b"".join([piece async for piece in office.blobs.stream(office.db, row[0])])
                for row in rows
            ]

        assert await answers() == []
        clock.advance(seconds=3599)
        assert await answers() == []
        clock.advance(seconds=1)
        (answer,) = await answers()
        assert b"multipart/alternative" in answer
        assert b"<p>I am <b>away</b>.</p>" in answer
        assert b"I am away." in answer
        clock.advance(days=8)
        assert len(await answers()) == 1
        await change(client, fromDate=None, toDate=None, htmlBody=None)
        found = await answers()
        assert len(found) == 2
        assert b"I am away at the moment" in found[1]
        await change(client, isEnabled=False)
        clock.advance(days=8)
        assert len(await answers()) == 2

    tell(database, data, story)


def stamp(clock: Clock, seconds: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(clock() // 1000 + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
