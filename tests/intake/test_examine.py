"""Mail from strangers: what goes on top, into the story and into replies, and what is refused."""

import asyncio
from pathlib import Path
from typing import Final

import msgspec
import pytest

from postroom.config.authentication import Authentication as Settings
from postroom.config.model import Limits
from postroom.errors import StorageFailed
from postroom.ledger import trace
from postroom.message import headers
from postroom.policy.facts import Facts
from postroom.policy.trust import stages
from postroom.policy.verdict import Verdict
from postroom.protocol.smtp.replies import Reply, reply
from postroom.telemetry.events import StorageTrouble
from postroom.telemetry.session_events import MessageRefused, SessionFailed
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import Blocks, Desk, desk, mail, nothing_left, rcpt, said, send
from tests.mailauth.test_arc import sealed
from tests.policy.test_origin import signed, zone

LETTER: Final = (
    b"From: Ann <ann@a.test>\r\nSubject: x\r\nMessage-ID: <1@a.test>\r\n\r\n" + b"body\r\n" * 3
)
LARGE: Final = LETTER + b"a line of the body that is long enough\r\n" * 6_000
FORGER: Final = "203.0.113.9"


class Recording:
    """A stage that keeps what it was shown."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.facts: list[Facts] = []

    async def judge(self, facts: Facts) -> Verdict:
        self.facts.append(facts)
        return self.verdict


class Broken:
    """A stage with a mistake in it."""

    async def judge(self, _facts: Facts) -> Verdict:
        raise ZeroDivisionError


def checking(here: Desk, settings: Settings | None = None, policy: str = "reject") -> None:
    settings = settings or Settings()
    here.change(resolver=zone(policy), authentication=settings, stages=stages(settings))


async def brought(
    here: Desk,
    octets: bytes,
    *,
    address: str = "192.0.2.1",
    size: int = 1 << 20,
    door: str = "smtp",
) -> Reply:
    one = here.open(door, address=address, trusted=True)
    await one.greet("mx.a.test", esmtp=True)
    await one.verb()
    (answer,) = await send(
        one, "bob@local.test", octets=octets, sender="ann@a.test", cut=Blocks(size)
    )
    await one.close()
    return answer


async def on_top(here: Desk) -> list[bytes]:
    """The unfolded Authentication-Results of bob's newest letter."""
    head, _ = headers.split((await here.inbox(here.bob))[-1])
    return headers.values(head, b"authentication-results")


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("size", [1 << 20, 4_001])
def test_a_genuine_letter(database: Opener, data: Path, octets: bytes, size: int) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            answer = await brought(here, signed(octets), size=size)
            assert said(answer) == "250 2.0.0"
            (field,) = await on_top(here)
            assert field.startswith(
                b"mx.local.test;\tiprev=pass (mx.a.test) policy.iprev=192.0.2.1;\t"
                b"spf=pass (ip4:192.0.2.1) smtp.mailfrom=ann@a.test;\t"
                b"spf=pass (a) smtp.helo=mx.a.test;\tdkim=pass (2048 bits) header.d=a.test"
            )
            assert b"dmarc=pass" in field
            assert "iprev=pass (mx.a.test) policy.iprev=192.0.2.1" in answer.reasons
            (letter,) = await here.inbox(here.bob)
            assert letter.endswith(signed(octets)[-len(octets) :])
            received = headers.value(letter, b"received") or b""
            assert received.startswith(b"from mx.a.test (mx.a.test [192.0.2.1])")

    asyncio.run(run())


def test_what_was_found_is_in_the_story(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here, policy="none")
            await brought(here, LETTER, address=FORGER)
            row = await here.db.read(lambda tx: tx.one("SELECT id FROM ledger"))
            assert row is not None
            story = await here.db.read(lambda tx: trace.by_id(tx, row[0]))
            assert story is not None
            (fact,) = [fact for fact in story.facts if fact.kind == "checked"]
            assert "spf=fail" in fact.detail
            assert "dmarc=fail (p=none of a.test)" in fact.detail

    asyncio.run(run())


