"""Verdicts and lists: what each account makes of them."""

import asyncio
from pathlib import Path

import pytest

from postroom.config.filing import Filing
from postroom.db.database import Tx
from postroom.db.ids import from_text
from postroom.directory import scripts
from postroom.directory.expand import Local
from postroom.intake import decide
from postroom.intake.arrival import Arrival
from postroom.intake.decide import ALL_KEEP, BLOCKED, Message, Opinions
from postroom.intake.decision import INBOX, JUNK, Decision
from postroom.intake.peer import Peer
from postroom.intake.plan import Envelope
from postroom.intake.relay import Accepted
from postroom.intake.stamp import Session
from postroom.ledger import trace
from postroom.policy.facts import Authentication, Facts
from postroom.policy.verdict import Verdict
from postroom.protocol.smtp.commands import Mail
from postroom.protocol.smtp.replies import reply
from postroom.quota import NO_QUOTA
from postroom.store import mailboxes
from tests.conftest import Opener
from tests.intake.desk import LETTER, Desk, desk, nothing_left, said, send

SPAM = Verdict(stage="spam", action="junk", reason="it looks like spam", score=6.5)
VIRUS = reply(554, "5.7.1", "It carries malware")
UNKNOWN = Authentication()
PROVEN = Authentication(dmarc="pass", author="client.example")


def accepted(*accounts: int, remote: tuple[str, ...] = ()) -> Accepted:
    local = tuple(Local(one, f"user{one}@local.test", None, NO_QUOTA) for one in accounts)
    return Accepted(f"to{accounts}@local.test", local, remote)


async def message(
    here: Desk,
    *verdicts: Verdict,
    sender: str = "ann@client.example",
    head: bytes = LETTER,
    found: Authentication = UNKNOWN,
) -> Message:
    to = (accepted(here.alice.id), accepted(here.bob.id))
    envelope = Envelope(Mail(None), sender, None, to)
    arrival = Arrival(here.blobs, max_message=0, mends=False)
    await arrival.take(head)
    await arrival.finish()
    peer = Peer(session="s1", address="192.0.2.1", port=4000, door="smtp")
    return Message(
        envelope=envelope,
        arrival=arrival,
        session=Session(peer, "mx.local.test"),
        verdicts=verdicts,
        authentication=found,
    )


async def decided(here: Desk, one: Message) -> tuple[Decision | None, Decision | None]:
    """Alice's and bob's."""
    found = await decide.decide(here.services, one)
    return found.decisions.get(here.alice.id), found.decisions.get(here.bob.id)


