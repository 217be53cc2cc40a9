"""Hooks are told, once and again, and none holds up another."""

import asyncio
import base64
import dataclasses
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import pytest

from postroom.address import Address
from postroom.admin import accounts, domains, webhook_calls, webhooks
from postroom.admin.office import Office
from postroom.admin.webhook_calls import ATTEMPTS, Caller
from postroom.db.database import Database, Tx
from postroom.errors import NotFound, StorageFull
from postroom.intake.peer import Peer
from postroom.ledger import rows as ledger
from postroom.ledger.rows import Fact
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.telemetry.events import CertificateFailed, LoopLagged, MailboxWarned
from tests.admin.bureau import Story
from tests.admin.dns.test_table import configured
from tests.admin.hooked import listening
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.web.receiving import intake_of

BOB = "bob@demo.test"
T = TypeVar("T")
Tell = Callable[[Story], None]


async def settle(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, BOB, password="long enough")


async def letter(office: Office, to: str = BOB) -> None:
    """A stranger's letter to bob."""
    peer = Peer(session="s", address="192.0.2.1", port=1, door="smtp", checks=False)
    conversation = intake_of(office).open(peer)
    await conversation.greet("client.test", esmtp=True)
    await conversation.mail(Mail(Address.parse("ann@far.test")))
    await conversation.rcpt(Rcpt(Address.parse(to)))
    await conversation.data()
    await conversation.content(
        b"From: ann@far.test\r\nSubject: Hi\r\nMessage-ID: <1@x>\r\n\r\nx\r\n"
    )
    (answer,) = await conversation.end(None)
    assert answer.code == 250
    await conversation.close()


async def turn(caller: Caller) -> None:
    await caller.turn()
    await caller.finish()