async def only_rejects(here: Desk, count: int) -> None:
    """What was refused is kept to be looked at, and nothing else is there."""
    counts = await here.counts()
    counts.pop("blob_frame", None)
    assert counts == {"blob": count, "reject": count}


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
def test_a_forged_letter(database: Opener, data: Path, events: Recorder, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            answer = await brought(here, octets, address=FORGER)
            assert said(answer) == "550 5.7.1"
            assert any(one.startswith("dmarc=fail") for one in answer.reasons)
            await only_rejects(here, 1)
            (event,) = events.of(MessageRefused)
            assert "a.test" in event.reason
            assert event.message_id == "1@a.test"
            assert said(await brought(here, LETTER)) == "250 2.0.0"  # and the next is taken

    asyncio.run(run())


def test_a_signature_of_a_part_does_not_count(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            answer = await brought(here, signed() + b"and more\r\n", address=FORGER)
            assert said(answer) == "550 5.7.1"

    asyncio.run(run())


def test_dns_trouble_is_no_refusal_for_good(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            names = zone()
            names.failing = {"a.test"}
            here.change(resolver=names)
            answer = await brought(here, LETTER, address=FORGER)
            assert said(answer) == "451 4.4.3"
            await nothing_left(here)
            names.failing = {"_dmarc.a.test", "a.test"}  # nobody can tell what is asked for
            assert said(await brought(here, LETTER, address=FORGER)) == "250 2.0.0"
            (field,) = await on_top(here)
            assert b"dmarc=temperror" in field

    asyncio.run(run())


@pytest.mark.parametrize(
    "forged",
    [
        b"Authentication-Results: mx.local.test; dmarc=pass header.from=a.test\r\n",
        b"authentication-RESULTS : MX.Local.Test; spf=pass\r\n",
        b"Authentication-Results:\r\n\t(hi \\) ;) mx.local.test (x) 1; spf=pass\r\n",
        b'Authentication-Results: "mx.local.test" 1 ; spf=pass\r\n',
        b'Authentication-Results: "mx\\.local.test"; spf=pass\r\n',
        b"Authentication-Results: mx.local.test\r\n ; spf=pass\r\n",
        b"Authentication-Results: mx.local.test. ; spf=pass\r\n",
        b"Authentication-Results: mx.local.test\r\n",
        b"AUTHENTICATION-RESULTS:mx.local.test;none\r\n",
    ],
)
def test_forged_results_are_removed(database: Opener, data: Path, forged: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here, policy="none")
            foreign = b"Authentication-Results: mx.local.test.example; spf=pass\r\n"
            first, rest = LETTER.split(b"Message-ID", 1)
            middle = forged + first + forged + foreign + b"Message-ID" + rest
            octets = middle.replace(b"\r\n\r\n", b"\r\n" + forged + b"\r\n", 1)
            answer = await brought(here, octets, address=FORGER)
            assert said(answer) == "250 2.0.0"
            ours, other = await on_top(here)
            assert b"spf=fail" in ours
            assert ours.startswith(b"mx.local.test;")
            assert other.startswith(b"mx.local.test.example;")

    asyncio.run(run())


def test_hostile_names_stay_in_their_field(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here, policy="none")
            one = here.open(address=FORGER)
            await one.greet('a.test"; dmarc=pass\r\nX: y (', esmtp=True)
            (answer,) = await send(one, "bob@local.test", octets=LETTER, sender="ann@a.test")
            assert said(answer) == "250 2.0.0"
            head, _ = headers.split((await here.inbox(here.bob))[0])
            assert headers.values(head, b"x") == []
            (field,) = await on_top(here)
            assert b'smtp.helo="a.test\\"; dmarc=pass??X: y ("' in field

    asyncio.run(run())


def test_a_letter_without_one_author(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            for octets in (
                b"From: boss@bank.test\r\n" + LETTER,
                LETTER.replace(b"From:", b"Sender:"),
                LETTER.replace(b"Ann <ann@a.test>", b"group: a@a.test, b@b.test;"),
            ):
                assert said(await brought(here, octets)) == "550 5.7.1"
            await only_rejects(here, 3)
            nobody = LETTER.replace(b"From: Ann <ann@a.test>\r\n", b"")
            assert said(await brought(here, nobody)) == "250 2.0.0"
            (field,) = await on_top(here)
            assert b"dmarc=permerror" in field

    asyncio.run(run())


def test_who_is_no_stranger(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            recording = Recording(
                Verdict(stage="x", action="refuse", reply=reply(550, "5.7.1", ""))
            )
            here.change(stages=(recording,))
            for one in (
                here.open(address=FORGER, checks=False),
                here.open(address=FORGER, relay=True),
            ):
                (answer,) = await send(one, "bob@local.test", octets=LETTER)
                assert said(answer) == "250 2.0.0"
                assert await on_top(here) == []
            bob = await here.logged_in(here.bob)
            octets = LETTER.replace(b"ann@a.test", b"bob@local.test")
            (answer,) = await send(bob, "bob@local.test", octets=octets, sender="bob@local.test")
            assert said(answer) == "250 2.0.0"
            assert not recording.facts
            one = here.open(address="127.0.0.1")
            (answer,) = await send(one, "bob@local.test", octets=LETTER)
            assert said(answer) == "550 5.7.1"

    asyncio.run(run())


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
def test_what_a_stage_is_shown(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            recording = Recording(
                Verdict(stage="x", action="junk", reason="odd", fields=(b"X-Spam: yes\r\n",))
            )
            here.change(stages=(recording,))
            answer = await brought(here, octets, size=50_000)
            assert "x: odd" in answer.reasons
            (facts,) = recording.facts
            head, body = headers.split(octets)
            assert (facts.head, facts.size) == (head, len(octets))
            assert body.startswith(facts.sample)
            assert facts.is_whole is (len(octets) < 65_536)
            assert len(facts.sample) >= min(len(body), 60_000)
            assert (facts.sender, facts.recipients) == ("ann@a.test", ("bob@local.test",))
            assert facts.accounts == (here.bob.id,)
            assert (facts.address, facts.helo) == ("192.0.2.1", "mx.a.test")
            assert facts.part.end == len(octets)
            (letter,) = await here.inbox(here.bob, "Junk")
            assert headers.values(headers.split(letter)[0], b"x-spam") == [b"yes"]
            assert headers.values(headers.split(letter)[0], b"authentication-results") == []

    asyncio.run(run())


def test_a_stage_that_fails_costs_an_opinion(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            here.change(stages=(Broken(), Recording(Verdict(stage="x", reason="fine"))))
            answer = await brought(here, LETTER)
            assert said(answer) == "250 2.0.0"
            assert "x: fine" in answer.reasons
            (event,) = events.of(SessionFailed)
            assert "ZeroDivisionError" in event.traceback

    asyncio.run(run())


def test_a_database_that_is_away_is_no_fault_of_a_stage(
    database: Opener, data: Path, events: Recorder
) -> None:
    class Away:
        async def judge(self, facts: Facts) -> Verdict:
            raise StorageFailed(detail=f"no connection for {facts.sender}")

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(stages=(Away(),))
            assert said(await brought(here, LETTER)) == "250 2.0.0"
            assert events.of(SessionFailed) == []
            (event,) = events.of(StorageTrouble)
            assert (event.where, event.reason) == ("checks", "no connection for ann@a.test")

    asyncio.run(run())


def test_to_come_again_goes_before_a_refusal(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            again = Verdict(
                stage="y", action="defer", reason="busy", reply=reply(451, "4.3.0", "b")
            )
            checking(here)
            here.change(stages=(*here.services.stages, Recording(again)))
            assert said(await brought(here, LETTER, address=FORGER)) == "451 4.3.0"

    asyncio.run(run())


def test_over_lmtp_only_signatures_are_checked(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            answer = await brought(here, signed(LETTER), address=FORGER, door="lmtp")
            assert said(answer) == "250 2.0.0"
            (field,) = await on_top(here)
            assert field.count(b"dkim=pass") == 2
            assert b"spf" not in field
            assert b"dmarc" not in field

    asyncio.run(run())


def test_a_trusted_list(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            octets = sealed(LETTER, 1, results=b"dmarc=pass header.from=a.test")
            checking(here)
            assert said(await brought(here, octets, address=FORGER)) == "550 5.7.1"
            checking(here, Settings(trusted_sealers=("s1.test",)))
            assert said(await brought(here, octets, address=FORGER)) == "250 2.0.0"

    asyncio.run(run())


def test_a_transaction_that_is_given_up_asks_no_more(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            names = zone()
            names.held = asyncio.Event()
            here.change(resolver=names)
            one = here.open()
            await one.greet("mx.a.test", esmtp=True)
            assert said(await one.mail(mail("ann@a.test"))) == "250 2.1.0"
            assert said(await one.rcpt(rcpt("bob@local.test"))) == "250 2.1.5"
            await asyncio.sleep(0)
            assert names.asked
            one.reset()
            await one.close()
            await asyncio.sleep(0)
            names.held.set()
            count = len(names.asked)
            await asyncio.sleep(0)
            assert len(names.asked) == count

    asyncio.run(run())


def test_nothing_is_asked_for_recipients_that_are_not_here(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data, Limits()) as here:
            checking(here)
            names = zone()
            here.change(resolver=names)
            one = here.open()
            await one.greet("mx.a.test", esmtp=True)
            await one.mail(mail("ann@a.test"))
            assert (await one.rcpt(rcpt("nobody@local.test"))).code == 550
            await asyncio.sleep(0)
            assert names.asked == []

    asyncio.run(run())


def test_settings_switch_it_off(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here, msgspec.structs.replace(Settings(), verify=False))
            two = b"From: boss@bank.test\r\n" + LETTER
            assert said(await brought(here, two, address=FORGER)) == "250 2.0.0"
            assert await on_top(here) == []

    asyncio.run(run())
