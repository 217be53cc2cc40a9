"""What scripts want is done: places, flags, addresses elsewhere, refusals."""

import asyncio
from pathlib import Path

import pytest

from postroom.policy.facts import Facts
from postroom.policy.verdict import Verdict
from postroom.protocol.imap.object_ids import mailbox_id
from postroom.store import mailboxes, rejects
from tests.conftest import Opener
from tests.intake.desk import LARGE, LETTER, Desk, desk, mail, rcpt, said, send
from tests.intake.test_sieving import make

BOB = "bob@local.test"
BOTH = (BOB, "alice@local.test")
EVERYTHING = (
    'require ["fileinto", "copy", "imap4flags", "mailbox", "special-use", "mailboxid",'
    ' "reject", "ereject", "variables"];\n'
)


class Junk:
    async def judge(self, facts: Facts) -> Verdict:
        return Verdict(stage="spam", action="junk", reason="it looks like spam", score=7)


async def places(here: Desk) -> dict[str, list[tuple[int, str]]]:
    """Flags and keywords of bob's letters, by mailbox."""
    rows = await here.db.read(
        lambda tx: tx.all(
            "SELECT b.name, e.flags, e.keywords FROM entry e JOIN mailbox b ON b.id = e.mailbox_id"
            " WHERE e.account_id = :id ORDER BY b.name, e.uid",
            id=here.bob.id,
        )
    )
    found: dict[str, list[tuple[int, str]]] = {}
    for name, flags, keywords in rows:
        found.setdefault(name, []).append((flags, keywords))
    return found