class Counting:
    """A database that counts what is written by who has it in hand."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    async def write(self, *arguments: Any, **named: Any) -> Any:
        self.writes += 1
        return await self._db.write(*arguments, **named)


async def waiting(office: Office) -> list[int]:
    """How many calls wait for each hook, the oldest hook first."""
    return [view.waiting for view in await webhooks.every(office)]


async def until(asked: Callable[[], Awaitable[T]], wanted: T) -> None:
    """Ask again until it is so."""
    for _ in range(200_000):
        if await asked() == wanted:
            return
    raise AssertionError(f"it never was {wanted}")


def test_a_message_is_told_signed_and_once(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        await letter(office)  # before there is a hook
        async with listening(office) as program:
            caller = Caller(office, program.resolver, program.settings)
            hook = await webhooks.add(office, program.url, ["message.received"])
            await letter(office)
            await turn(caller)
            await turn(caller)
            (heard,) = program.heard
            body = heard.body
            assert (body["type"], body["timestamp"]) == ("message.received", "2026-09-21T14:13:20Z")
            data = body["data"]
            assert (data["sender"], data["recipient"], data["subject"]) == (
                "ann@far.test",
                BOB,
                "Hi",
            )
            assert (data["account"], data["message_id"]) == (BOB, "1@x")
            ident, stamp = heard.fields["webhook-id"], heard.fields["webhook-timestamp"]
            assert ident.startswith(data["id"])
            secret = base64.b64decode(hook.secret.removeprefix("whsec_"))
            signed = f"{ident}.{stamp}.".encode() + heard.octets
            digest = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
            assert heard.fields["webhook-signature"] == f"v1,{digest}"
            assert int(stamp) == clock() // 1000
            (view,) = await webhooks.every(office)
            assert (view.waiting, view.failures, view.last_answer) == (0, 0, "204")

    tell(story)


def test_a_failure_is_tried_again_for_a_day(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office, 500, 0, 204) as program:
            caller = Caller(office, program.resolver, program.settings)
            await webhooks.add(office, program.url, ["*"])
            await letter(office)
            await turn(caller)
            (view,) = await webhooks.every(office)
            assert (view.waiting, view.failures, view.last_answer) == (1, 1, "500")
            clock.advance(seconds=9)
            await turn(caller)
            assert len(program.heard) == 1
            clock.advance(seconds=1)
            await turn(caller)
            (view,) = await webhooks.every(office)
            assert (len(program.heard), view.failures) == (2, 2)
            clock.advance(seconds=60)
            await turn(caller)
            assert len({one.fields["webhook-id"] for one in program.heard}) == 1
            (view,) = await webhooks.every(office)
            assert (view.waiting, view.failures) == (0, 0)
            program.statuses = [503]
            await letter(office)
            for _ in range(ATTEMPTS + 2):
                await turn(caller)
                clock.advance(seconds=3600)
            assert len(program.heard) == 3 + ATTEMPTS
            (view,) = await webhooks.every(office)
            assert (view.waiting, view.failures) == (0, ATTEMPTS)
            calls = await webhooks.calls(office, view.id)
            assert [(one.attempt, one.is_good, one.answer) for one in reversed(calls)] == [
                (1, False, "500"), (2, False, calls[-2].answer), (3, True, "204"),
                *[(number + 1, False, "503") for number in range(ATTEMPTS)],
            ]  # fmt: skip
            assert len({one.event_id for one in calls}) == 2
            assert {one.event for one in calls} == {"message.received"}

    tell(story)


def test_one_that_fails_holds_up_itself_only(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office, 500) as bad, listening(office) as good:
            ports = (*bad.settings.ports, *good.settings.ports)
            settings = msgspec.structs.replace(good.settings, ports=ports)
            caller = Caller(office, good.resolver, settings)
            await webhooks.add(office, bad.url, ["*"])
            await webhooks.add(office, good.url, ["*"])
            for _ in range(5):
                await letter(office)
            await turn(caller)
            assert len(good.heard) == 5
            assert len(bad.heard) == 1

    tell(story)


def test_while_one_is_slow_nothing_is_claimed_for_it_and_others_are_told(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await settle(office)
        async with listening(office) as slow, listening(office) as quick:
            slow.held = asyncio.Event()
            ports = (*slow.settings.ports, *quick.settings.ports)
            settings = msgspec.structs.replace(quick.settings, ports=ports, seconds=60)
            counting = Counting(office.db)
            counted = dataclasses.replace(office, db=counting)
            caller = Caller(counted, quick.resolver, settings)
            await webhooks.add(office, slow.url, ["*"])
            await webhooks.add(office, quick.url, ["*"])
            for _ in range(3):
                await letter(office)
            await caller.turn()
            await until(lambda: waiting(office), [3, 0])
            assert len(quick.heard) == 3
            counting.writes = 0
            for _ in range(5):
                await caller.turn()
            assert counting.writes == 0
            assert len(slow.heard) == 1
            await letter(office)
            await caller.turn()
            await until(lambda: waiting(office), [4, 0])
            assert len(quick.heard) == 4
            assert len(slow.heard) == 1
            slow.held.set()
            await caller.finish()
            await turn(caller)
            assert (len(quick.heard), len(slow.heard)) == (4, 4)

    tell(story)


def test_a_place_is_given_up_when_others_wait(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_calls, "TURN", 0.0)

    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office) as one, listening(office) as other:
            ports = (*one.settings.ports, *other.settings.ports)
            settings = msgspec.structs.replace(one.settings, ports=ports, at_once=1)
            caller = Caller(office, one.resolver, settings)
            await webhooks.add(office, one.url, ["*"])
            await webhooks.add(office, other.url, ["*"])
            for _ in range(3):
                await letter(office)
            heard = []
            for _ in range(6):
                await turn(caller)
                heard.append((len(one.heard), len(other.heard)))
                clock.advance(seconds=1)
            assert heard == [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3)]

    tell(story)


def test_those_that_fail_do_not_fill_all_places(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office, 500) as bad, listening(office) as good:
            ports = (*bad.settings.ports, *good.settings.ports)
            settings = msgspec.structs.replace(good.settings, ports=ports, at_once=4, seconds=60)
            caller = Caller(office, good.resolver, settings)
            for _ in range(4):
                await webhooks.add(office, bad.url, ["*"])
            await letter(office)
            await turn(caller)
            assert len(bad.heard) == 4
            await webhooks.add(office, good.url, ["*"])
            await letter(office)
            bad.held = asyncio.Event()
            clock.advance(seconds=10)
            await caller.turn()
            await until(lambda: waiting(office), [2, 2, 2, 2, 0])

            async def heard() -> int:
                await caller.turn()
                return len(bad.heard)

            await until(heard, 6)
            for _ in range(3):
                assert await heard() == 6
            assert len(good.heard) == 1
            bad.held.set()
            await caller.finish()

    tell(story)


def test_a_hook_hears_only_what_it_asked_for(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        await domains.add(office, "other.test", generate=quick)
        await accounts.add(office, "eve@other.test", password="long enough")
        async with listening(office) as program:
            caller = Caller(office, program.resolver, program.settings)
            await webhooks.add(office, program.url + "/d", ["*"], domain="demo.test")
            await webhooks.add(office, program.url + "/a", ["*"], account="eve@other.test")
            await webhooks.add(office, program.url + "/b", ["message.bounced"])
            await letter(office)
            await letter(office, "eve@other.test")
            await turn(caller)
            told = sorted(one.body["data"]["account"] for one in program.heard)
            assert told == [BOB, "eve@other.test"]

    tell(story)


def test_a_hook_goes_with_what_is_renamed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office) as program:
            caller = Caller(office, program.resolver, program.settings)
            await webhooks.add(office, program.url, ["*"], account=BOB)
            await webhooks.add(office, program.url, ["*"], domain="demo.test")
            await accounts.rename(office, BOB, "rob@demo.test")
            await accounts.add(office, BOB, password=None)
            await domains.rename(office, "demo.test", "new.test")
            rob = "rob@new.test"
            assert [one.within for one in await webhooks.every(office)] == [rob, "new.test"]
            await letter(office, rob)
            caller.hear(MailboxWarned(account=rob, percent=80))
            await turn(caller)
            await turn(caller)
            told = [(one.body["type"], one.body["data"]["account"]) for one in program.heard]
            assert sorted(told) == [("mailbox.warned", rob)] * 2 + [("message.received", rob)] * 2
            await letter(office, "bob@new.test")  # somebody else has the old name
            await turn(caller)
            assert len(program.heard) == 5

    tell(story)


def test_one_that_is_switched_off_is_told_nothing_of_what_happens_meanwhile(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office, 500, 204) as program:
            caller = Caller(office, program.resolver, program.settings)
            hook = await webhooks.add(office, program.url, ["*"])
            await letter(office)
            await turn(caller)  # fails, and waits
            off = await webhooks.switch(office, hook.id, is_on=False)
            assert (off.is_on, off.failures) == (False, 0)
            await letter(office)
            caller.hear(MailboxWarned(account=BOB, percent=80))
            clock.advance(seconds=3600)
            await turn(caller)
            (view,) = await webhooks.every(office)
            assert (len(program.heard), view.waiting) == (1, 0)
            await webhooks.switch(office, hook.id, is_on=True)
            await turn(caller)
            assert len(program.heard) == 1
            await letter(office)
            await turn(caller)
            assert len(program.heard) == 2
            with pytest.raises(NotFound):
                await webhooks.switch(office, "0000000000000", is_on=True)

    tell(story)


def test_what_became_of_a_message_is_told(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office) as program:
            caller = Caller(office, program.resolver, program.settings)
            await webhooks.add(office, program.url, ["message.bounced", "message.delivered"])
            await letter(office)
            row = await office.db.read(lambda tx: tx.one("SELECT max(id) FROM ledger"))
            assert row is not None
            bounced = Fact(
                row[0], office.ids.next(), 5, "bounced", "x@far.test", detail="h: 550 No such user"
            )
            held = Fact(row[0], office.ids.next(), 5, "held", "x@far.test")

            def note(tx: Tx) -> None:
                ledger.note(tx, [bounced, held])
                ledger.note(tx, [bounced])

            await office.db.write(note)
            await turn(caller)
            (heard,) = program.heard
            assert heard.body["type"] == "message.bounced"
            assert heard.body["data"]["reply"] == "h: 550 No such user"
            assert heard.body["data"]["failure"] == "no-mailbox"

    tell(story)


def test_events_of_the_server_are_told(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office) as program:
            caller = Caller(office, program.resolver, program.settings)
            caller.hear(MailboxWarned(account=BOB, percent=80))  # nobody asks: forgotten
            await turn(caller)
            await webhooks.add(office, program.url, ["*"])
            await domains.add(office, "other.test", generate=quick)
            await webhooks.add(office, program.url, ["*"], domain="other.test")
            caller.hear(MailboxWarned(account=BOB, percent=90))
            caller.hear(CertificateFailed(name="mx.demo.test", reason="no"))
            caller.hear(LoopLagged(milliseconds=5))
            await turn(caller)
            told = [(one.body["type"], one.body["data"]) for one in program.heard]
            assert told == [
                ("mailbox.warned", {"account": BOB, "percent": 90}),
                ("certificate.failed", {"name": "mx.demo.test", "reason": "no"}),
            ]

    tell(story)


class Ailing:
    """A database that takes nothing for a while."""

    def __init__(self, db: Database, failures: int) -> None:
        self._db = db
        self._failures = failures

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    async def write(self, fn: Callable[[Tx], object], *, bulk: bool = False) -> object:
        if self._failures:
            self._failures -= 1
            raise StorageFull
        return await self._db.write(fn, bulk=bulk)


def test_what_was_heard_while_the_disk_was_full_is_told_later(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office) as program:
            await webhooks.add(office, program.url, ["*"])
            ailing: Any = Ailing(office.db, failures=2)
            caller = Caller(
                dataclasses.replace(office, db=ailing), program.resolver, program.settings
            )
            for percent in (80, 90):
                caller.hear(MailboxWarned(account=BOB, percent=percent))
                with pytest.raises(StorageFull):
                    await caller.turn()
            await turn(caller)
            assert [one.body["data"]["percent"] for one in program.heard] == [80, 90]

    tell(story)


def test_a_private_network_is_not_called(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        async with listening(office) as program:
            settings = msgspec.structs.replace(program.settings, private_networks=())
            caller = Caller(office, program.resolver, settings)
            await webhooks.add(office, program.url, ["*"])
            await letter(office)
            await turn(caller)
            (view,) = await webhooks.every(office)
            assert program.heard == []
            assert (view.failures, "public" in view.last_answer) == (1, True)

    tell(story)


def test_a_hook_can_be_tried(tell: Tell) -> None:
    async def story(opened: Office, clock: Clock) -> None:
        async with listening(opened, 204, 404) as program:
            settings = msgspec.structs.replace(opened.config, webhooks=program.settings)
            office = configured(opened, settings)
            hook = await webhooks.add(office, program.url, ["*"])
            good = await webhook_calls.test(office, hook.id, resolver=program.resolver)
            assert (good.is_good, good.text) == (True, "204")
            assert program.heard[0].body["data"] == {"webhook": hook.id}
            bad = await webhook_calls.test(office, hook.id, resolver=program.resolver)
            assert (bad.is_good, bad.text) == (False, "404")
            calls = await webhooks.calls(office, hook.id)
            assert [(one.event, one.answer) for one in calls] == [
                ("webhook.test", "404"),
                ("webhook.test", "204"),
            ]
            await webhooks.remove(office, hook.id)
            with pytest.raises(NotFound):
                await webhook_calls.test(office, hook.id, resolver=program.resolver)

    tell(story)
