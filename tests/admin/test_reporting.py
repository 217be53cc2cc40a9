"""Our reports: to whom they go, what they say, and that they go once."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from postroom.admin import domains, reporting
from postroom.admin.office import Office
from postroom.config.reports import Reports
from postroom.ledger import dmarc_results, tls_results
from postroom.ledger.dmarc_results import DAY_MS, Result
from postroom.mailauth import feedback_read, tlsrpt, tlsrpt_read
from postroom.mailauth.feedback import Published
from postroom.message import enclosed, headers
from postroom.policy.dmarc_counts import DmarcCounts
from postroom.post.commit import Post
from tests.admin.bureau import Story, hinting
from tests.directory.keys import quick
from tests.fakes import START, Clock
from tests.mailauth.test_feedback import ROW
from tests.policy.zone import Zone

Tell = Callable[[Story], None]
YESTERDAY: Final = START // DAY_MS - 1
TLS_RECORD: Final = (b"v=TLSRPTv1; rua=mailto:tls@a.test,https://a.test/report",)


def zone(rua: str = "mailto:d@a.test") -> Zone:
    records: dict[tuple[str, str], tuple[Any, ...]] = {
        ("_dmarc.a.test", "TXT"): (f"v=DMARC1; p=reject; rua={rua}".encode(),),
        ("_smtp._tls.a.test", "TXT"): TLS_RECORD,
    }
    return Zone(records)


async def counted(
    office: Office, *, day: int = YESTERDAY, dmarc: bool = True, tls: bool = False
) -> None:
    await domains.add(office, "demo.test", generate=quick)
    published = Published(domain="a.test", p="reject")
    if dmarc:
        one = Result(day, "a.test", published, ROW)
        await office.db.write(lambda tx: dmarc_results.add(tx, Counter({one: 4})))
    if tls:
        policy = tlsrpt.Policy(policy_type="no-policy-found", policy_domain="a.test")
        good = tls_results.result(day, policy, "mx.a.test")
        bad = tls_results.result(day, policy, "mx.a.test", "starttls-not-supported")
        await office.db.write(lambda tx: tls_results.add(tx, Counter({good: 3, bad: 1})))


def post(office: Office) -> Post:
    return Post(office.db, office.blobs, office.notify, office.clock)


async def queued(office: Office) -> list[tuple[str, bytes]]:
    """Recipient and octets of every message that waits."""
    rows = await office.db.read(
        lambda tx: tx.all(
            "SELECT d.recipient, q.blob_id FROM delivery d JOIN queued q ON q.id = d.queued_id"
            " ORDER BY q.id"
        )
    )
    found = []
    for recipient, blob in rows:
        pieces = [piece async for piece in office.blobs.stream(office.db, blob)]
        found.append((bytes(recipient).decode(), b"".join(pieces)))
    return found


async def recipients(office: Office, names: Zone) -> list[str]:
    await reporting.send_due(office, post(office), names, at_once=True)
    return [recipient for recipient, _ in await queued(office)]


def test_the_server_is_told_that_there_is_something_to_send(tell: Tell) -> None:
    async def story(opened: Office, _clock: Clock) -> None:
        await counted(opened)
        async with hinting(opened) as office:
            assert len(await reporting.send_due(office, post(office), zone(), at_once=True)) == 1

    tell(story)


def test_a_dmarc_report_goes_once(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await counted(office)
        (sent,) = await reporting.send_due(office, post(office), zone(), at_once=True)
        assert (sent.kind, sent.domain, sent.day) == ("dmarc", "a.test", "2026-09-20")
        assert await reporting.send_due(office, post(office), zone(), at_once=True) == []
        ((recipient, octets),) = await queued(office)
        assert recipient == "d@a.test"
        head, _ = headers.split(octets)
        assert headers.value(head, b"from") == b"postmaster@demo.test"
        subject = headers.value(head, b"subject") or b""
        assert subject.startswith(b"Report Domain: a.test Submitter: mx.demo.test Report-ID: <")
        assert b"mx.demo.test!a.test!1789862400!1789948799.xml.gz" in octets
        (document,) = enclosed.in_message(octets)
        report = feedback_read.read(document)
        assert (report.begins, report.ends) == (1_789_862_400, 1_789_948_799)
        assert report.ident.encode() in subject
        assert [(one.count, one.row) for one in report.records] == [(4, ROW)]

    tell(story)


def test_a_tls_report_goes_to_mailboxes(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await counted(office, dmarc=False, tls=True)
        (sent,) = await reporting.send_due(office, post(office), zone(), at_once=True)
        assert (sent.kind, sent.recipients) == ("tls", ("tls@a.test",))
        ((_, octets),) = await queued(office)
        head, _ = headers.split(octets)
        kind = headers.value(head, b"content-type") or b""
        assert kind.startswith(b'multipart/report; report-type="tlsrpt"; boundary=')
        assert headers.value(head, b"tls-report-domain") == b"a.test"
        assert headers.value(head, b"tls-report-submitter") == b"mx.demo.test"
        assert b"application/tlsrpt+gzip" in octets
        (document,) = enclosed.in_message(octets)
        (policy,) = tlsrpt_read.read(document).policies
        assert (policy.successes, policy.failures) == (3, 1)

    tell(story)


@pytest.mark.parametrize(
    ("rua", "wanted"),
    [
        ("mailto:d@sub.a.test", ["d@sub.a.test"]),
        ("mailto:d%2Breports@a.test?subject=x", ["d+reports@a.test"]),
        ("mailto:d@b.test", []),
        ("mailto:d@a.test,mailto:d@b.test", ["d@a.test"]),
        (
            "mailto:" + ",mailto:".join(f"d{n}@a.test" for n in range(9)),
            [f"d{n}@a.test" for n in range(5)],
        ),
    ],
)
def test_addresses_elsewhere_that_do_not_agree(tell: Tell, rua: str, wanted: list[str]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await counted(office)
        assert await recipients(office, zone(rua)) == wanted

    tell(story)


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (b"v=DMARC1;", ["d@b.test"]),
        (b"v = DMARC1; rua=mailto:other@b.test", ["other@b.test"]),
        (b"v=DMARC1; rua=mailto:victim@c.test", []),
        (b"v=spf1 -all", []),
    ],
)
def test_addresses_of_others_that_agree(tell: Tell, record: bytes, wanted: list[str]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await counted(office)
        names = zone("mailto:d@b.test")
        names.records["a.test._report._dmarc.b.test", "TXT"] = (record,)
        assert await recipients(office, names) == wanted

    tell(story)


def test_a_name_that_can_not_be_looked_up_is_tried_again(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await counted(office)
        names = zone()
        names.failing = {"_dmarc.a.test"}
        assert await recipients(office, names) == []
        names.failing = set()
        assert await recipients(office, names) == ["d@a.test"]

    tell(story)


def test_who_asks_for_none_gets_none(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await counted(office, tls=True)
        assert await recipients(office, Zone()) == []
        assert await recipients(office, zone()) == []  # that day is over with

    tell(story)


def test_days_that_are_not_over_or_long_gone(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await counted(office, day=YESTERDAY + 1, tls=True)
        published = Published(domain="a.test", p="reject")
        old = Result(YESTERDAY - 3, "a.test", published, ROW)
        await office.db.write(lambda tx: dmarc_results.add(tx, Counter({old: 4})))
        assert await recipients(office, zone()) == []

    tell(story)


def test_nothing_goes_before_our_hour(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await counted(office)
        clock.now = (YESTERDAY + 1) * DAY_MS
        assert await reporting.send_due(office, post(office), zone()) == []
        clock.advance(seconds=4 * 3600)
        assert len(await reporting.send_due(office, post(office), zone())) == 1

    tell(story)


def test_the_settings_name_who_reports(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await counted(office)
        settings = Reports(organization="Us", sender="dmarc@demo.test")
        config = msgspec.structs.replace(office.config, reports=settings)
        mine = dataclasses.replace(office, config=config)
        await reporting.send_due(mine, post(office), zone(), at_once=True)
        ((_, octets),) = await queued(office)
        assert headers.value(headers.split(octets)[0], b"from") == b"dmarc@demo.test"
        (document,) = enclosed.in_message(octets)
        report = feedback_read.read(document)
        assert (report.organization, report.contact) == ("Us", "dmarc@demo.test")

    tell(story)


def test_the_server_counts_and_sends(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await counted(office)
        rounds = 0

        async def sleep(seconds: float) -> None:
            nonlocal rounds
            assert seconds == reporting.MINUTE
            rounds += 1
            if rounds == 3:
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            counts = DmarcCounts(office.db, office.clock)
            await reporting.run(office, post(office), zone(), counts, sleep)
        assert len(await queued(office)) == 1

    tell(story)