def test_without_lists_and_verdicts_nothing_is_decided(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            passing = Verdict(stage="spf")
            found = await decide.decide(here.services, await message(here, passing))
            assert found is ALL_KEEP

    asyncio.run(run())


def test_junk_goes_to_junk_and_says_why(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            dmarc = Verdict(stage="dmarc", action="junk", reason="p=quarantine (of x.test)")
            his = (await decided(here, await message(here, SPAM, dmarc)))[1]
            assert his is not None
            assert his.filings == (JUNK,)
            assert his.refusal is None
            assert his.reason == "junk: spam: it looks like spam; dmarc: p=quarantine (of x.test)"
            assert his.fields == (
                b"X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score=6.5"
                b" (spam: it looks like spam; dmarc: p=quarantine\r\n\t[of x.test])\r\n"
            )

    asyncio.run(run())


def test_a_stage_may_tell_people_apart(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            own = Verdict(stage="spam", personal={here.bob.id: SPAM})
            hers, his = await decided(here, await message(here, own))
            assert hers is None
            assert his is not None
            assert his.filings == (JUNK,)
            refusing = Verdict(stage="av", action="refuse", reason="eicar", reply=VIRUS)
            hers, his = await decided(here, await message(here, own, refusing))
            assert hers == his == Decision((), VIRUS, "av: eicar")

    asyncio.run(run())


def test_the_block_list_is_of_reverse_path_and_author(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.senders("bob@local.test", "block", "client.example")
            blocked = Decision((), BLOCKED, "client.example is on the block list")
            assert await decided(here, await message(here)) == (None, blocked)
            other = LETTER.replace(b"client.example", b"other.example")
            assert (await decided(here, await message(here, head=other)))[1] == blocked
            assert (await decided(here, await message(here, sender="")))[1] == blocked
            assert (await decided(here, await message(here, sender="", head=other)))[1] is None
            double = b"From: <x@other.example>, y@CLIENT.example\r\n" + other
            assert (await decided(here, await message(here, sender="", head=double)))[1] == blocked
            found = await decide.decide(here.services, await message(here))
            assert found.author == "Ann <ann@client.example>"
            assert found.reason == "client.example is on the block list"

    asyncio.run(run())


def test_the_allow_list_counts_when_the_domain_is_proven(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.senders("bob@local.test", "allow", "ann@client.example")
            his = (await decided(here, await message(here, SPAM)))[1]
            assert his is not None
            assert his.filings == (JUNK,)  # anybody can write that From
            his = (await decided(here, await message(here, SPAM, found=PROVEN)))[1]
            told = "not junk, ann@client.example is on the allow list (spam: it looks like spam)"
            assert his == Decision((INBOX,), None, told)
            refusing = Verdict(stage="av", action="refuse", reason="eicar", reply=VIRUS)
            his = (await decided(here, await message(here, SPAM, refusing, found=PROVEN)))[1]
            assert his == Decision((), VIRUS, "av: eicar")
            assert (await decided(here, await message(here, found=PROVEN)))[1] is None

    asyncio.run(run())


def test_the_block_list_goes_before_the_allow_list(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.senders("bob@local.test", "allow", "ann@client.example")
            await here.town.senders("bob@local.test", "block", "client.example")
            his = (await decided(here, await message(here, found=PROVEN)))[1]
            assert his is not None
            assert his.refusal == BLOCKED

    asyncio.run(run())


def test_an_alias_answers_for_its_members() -> None:
    late = reply(451, "4.7.1", "later")
    no = Decision((), BLOCKED, "blocked")
    found = Opinions({1: no, 2: no, 3: Decision((), late, "dns")}, VIRUS)
    assert found.of(accepted(1)) == found.of(accepted(1, 2)) == BLOCKED
    assert found.of(accepted(1, 4)) is None
    assert found.of(accepted(4, 3)) == late
    assert found.of(accepted(remote=("a@x.test",))) == VIRUS
    assert found.of(accepted(1, remote=("a@x.test",))) == BLOCKED
    assert Opinions({1: no}).of(accepted(1, remote=("a@x.test",))) is None
    assert ALL_KEEP.of(accepted()) is None


def test_who_puts_off_puts_off(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            verdict = Verdict(stage="milter", action="defer", reason="no answer")
            found = await decide.decide(here.services, await message(here, verdict, SPAM))
            assert found.refusal == decide.PUT_OFF
            assert found.decisions[here.bob.id] == Decision((), decide.PUT_OFF, "milter: no answer")
            plain = Verdict(stage="milter", action="refuse", reason="a rule")
            found = await decide.decide(here.services, await message(here, plain))
            assert found.refusal == decide.REFUSED

    asyncio.run(run())


class Says:
    """A stage that always says the same."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    async def judge(self, facts: Facts) -> Verdict:
        assert facts.sender == "ann@client.example"
        return self._verdict


def test_junk_over_the_wire(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            own = Verdict(stage="spam", personal={here.bob.id: SPAM})
            here.change(stages=(Says(own),))
            people = ("bob@local.test", "alice@local.test")
            await send(here.open(checks=True), *people)
            (answer,) = await send(here.open(checks=True), *people)
            assert said(answer) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == 2
            assert await here.inbox(here.bob) == []
            junk = await here.store.read(mailboxes.by_use, here.bob.id, "\\Junk")
            assert junk is not None
            assert (junk.name, junk.messages) == ("Junk", 2)
            rows = await here.db.read(
                lambda tx: tx.all(
                    "SELECT prefix FROM message WHERE account_id = :id", id=here.bob.id
                )
            )
            assert all(
                b"\r\nX-Spam-Status: Yes, score=6.5 (spam: it" in bytes(row[0]) for row in rows
            )
            queue_id = from_text(answer.lines[0].rpartition(" ")[2])
            story = await here.db.read(lambda tx: trace.by_id(tx, queue_id))
            assert story is not None
            told = [(one.kind, one.recipient) for one in story.facts]
            assert ("noted", "bob@local.test") in told
            assert ("noted", "alice@local.test") not in told

    asyncio.run(run())


def test_temporary_trouble_for_one_files_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            late = Verdict(stage="quota", action="defer", reason="busy")
            own = Verdict(stage="quota", personal={here.bob.id: late})
            here.change(stages=(Says(own),))
            people = ("bob@local.test", "alice@local.test")
            (answer,) = await send(here.open(checks=True), *people)
            assert said(answer) == "451 4.7.1"
            await nothing_left(here)
            answers = await send(here.open("lmtp", checks=True), *people)
            assert [said(one) for one in answers] == ["451 4.7.1", "250 2.0.0"]
            assert len(await here.inbox(here.alice)) == 1
            assert (await here.counts()).get("reject") is None

    asyncio.run(run())


@pytest.mark.parametrize(
    ("recipient", "name"),
    [
        ("bob+work@local.test", "Work"),
        ("bob+WORK@local.test", "Work"),
        ("bob+work.bills@local.test", "Work/Bills"),
        ("bob+v1.2@local.test", "v1.2"),
        ("bob+nowhere@local.test", "INBOX"),
        ("bob+inbox@local.test", "INBOX"),
        ("bob+sent@local.test", "INBOX"),
        ("bob+@local.test", "INBOX"),
        ("bob@local.test", "INBOX"),
        ("team@local.test", "Work"),
    ],
)
def test_a_subaddress_names_a_mailbox(
    database: Opener, data: Path, recipient: str, name: str
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.store.furnish(here.bob.id)
            for made in ("Work/Bills", "v1.2"):
                ids = [here.ids.next() for _ in made.split("/")]
                await here.store.write(mailboxes.create, here.bob.id, made, None, ids, here.clock())
            await here.town.alias("team@local.test", "bob+work@local.test")
            (answer,) = await send(here.open(), recipient)
            assert said(answer) == "250 2.0.0"
            assert len(await here.inbox(here.bob, name)) == 1
            here.change(filing=Filing(subaddress=False))
            await send(here.open(), recipient)
            assert len(await here.inbox(here.bob)) == (2 if name == "INBOX" else 1)

    asyncio.run(run())


def test_junk_and_scripts_go_before_a_subaddress(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            ids = [here.ids.next()]
            await here.store.write(mailboxes.create, here.bob.id, "Work", None, ids, here.clock())
            here.change(stages=(Says(SPAM),))
            await send(here.open(), "bob+work@local.test")
            assert len(await here.inbox(here.bob, "Junk")) == 1
            here.change(stages=())
            await here.town.script("bob@local.test", "if size :over 1K { discard; }")
            await send(here.open(), "bob+work@local.test")
            assert len(await here.inbox(here.bob, "Work")) == 1
            await here.town.script("bob@local.test", "keep;")
            await send(here.open(), "bob+work@local.test")
            assert len(await here.inbox(here.bob)) == 1

    asyncio.run(run())


def test_the_script_of_the_site_comes_before_that_of_the_account(
    database: Opener, data: Path
) -> None:
    site = (
        'require ["fileinto", "mailbox"];'
        'if header :contains "subject" "Hello" { fileinto :create "Bulk"; stop; }'
    )

    async def run() -> None:
        async with desk(database, data) as here:
            for owner, name, text in (
                (scripts.SITE, "site", site),
                (here.bob.id, "own", "discard;"),
            ):
                ident = here.ids.next()

                def write(tx: Tx, owner: int = owner, name: str = name, text: str = text) -> None:
                    scripts.put(tx, owner, ident, name, text, 0)  # noqa: B023 - run at once
                    scripts.activate(tx, owner, name)

                await here.town.directory.change(write)
            one = here.open()
            await one.greet("client.example", esmtp=True)
            await send(one, "alice@local.test", "bob@local.test")
            for account in (here.alice, here.bob):
                assert len(await here.inbox(account, "Bulk")) == 1
            other = LETTER.replace(b"Hello", b"Bye")
            await send(one, "alice@local.test", "bob@local.test", octets=other)
            assert len(await here.inbox(here.alice)) == 1
            assert await here.inbox(here.bob) == []

    asyncio.run(run())
