"""What is known of a message."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, strategies as st

from postroom.admin import accounts, aliases, domains, queue, roles, trace
from postroom.admin.office import Office
from postroom.admin.trace import StoryView
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.errors import NotFound
from postroom.ledger.rows import Fact, Kind, note
from postroom.ledger.trace import Story as Told
from postroom.post.commit import Post
from postroom.telemetry.event import Event
from postroom.telemetry.outputs import FileOutput
from postroom.telemetry.session_events import (
    LoginFailed,
    MessageRefused,
    RecipientRefused,
    SenderRefused,
)
from postroom.telemetry.sink import Sink
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.post.office import letter

Tell = Callable[[Story], None]


async def fill(office: Office) -> str:
    """A letter to a list with alice on it and to somebody elsewhere; its queue id."""
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, "alice@demo.test", password=None)
    await aliases.add(office, "sales@demo.test", ["alice@demo.test"])
    row = await office.db.read(lambda tx: tx.one("SELECT id FROM account"))
    alice = int((row or (0,))[0])
    one = letter(
        office, alice, remote=("Bob@x.test",), recipients={alice: "sales@demo.test"},
        message_id="One.2@client", sender="ann@client.example",
    )  # fmt: skip
    await Post(office.db, office.blobs, office.notify, office.clock).commit(one)
    other = letter(office, alice, message_id="two@client", sender="z@client.example")
    await Post(office.db, office.blobs, office.notify, office.clock).commit(other)
    assert one.entry is not None
    return to_text(one.entry.id)


async def only(office: Office, sought: str) -> StoryView:
    found = await trace.find(office, sought)
    assert not found.more
    (one,) = found.messages
    return one


class Counted:
    """A transaction that counts how often it is asked."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.times = 0

    def __getattr__(self, name: str) -> Any:
        self.times += 1
        return getattr(self._tx, name)