async def run_script(
    here: Desk, text: str, *people: str, octets: bytes = LETTER, name: str = "main"
) -> tuple[str, list[tuple[str, str, str]], str]:
    """The status of the answer, what the ledger tells, and the text of the answer."""
    await here.town.script(BOB, EVERYTHING + text, name)
    (answer,) = await send(here.open(), *(people or (BOB,)), octets=octets)
    told = await here.told(answer) if answer.code == 250 else []
    return said(answer), told, answer.lines[0]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("keep;", {"INBOX": [(0, "")]}),
        ('fileinto "A";', {"A": [(0, "")]}),
        ('fileinto "inbox";', {"INBOX": [(0, "")]}),
        ('fileinto "Nowhere";', {"INBOX": [(0, "")]}),
        ('fileinto :create "New/Box";', {"New/Box": [(0, "")]}),
        ('fileinto :create "../etc";', {"INBOX": [(0, "")]}),
        ('fileinto :create "a*b";', {"INBOX": [(0, "")]}),
        ('fileinto :copy "A";', {"A": [(0, "")], "INBOX": [(0, "")]}),
        ('fileinto "A"; fileinto "A";', {"A": [(0, "")]}),
        (
            r'fileinto :flags ["\\Seen", "\\flagged", "$Work"] "A"; keep;',
            {"A": [(5, "$Work")], "INBOX": [(0, "")]},
        ),
        (r'addflag "\\Deleted"; addflag "x";', {"INBOX": [(8, "x")]}),
        (r'fileinto :specialuse "\\Archive" "Old";', {"Old things": [(0, "")]}),
        (r'fileinto :specialuse "\\Sent" :create "Out";', {"Out": [(0, "")]}),
        (r'fileinto :specialuse "\\None" "A";', {"A": [(0, "")]}),
        ('fileinto :mailboxid "F0" "A";', {"A": [(0, "")]}),
        ('fileinto :mailboxid "Fabcdef" "A";', {"A": [(0, "")]}),
        ('fileinto :mailboxid "Fffffffffffffffff" "A";', {"A": [(0, "")]}),
        ("discard; keep;", {"INBOX": [(0, "")]}),
    ],
)
def test_where_letters_go(
    database: Opener, data: Path, script: str, found: dict[str, list[tuple[int, str]]]
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await make(here, "A")
            await make(here, "Old things", "\\Archive")
            status, _, _ = await run_script(here, script)
            assert status == "250 2.0.0"
            assert await places(here) == found
            rows = await here.db.read(lambda tx: tx.all("SELECT refs FROM message"))
            assert rows == [(sum(map(len, found.values())),)]
            assert await here.db.read(lambda tx: tx.all("SELECT refs FROM blob")) == [(1,)]

    asyncio.run(run())


def test_a_mailbox_by_its_id(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            ident = mailbox_id(await make(here, "A")).decode()
            await run_script(here, f'fileinto :mailboxid "{ident}" "B";')
            foreign = mailbox_id(here.alice.id).decode()
            await send(here.open(), "alice@local.test")
            await run_script(here, f'fileinto :mailboxid "{foreign}" "A";')
            assert await places(here) == {"A": [(0, ""), (0, "")]}
            made = await here.store.read(mailboxes.find, here.bob.id, "Out")
            assert made is None

    asyncio.run(run())


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
def test_who_discards_has_asked_for_it(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            status, told, _ = await run_script(here, "discard;", octets=octets, name="Bin")
            assert status == "250 2.0.0"
            assert told == [("noted", BOB, "the script Bin keeps no copy")]
            assert await here.counts() == {"ledger": 1, "ledger_event": 1}
            assert here.files() == []
            status, told, _ = await run_script(here, "discard;", *BOTH, octets=octets)
            assert [kind for kind, _, _ in told] == ["filed", "noted"]
            assert len(await here.inbox(here.alice)) == 1

    asyncio.run(run())


def test_a_redirected_letter_leads_back_through_us(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = 'redirect "b@elsewhere.test"; redirect :copy "c@other.test";'
            status, told, _ = await run_script(here, script)
            assert status == "250 2.0.0"
            assert await here.queue() == [
                ("b@elsewhere.test", "elsewhere.test"), ("c@other.test", "other.test"),
            ]  # fmt: skip
            queued = await here.queued()
            assert queued["sender"].startswith(b"SRS0=")
            assert queued["sender"].endswith(b"=client.example=ann@local.test")
            assert queued["prefix"] == b"Delivered-To: bob@local.test\r\n"
            assert await places(here) == {}
            assert [kind for kind, _, _ in told] == ["queued", "queued", "noted"]
            await run_script(here, 'redirect :copy "b@elsewhere.test";')
            assert await places(here) == {"INBOX": [(0, "")]}
            assert await here.db.read(lambda tx: tx.all("SELECT refs FROM blob ORDER BY id")) == [
                (1,), (2,),
            ]  # fmt: skip

    asyncio.run(run())


def test_a_script_refuses(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            for command in ("reject", "ereject"):
                script = f'{command} "Go away\r\nand stay there.";'
                status, _, text = await run_script(here, script)
                assert (status, text) == ("550 5.7.1", "Go away")
                status, told, _ = await run_script(here, script, *BOTH)
                assert status == "250 2.0.0"
                assert told[1][0] == "refused"
            assert len(await here.inbox(here.alice)) == 2
            assert await places(here) == {}
            kept = await here.store.read(rejects.newest, here.bob.id, limit=9)
            assert [one.reason[:24] for one in kept] == ["the script main: Go away"] * 4

    asyncio.run(run())


def test_what_a_script_says_goes_before_a_verdict(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            here.change(stages=(Junk(),))
            await make(here, "A")
            _, told, _ = await run_script(here, "")
            assert await places(here) == {"Junk": [(0, "")]}
            assert told[1] == ("noted", BOB, "junk: spam: it looks like spam")
            await run_script(here, 'addflag "x"; fileinto :copy "A";')
            assert await places(here) == {"A": [(0, "x")], "Junk": [(0, ""), (0, "x")]}
            await run_script(here, "keep;")
            await run_script(here, 'if header :is "x-spam-flag" "YES" { fileinto "A"; }')
            found = await places(here)
            assert [len(found[name]) for name in ("A", "INBOX", "Junk")] == [2, 1, 2]

    asyncio.run(run())


def test_an_erring_script_keeps_the_letter_and_says_why(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = "\n".join(f'redirect "{n}@elsewhere.test";' for n in range(9))
            status, told, _ = await run_script(here, script)
            assert status == "250 2.0.0"
            (letter,) = await here.inbox(here.bob)
            said_ = b"X-Sieve-Error: the script main: line 6: there are more than 4 redirect"
            assert said_ in letter.replace(b"\r\n\t", b" ")
            assert await here.queue() == []
            assert told[1][2].startswith("the script main failed: line 6: ")
            here.change(stages=(Junk(),))
            await run_script(here, script)
            assert len(await here.inbox(here.bob, "Junk")) == 1

    asyncio.run(run())


async def scripts(here: Desk, **texts: str) -> None:
    for name, text in texts.items():
        await here.town.script(f"{name}@local.test", EVERYTHING + text)


def test_who_is_redirected_to_decides_too(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await scripts(
                here,
                bob='redirect "alice@local.test";',
                alice='fileinto :create "From bob"; redirect :copy "a@elsewhere.test";',
            )
            (answer,) = await send(here.open(), BOB)
            assert said(answer) == "250 2.0.0"
            assert await here.inbox(here.bob) == await here.inbox(here.alice) == []
            (letter,) = await here.inbox(here.alice, "From bob")
            assert b"\r\nDelivered-To: alice@local.test\r\n" in letter
            assert await here.queue() == [("a@elsewhere.test", "elsewhere.test")]
            await here.town.senders("alice@local.test", "block", "client.example")
            (answer,) = await send(here.open(), BOB)
            assert said(answer) == "250 2.0.0"
            assert len(await here.inbox(here.alice, "From bob")) == 1
            kept = await here.store.read(rejects.newest, here.alice.id, limit=9)
            assert len(kept) == 1
            (answer,) = await send(here.open("lmtp"), BOB)
            assert said(answer) == "250 2.0.0"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("bob", "alice", "found"),
    [
        ('redirect "bob@local.test";', "keep;", (1, 0)),
        ('redirect "bob+x@local.test"; keep;', "keep;", (1, 0)),
        ('redirect "alice@local.test";', 'redirect "bob@local.test";', (0, 1)),
        ('redirect :copy "alice@local.test";', 'redirect "bob@local.test";', (1, 1)),
        ('redirect "all@local.test";', "", (0, 1)),
        ('redirect "alice@local.test";', "discard;", (0, 0)),
    ],
)
def test_no_circle_loses_a_letter(
    database: Opener, data: Path, bob: str, alice: str, found: tuple[int, int]
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("all@local.test", BOB, "alice@local.test")
            await scripts(here, bob=bob, alice=alice)
            (answer,) = await send(here.open(), BOB)
            assert said(answer) == "250 2.0.0"
            assert (len(await here.inbox(here.bob)), len(await here.inbox(here.alice))) == found
            assert await here.queue() == []

    asyncio.run(run())


def test_a_redirect_that_can_not_be_filed_waits(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.account("carol@local.test", quota=10)
            await here.town.alias("mixed@local.test", "alice@local.test", "x@elsewhere.test")
            await send(here.open(), "carol@local.test")
            for address in ("carol@local.test", "nobody@local.test", "mixed@local.test"):
                await scripts(here, bob=f'redirect "{address}";')
                (answer,) = await send(here.open(), BOB)
                assert said(answer) == "250 2.0.0"
                assert (await here.queue())[-1] == (address, "local.test")
            assert await here.inbox(here.bob) == []

    asyncio.run(run())


def test_two_ways_to_one_account_are_one_letter(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await scripts(here, bob='redirect "alice@local.test"; redirect "alice+x@local.test";')
            (answer,) = await send(here.open(), *BOTH)
            assert said(answer) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == 1
            one = await here.logged_in(here.bob)
            octets = LETTER.replace(b"ann@client.example", b"bob@local.test")
            (answer,) = await send(one, BOB, octets=octets, sender=BOB)
            assert said(answer) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == 2
            await one.close()

    asyncio.run(run())


def test_a_mailbox_with_all_its_messages_takes_no_other(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await here.town.account("carol@local.test", message_quota=1)
            one, other = here.open(), here.open()
            for conversation in (one, other):
                await conversation.mail(mail())
                await conversation.rcpt(rcpt("carol@local.test"))
            for conversation, code in ((one, "250 2.0.0"), (other, "452 4.2.2")):
                await conversation.content(LETTER)
                (answer,) = await conversation.end(None)
                assert said(answer) == code
            late = here.open()
            await late.mail(mail())
            assert said(await late.rcpt(rcpt("carol@local.test"))) == "452 4.2.2"
            assert len(await here.inbox(carol)) == 1

    asyncio.run(run())
