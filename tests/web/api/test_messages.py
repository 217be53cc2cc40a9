"""Sending through the API: the same rules as for mail programs, answered once it is safe."""

from pathlib import Path

from postroom.admin import accounts, domains
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.web.api.program import ADMIN, BOB, Program, tell

LETTER = {"from": BOB, "to": ["ann@far.test", ADMIN], "subject": "Hi", "text": "Hello."}
RAW = f"From: {BOB}\r\nTo: ann@far.test\r\nSubject: Raw\r\n\r\nHello.\n".encode()
WHOLE = {"content-type": "message/rfc822"}


async def waiting(call: Program) -> int:
    token = call.token
    await call.use("admin")
    total = int((await call.does("GET", "/queue"))["total"])
    call.token = token
    return total


def test_a_letter_as_json_is_composed_and_sent(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        sent = await call("POST", "/messages", LETTER)
        assert sent.status == 202
        assert sent.body["recipients"] == ["ann@far.test", ADMIN]
        await call.use("admin")
        (found,) = (await call.does("GET", f"/trace?q={sent.body['message_id']}"))["messages"]
        assert (found["id"], found["door"]) == (sent.body["id"], "api")
        assert (found["account"], found["subject"]) == (BOB, "Hi")
        (letter,) = (await call.does("GET", "/queue"))["items"]
        assert [one["recipient"] for one in letter["recipients"]] == ["ann@far.test"]
        assert (await accounts.show(call.office, ADMIN)).messages == 1

    tell(database, data, story, scopes=["mail:send"])


def test_a_whole_message_is_sent_as_it_is(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"/messages?from={BOB}&to=ann@far.test,{ADMIN}"
        sent = await call("POST", path, raw=RAW, headers=WHOLE)
        assert (sent.status, len(sent.body["recipients"])) == (202, 2)
        assert (await call("POST", f"/messages?to={ADMIN}", raw=RAW, headers=WHOLE)).status == 422
        assert (await call("POST", f"/messages?from={BOB}", raw=RAW, headers=WHOLE)).status == 422
        await call.use("mail:send", account=BOB)
        sent = await call("POST", f"/messages?to={ADMIN}", raw=RAW, headers=WHOLE)
        assert sent.status == 202
        assert (await accounts.show(call.office, ADMIN)).messages == 2

    tell(database, data, story)


def test_nobody_sends_in_another_name(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await domains.add(call.office, "other.test", generate=quick)
        await accounts.add(call.office, "eve@other.test", password="long enough")
        for sender in ("nobody@demo.test", "x@far.test"):
            assert (await call("POST", "/messages", {**LETTER, "from": sender})).kind == "sender"
        forged = RAW.replace(BOB.encode(), ADMIN.encode())
        path = f"/messages?from={BOB}&to=ann@far.test"
        refused = await call("POST", path, raw=forged, headers=WHOLE)
        assert (refused.status, refused.kind) == (422, "refused")
        assert "does not belong to you" in refused.body["detail"]
        await call.use("mail:send", domain="other.test")
        assert (await call("POST", "/messages", LETTER)).kind == "limit"
        assert (await call("POST", "/messages", {**LETTER, "from": "eve@other.test"})).status == 202
        await call.use("mail:send", account=BOB)
        other = await call("POST", "/messages", {**LETTER, "from": ADMIN})
        assert (other.kind, "does not belong" in other.body["detail"]) == ("refused", True)
        await call.use("queue:read")
        assert (await call("POST", "/messages", LETTER)).kind == "scope"
        assert await waiting(call) == 1

    tell(database, data, story, scopes=["mail:send"])


def test_all_recipients_or_none(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        bad = await call("POST", "/messages", {**LETTER, "to": ["ann@far.test", "no@demo.test"]})
        assert bad.kind == "refused"
        assert bad.body["detail"].startswith("no@demo.test: 550 5.1.1")
        assert (await call("POST", "/messages", {**LETTER, "to": []})).body["path"] == "$.to"
        broken = await call("POST", "/messages", {**LETTER, "to": ["a@@b"]})
        assert broken.kind == "invalid"
        assert await waiting(call) == 0

    tell(database, data, story, scopes=["mail:send"])


def test_the_same_key_sends_once(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        first = await call("POST", "/messages?key=order-7", LETTER)
        again = await call("POST", "/messages?key=order-7", LETTER)
        assert (again.status, again.body) == (202, first.body)
        reused = await call("POST", "/messages?key=order-7", {**LETTER, "text": "other"})
        assert (reused.status, reused.kind) == (422, "key-reused")
        await call("POST", "/messages?key=order-8", LETTER)
        path = f"/messages?from={BOB}&to=ann@far.test&key=raw"
        whole = await call("POST", path, raw=RAW, headers=WHOLE)
        assert (await call("POST", path, raw=RAW, headers=WHOLE)).body == whole.body
        assert await waiting(call) == 3
        call.clock.advance(days=1, seconds=1)
        assert (await call("POST", "/messages?key=order-7", LETTER)).body["id"] != first.body["id"]

    tell(database, data, story, scopes=["mail:send"])


def test_a_refusal_frees_the_key(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        wrong = {**LETTER, "to": ["no@demo.test"]}
        assert (await call("POST", "/messages?key=k", wrong)).kind == "refused"
        assert (await call("POST", "/messages?key=k", LETTER)).status == 202

    tell(database, data, story, scopes=["mail:send"])


def test_a_request_that_never_ended_is_looked_up(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        first = await call("POST", "/messages?key=k", LETTER)
        await call.office.db.write(lambda tx: tx.execute("UPDATE sent_once SET answer = ''"))
        assert (await call("POST", "/messages?key=k", LETTER)).kind == "in-work"
        call.clock.advance(seconds=601)
        again = await call("POST", "/messages?key=k", LETTER)
        assert (again.status, again.body) == (202, first.body)
        gone = "UPDATE sent_once SET answer = '', message_id = 'gone@demo.test'"
        await call.office.db.write(lambda tx: tx.execute(gone))
        sent = await call("POST", "/messages?key=k", LETTER)
        assert sent.body["id"] != first.body["id"]
        assert await waiting(call) == 2

    tell(database, data, story, scopes=["mail:send"])


def test_a_large_attachment_passes_the_limit_of_json(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        file = {"name": "a.bin", "content": "QUJD" * 500_000}
        sent = await call("POST", "/messages", {**LETTER, "attachments": [file]})
        assert sent.status == 202

    tell(database, data, story, scopes=["mail:send"])