def test_many_recipients_here_are_named_with_few_questions(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        found = await trace.newest(office, await fill(office))
        assert found is not None
        first = found.facts[0]
        assert first.account_id is not None
        filed = tuple(
            msgspec.structs.replace(first, number=at, account_id=first.account_id + at)
            for at in range(100)
        )

        def read(tx: Tx) -> tuple[StoryView, int]:
            counted = Counted(tx)
            shown = trace._view(cast("Tx", counted), Told(found.entry, filed))
            return shown, counted.times

        shown, times = await office.db.read(read)
        assert shown.facts[0].account == "alice@demo.test"
        assert shown.facts[1].account == f"account {first.account_id + 1}"
        assert shown.facts[0].mailbox == "INBOX"
        assert times < 10

    tell(story)


def test_one_story_is_asked_for_without_the_log(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        ident = await fill(office)
        found = await trace.view_of(office, "One.2@client")
        assert found == await only(office, ident)
        assert await trace.view_of(office, "three@client") is None

    tell(story)


def test_a_story_is_found_by_every_name(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ident = await fill(office)
        one = await only(office, ident)
        assert one == await only(office, ident.upper())
        for sought in (
            "One.2@client", "<One.2@client>", "ann@client.example", "ANN@client.example.",
            "bob@x.test", "sales@demo.test",
        ):  # fmt: skip
            assert (sought, (await only(office, sought)).id) == (sought, ident)
        filed, queued = one.facts
        assert (filed.kind, filed.recipient, filed.account, filed.mailbox, filed.uid) == (
            "filed", "sales@demo.test", "alice@demo.test", "INBOX", 1,
        )  # fmt: skip
        assert (queued.kind, queued.recipient, queued.detail) == ("queued", "bob@x.test", "x.test")
        assert [one.recipient for one in one.waiting] == ["Bob@x.test"]
        alice = await trace.find(office, "alice@demo.test")
        assert [view.message_id for view in alice.messages] == ["two@client", "One.2@client"]

    tell(story)


@pytest.mark.parametrize(
    ("detail", "host", "reply"),
    [
        ("mx.x.test: 250 2.0.0 Ok: queued as 1", "mx.x.test", "250 2.0.0 Ok: queued as 1"),
        ("451 4.4.1 mx.x.test: Connection refused", "", "451 4.4.1 mx.x.test: Connection refused"),
        ("given up after the last attempt: mx.x.test: 450 later", "mx.x.test", "450 later"),
        ("given up after the last attempt: 451 4.4.1 no", "", "451 4.4.1 no"),
        ("[IPv6:2001:db8::1]: 550 no", "[IPv6:2001:db8::1]", "550 no"),
        ("451 4.4.1: 250 no", "", "451 4.4.1: 250 no"),
        ("", "", ""),
    ],
)
def test_what_was_said_in_an_attempt(detail: str, host: str, reply: str) -> None:
    assert trace.said(detail) == (host, reply)


@given(st.text())
def test_any_detail_can_be_told(detail: str) -> None:
    host, reply = trace.said(detail)
    assert detail.removeprefix(trace.GIVEN_UP) == (f"{host}: {reply}" if host else reply)


def test_attempts_tell_host_and_reply(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ident = await fill(office)
        number = queue.queue_id(ident)
        told: tuple[tuple[Kind, str], ...] = (
            ("deferred", "mx.x.test: 451 4.7.1 later"),
            ("held", "by the postmaster: 250"),
            ("bounced", "550 5.4.4 no"),
        )
        facts = [
            Fact(number, office.ids.next(), clock(), kind, "bob@x.test", detail=detail)
            for kind, detail in told
        ]
        await office.db.write(lambda tx: note(tx, facts))
        await queue.reroute(office, [ident], "mx")
        one = await only(office, ident)
        assert [(fact.kind, fact.host, fact.reply) for fact in one.facts[2:5]] == [
            ("deferred", "mx.x.test", "451 4.7.1 later"),
            ("held", "", ""),
            ("bounced", "", "550 5.4.4 no"),
        ]
        assert one.facts[2].detail == "mx.x.test: 451 4.7.1 later"
        assert [one.route for one in one.waiting] == ["mx"]

    tell(story)


def test_the_end_of_a_story(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ident = await fill(office)
        await queue.remove(office, [ident])
        row = await office.db.read(lambda tx: tx.one("SELECT id FROM account"))
        await office.store.remove_account((row or (0,))[0])
        one = await only(office, ident)
        assert [fact.kind for fact in one.facts] == ["filed", "queued", "removed"]
        assert one.facts[0].mailbox == "a mailbox since deleted"
        assert one.waiting == ()

    tell(story)


def test_newest_first_and_not_too_many(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await fill(office)
        found = await trace.find(office, "alice@demo.test", limit=1)
        assert [view.message_id for view in found.messages] == ["two@client"]
        assert found.more

    tell(story)


def write(office: Office, *events: Event) -> None:
    sink = Sink([FileOutput(office.config.log_path, size=1 << 20, keep=1)], clock=office.clock)
    for event in events:
        sink.emit(event)
    sink.close()


def test_refusals_are_read_back_from_the_log(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        write(
            office,
            RecipientRefused(
                peer="192.0.2.7", status="5.1.1", sender="Ann@client.example",
                recipient="Nobody@demo.test", reason="no account",
            ),
            SenderRefused(peer="192.0.2.8", status="5.3.4", sender="ann@client.example", reason="x"),
            MessageRefused(
                status="5.6.0", sender="z@y.test", recipients=("alice@demo.test", "bob@demo.test"),
                message_id="Bad@client", reason="NUL",
            ),
            LoginFailed(login="ann@client.example", reason="wrong password"),
        )  # fmt: skip
        found = await trace.find(office, "ann@client.example")
        assert found.messages == ()
        assert [(one.event, one.status) for one in found.refusals] == [
            ("sender.refused", "5.3.4"),
            ("recipient.refused", "5.1.1"),
        ]
        assert found.refusals[1].recipients == ("Nobody@demo.test",)
        (one,) = (await trace.find(office, "bob@demo.test")).refusals
        assert (one.message_id, one.reason, one.at[:10]) == ("Bad@client", "NUL", "2026-09-21")
        for sought in ("nobody@DEMO.test", "<Bad@client>", "Bad@client"):
            assert len((await trace.find(office, sought)).refusals) == 1
        assert len((await trace.find(office, "ann@client.example", limit=1)).refusals) == 1

    tell(story)


@pytest.mark.parametrize("sought", ["x@y.test", "0000000000001", "<no>", "", "\0", "a b c"])
def test_what_is_not_known(tell: Tell, sought: str) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with pytest.raises(NotFound, match="90 days"):
            await trace.find(office, sought)

    tell(story)


def test_an_administrator_of_a_domain_sees_what_concerns_it(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await domains.add(office, "other.test", generate=quick)
        people = ["alice@demo.test", "eve@other.test"]
        for address in people:
            await accounts.add(office, address, password="a-Good-one-1")
        await roles.assign(office, "alice@demo.test", "admin", ["demo.test"])
        found = [await office.directory.known(address) for address in people]
        alice, eve = [one.account_id for one in found if one is not None]
        both = dict(zip((alice, eve), people, strict=True))
        post = Post(office.db, office.blobs, office.notify, office.clock)
        for ident, sender, to, far in (
            ("both@x", "z@client.example", both, ("far@x.test",)),
            ("theirs@x", "z@client.example", {eve: people[1]}, ()),
            ("ours@x", people[0], {eve: people[1]}, ("far@x.test",)),
            ("forged@x", "forged@demo.test", {eve: people[1]}, ()),
        ):
            one = letter(
                office, *to, recipients=to, remote=far, message_id=ident, sender=sender,
                account_id=alice if sender == people[0] else None,
            )  # fmt: skip
            await post.commit(one)

        async def seen(sought: str) -> list[tuple[list[str], int]]:
            found = await trace.find(office, sought, within=alice)
            return [
                ([fact.recipient for fact in one.facts], len(one.waiting)) for one in found.messages
            ]

        assert await seen("both@x") == [([people[0]], 0)]
        assert await seen("ours@x") == [([people[1], "far@x.test"], 1)]
        for sought in ("theirs@x", "forged@x", people[1] + "x"):
            with pytest.raises(NotFound, match="nothing is known"):
                await seen(sought)
        assert len(await seen(people[1])) == 2

    tell(story)


def test_an_administrator_finds_what_is_older_than_much_of_others(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await domains.add(office, "alias.test", alias_of="demo.test", generate=quick)
        await domains.add(office, "notdemo.test", generate=quick)
        for address in ("alice@demo.test", "eve@notdemo.test"):
            await accounts.add(office, address, password=None)
        await roles.assign(office, "alice@demo.test", "admin", ["demo.test"])
        known = [
            await office.directory.known(one) for one in ("alice@demo.test", "eve@notdemo.test")
        ]
        alice, eve = [one.account_id for one in known if one is not None]
        post = Post(office.db, office.blobs, office.notify, office.clock)
        for ident, whose, to in (
            ("first@x", alice, "alice@demo.test"),
            ("second@x", alice, "alice@alias.test"),
            *((f"{number}@x", eve, "eve@notdemo.test") for number in range(5)),
        ):
            one = letter(
                office, whose, recipients={whose: to}, message_id=ident, sender="z@far.test"
            )
            await post.commit(one)
        found = await trace.find(office, "z@far.test", limit=2, within=alice)
        assert [one.message_id for one in found.messages] == ["second@x", "first@x"]
        assert not found.more
        found = await trace.find(office, "z@far.test", limit=1, within=alice)
        assert ([one.message_id for one in found.messages], found.more) == (["second@x"], True)
        assert len((await trace.find(office, "z@far.test", limit=9)).messages) == 7
        with pytest.raises(NotFound):
            await trace.find(office, "0@x", within=alice)
        log = [
            RecipientRefused(
                peer="192.0.2.7", status="5.1.1", sender="z@far.test", recipient=one, reason="x"
            )
            for one in ("no@demo.test", "a@notdemo.test", "b@notdemo.test")
        ]
        write(office, *log)
        seen = await trace.find(office, "z@far.test", limit=2, within=alice)
        assert [one.recipients for one in seen.refusals] == [("no@demo.test",)]

    tell(story)


def test_an_administrator_of_a_domain_sees_no_mailboxes_of_others(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test")
        await domains.add(office, "other.test")
        people = ["alice@demo.test", "eve@other.test", "mallory@other.test"]
        for address in people:
            await accounts.add(office, address, password="a-Good-one-1")
        await roles.assign(office, "alice@demo.test", "admin", ["demo.test"])
        found = [await office.directory.known(address) for address in people]
        alice, eve, mallory = [one.account_id for one in found if one is not None]
        post = Post(office.db, office.blobs, office.notify, office.clock)
        ours = letter(
            office, eve, mallory, message_id="ours@x", sender=people[0], account_id=alice,
            recipients={eve: "list@other.test", mallory: "list@other.test"},
        )  # fmt: skip
        theirs = letter(
            office, eve, message_id="theirs@x", sender="mask@other.test", account_id=mallory,
            recipients={eve: "team@demo.test"},
        )  # fmt: skip
        for one in (ours, theirs):
            await post.commit(one)
            assert one.entry is not None
            told = "redirected to secret@x.test"
            await office.db.write(
                partial(
                    note,
                    facts=[
                        Fact(
                            one.entry.id,
                            office.ids.next(),
                            clock(),
                            "noted",
                            people[1],
                            detail=told,
                        )
                    ],
                )
            )

        for sought, account, recipient in (
            ("ours@x", people[0], "list@other.test"),
            ("theirs@x", "", "team@demo.test"),
        ):
            (seen,) = (await trace.find(office, sought, within=alice)).messages
            (fact,) = seen.facts
            assert seen.account == account
            assert (fact.kind, fact.recipient) == ("filed", recipient)
            assert (fact.account, fact.mailbox, fact.uid) == ("", "", None)
        assert len((await only(office, "ours@x")).facts) == 3

    tell(story)


def test_an_administrator_of_a_domain_sees_its_refusals(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        for name in ("demo.test", "other.test"):
            await domains.add(office, name, generate=quick)
        await accounts.add(office, "alice@demo.test", password="a-Good-one-1")
        await roles.assign(office, "alice@demo.test", "admin", ["demo.test"])
        found = await office.directory.known("alice@demo.test")
        assert found is not None
        write(
            office,
            *(
                RecipientRefused(
                    peer="192.0.2.7", status="5.1.1", sender="z@z.test", recipient=one, reason="x"
                )
                for one in ("a@demo.test", "b@other.test")
            ),
            *(
                MessageRefused(
                    peer="192.0.2.7", status="5.7.1", sender=sender, reason="x",
                    recipients=("c@demo.test", "d@other.test"),
                )
                for sender in ("z@z.test", "alice@demo.test")
            ),
        )  # fmt: skip
        seen = await trace.find(office, "z@z.test", within=found.account_id)
        assert [one.recipients for one in seen.refusals] == [("c@demo.test",), ("a@demo.test",)]
        seen = await trace.find(office, "alice@demo.test", within=found.account_id)
        assert [one.recipients for one in seen.refusals] == [("c@demo.test", "d@other.test")]

    tell(story)
