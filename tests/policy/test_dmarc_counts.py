"""What is counted for reports, of messages that came in every way."""

import asyncio
from typing import Final

import msgspec

from postroom.ledger import dmarc_results, tally
from postroom.ledger.dmarc_results import DAY_MS, Day
from postroom.mailauth.feedback import Record, Spf
from postroom.policy.dmarc_counts import DmarcCounts
from postroom.policy.verdict import Action
from tests.conftest import Opener
from tests.fakes import START, Clock
from tests.mailauth.test_arc import sealed
from tests.policy.test_origin import CLIENT, LETTER, STRANGER, found, signed, zone

TODAY: Final = START // DAY_MS
ASKING: Final = "reject; rua=mailto:d@a.test"


async def counted(
    database: Opener,
    letter: bytes = LETTER,
    *,
    policy: str = ASKING,
    action: Action = "pass",
    trusted: tuple[str, ...] = (),
    genuine: bool = False,
) -> tuple[Record, ...]:
    async with database() as db:
        counts = DmarcCounts(db, Clock())
        client = CLIENT if genuine else STRANGER
        counts.count(await found(letter, client, zone(policy), trusted), action)
        await counts.flush()
        told = await db.read(lambda tx: dmarc_results.of(tx, Day(TODAY, "a.test"), 10))
        return () if told is None else told[1]


def test_a_genuine_message(database: Opener) -> None:
    (record,) = asyncio.run(counted(database, signed(), genuine=True))
    row = record.row
    assert (row.source, row.disposition, row.dkim, row.spf) == ("192.0.2.1", "pass", "pass", "pass")
    assert (row.header_from, row.envelope_from, row.reason) == ("a.test", "a.test", "")
    assert [(one.domain, one.selector, one.result) for one in row.signatures] == [
        ("a.test", "r1", "pass"),
        ("a.test", "e1", "pass"),
    ]
    assert row.senders == (Spf(domain="a.test", result="pass"),)


def test_a_forged_message(database: Opener) -> None:
    (record,) = asyncio.run(counted(database, action="refuse"))
    row = record.row
    assert (row.disposition, row.dkim, row.spf, row.reason) == ("reject", "fail", "fail", "")
    assert row.senders == (Spf(domain="a.test", result="fail"),)


def test_why_a_policy_was_not_followed(database: Opener) -> None:
    (record,) = asyncio.run(counted(database, action="junk"))
    assert (record.row.disposition, record.row.reason) == ("quarantine", "local_policy")
    (record,) = asyncio.run(counted(database, policy=ASKING.replace(";", "; t=y;"), action="junk"))
    assert (record.row.disposition, record.row.reason) == ("quarantine", "policy_test_mode")
    letter = sealed(LETTER, 1, results=b"dmarc=pass header.from=a.test")
    (record,) = asyncio.run(counted(database, letter, trusted=("s1.test",)))
    assert (record.row.disposition, record.row.reason) == ("none", "trusted_forwarder")


def test_what_nobody_asks_for_is_not_counted(database: Opener) -> None:
    assert asyncio.run(counted(database, policy="reject")) == ()
    assert asyncio.run(counted(database, LETTER.replace(b"@a.test", b"@b.test"))) == ()
    assert asyncio.run(counted(database, b"Subject: x\r\n\r\n")) == ()
    assert asyncio.run(counted(database, action="defer")) == ()


def test_alike_messages_are_one_row(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            counts = DmarcCounts(db, Clock())
            findings = await found(LETTER, STRANGER, zone(ASKING))
            for _ in range(5):
                counts.count(findings, "refuse")
            other = msgspec.structs.replace(findings.client, address="203.0.113.8")
            counts.count(msgspec.structs.replace(findings, client=other), "refuse")
            await counts.flush()
            counts.count(findings, "refuse")
            await counts.flush()
            await counts.flush()
            told = await db.read(lambda tx: dmarc_results.of(tx, Day(TODAY, "a.test"), 10))
            assert told is not None
            assert [record.count for record in told[1]] == [6, 1]

    asyncio.run(run())


def test_what_strangers_make_up_is_bounded(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            counts = DmarcCounts(db, Clock())
            findings = await found(LETTER, STRANGER, zone(ASKING))
            for number in range(tally.MOST_KINDS + 10):
                sender = f"x@n{number}.test"
                client = msgspec.structs.replace(findings.client, sender=sender)
                counts.count(msgspec.structs.replace(findings, client=client), "refuse")
            await counts.flush()
            row = await db.read(lambda tx: tx.one("SELECT count(*) FROM dmarc_result"))
            assert row == (tally.MOST_KINDS,)

    asyncio.run(run())
