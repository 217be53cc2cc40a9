"""What comes back: believed when it returns the mark, and about nobody else."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.config.suppression import Suppression
from postroom.db.ids import from_text
from postroom.directory import suppressions
from postroom.intake import returns
from postroom.intake.collecting import Collector
from postroom.intake.returns import Returns, comes_from
from postroom.ledger import rows as ledger
from postroom.ledger.rows import Fact
from postroom.message.report_read import Failed
from postroom.policy.facts import Authentication
from postroom.telemetry.events import MessageBounced, RecipientSuppressed
from tests.conftest import Opener
from tests.delivery.station import alone
from tests.fakes import Recorder
from tests.intake.desk import BOBS, Desk, desk, said, send
from tests.intake.test_examine import checking
from tests.message.test_report_read import report

NOBODY = Authentication()
NO_USER = "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user"


class Post:
    """bob's program has sent a message to these, and their server has taken it."""

    def __init__(self, here: Desk) -> None:
        self.here = here
        directory = here.town.directory
        self.returns = Returns(here.db, here.ids, directory, here.clock, Suppression())
        self.ident = 0
        self.head = b""

    async def send(self, *recipients: str, door: str = "api") -> None:
        here = self.here
        one = await here.logged_in(here.bob, door)
        (answer,) = await send(one, *recipients, octets=BOBS, sender="bob@local.test")
        await one.close()
        self.ident = from_text(answer.lines[0].rpartition(" ")[2])
        self.head = (await here.queued())["prefix"] + BOBS
        told = "mx.taker.test: 250 2.0.0 Ok"
        facts = [
            Fact(self.ident, here.ids.next(), here.clock(), "delivered", one, detail=told)
            for one in recipients
        ]
        await here.db.write(lambda tx: ledger.note(tx, facts))

    def bounce(self, recipient: str, said: str = NO_USER, head: bytes | None = None) -> bytes:
        status = (
            f"Reporting-MTA: dns; mx.taker.test\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\n"
            f"Action: failed\r\n{said}\r\n"
        )
        whole = (self.head if head is None else head).decode()
        return report(
            "delivery-status", ("message/delivery-status", status), ("message/rfc822", whole)
        )

    def complaint(self, recipient: str = "") -> bytes:
        named = f"Original-Rcpt-To: {recipient}\r\n" if recipient else ""
        return report(
            "feedback-report",
            ("message/feedback-report", f"Feedback-Type: abuse\r\n{named}"),
            ("text/rfc822-headers", self.head.decode()),
        )

    async def take(self, octets: bytes, **proof: object) -> list[str]:
        """The list afterwards."""
        await self.returns.take(octets, msgspec.structs.replace(NOBODY, **proof))
        return await self.listed()

    async def listed(self) -> list[str]:
        rows = await self.here.db.read(lambda tx: suppressions.page(tx, self.here.bob.id, limit=10))
        return [f"{one.kind} {one.address}" for one in rows]

    async def story(self) -> list[tuple[str, str, str]]:
        rows = await self.here.db.read(
            lambda tx: tx.all(
                "SELECT kind, recipient, detail FROM ledger_event WHERE ledger_id = :id"
                " AND kind IN ('bounced', 'complained') ORDER BY number",
                id=self.ident,
            )
        )
        return [tuple(row) for row in rows]


def test_a_bounce_that_comes_later_counts_once(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            post = Post(here)
            await post.send("gone@far.test")
            assert (await here.town.directory.suppressing(here.bob.id)).entries == 0
            for _ in range(2):
                assert await post.take(post.bounce("Gone@far.test")) == ["bounce gone@far.test"]
            assert await post.story() == [
                ("bounced", "gone@far.test", "mx.taker.test: 550 5.1.1 No such user")
            ]
            # known at once: the next message there is refused
            assert (await here.town.directory.suppressing(here.bob.id)).entries == 1
            (bounced,) = events.of(MessageBounced)
            assert (bounced.host, bounced.failure) == ("mx.taker.test", "no-mailbox")
            (told,) = events.of(RecipientSuppressed)
            assert (told.account, told.recipient) == ("bob@local.test", "gone@far.test")

    asyncio.run(run())


def test_a_complaint_of_the_only_recipient_need_not_name_it(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            post = Post(here)
            await post.send("angry@far.test")
            assert await post.take(post.complaint("x*****@far.test")) == [
                "complaint angry@far.test"
            ]
            (told,) = events.of(RecipientSuppressed)
            assert told.kind == "complaint"
            assert [kind for kind, _, _ in await post.story()] == ["complained"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "said",
    [
        "Status: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 Mailbox full",
        "Status: 5.7.1\r\nDiagnostic-Code: smtp; 550 5.7.1 Spam",
        "Status: 5.0.0",
        "Status: 4.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user",
        "Status: 5.1.1\r\nDiagnostic-Code: smtp; 450 4.1.1 No such user",
    ],
)
def test_other_bounces_are_told_and_suppress_nobody(data: Path, tmp_path: Path, said: str) -> None:
    async def run() -> None:
        async with desk(alone(tmp_path), data) as here:
            post = Post(here)
            await post.send("x@far.test")
            assert await post.take(post.bounce("x@far.test", said)) == []
            assert [kind for kind, _, _ in await post.story()] == ["bounced"]

    asyncio.run(run())


def test_what_is_forged_counts_for_nothing(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(alone(tmp_path), data) as here:
            post = Post(here)
            await post.send("gone@far.test")
            real = post.head
            forged = {
                "no mark": BOBS,
                "another's": b"CFBL-Feedback-ID: " + b"0" * 13 + b"." + b"A" * 26 + b"\r\n" + BOBS,
                "noise": b"CFBL-Feedback-ID: \xc3\xbc.\xc3\xbc\r\n" + BOBS,
                "changed": real.replace(b".", b".A", 1),
            }
            for head in forged.values():
                assert await post.take(post.bounce("gone@far.test", head=head)) == []
            # who got the message speaks for nobody else
            assert await post.take(post.bounce("other@far.test")) == []
            assert await post.take(post.bounce("victim@elsewhere.test"), dkim=("far.test",)) == []
            assert await post.story() == []
            assert await post.take(b"no report") == []

    asyncio.run(run())


def test_of_several_recipients_none_speaks_for_another(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(alone(tmp_path), data) as here:
            post = Post(here)
            await post.send("a@far.test", "b@elsewhere.test", "c@third.test")
            mail = post.bounce("a@far.test")
            assert await post.take(mail) == []
            assert await post.take(mail, dkim=("elsewhere.test", "test", "evil-far.test")) == []
            assert await post.take(mail, spf="fail", spf_domain="far.test") == []
            assert await post.take(mail, dkim=("FAR.test",)) == ["bounce a@far.test"]
            assert await post.take(post.bounce("b@elsewhere.test"), name="mx.taker.test.") == [
                "bounce a@far.test", "bounce b@elsewhere.test",
            ]  # fmt: skip
            assert await post.take(post.complaint(), dkim=("third.test",)) != []
            assert len(await post.story()) == 2  # of nobody in particular
            found = await post.take(post.complaint("c@third.test"), dkim=("third.test",))
            assert found[-1] == "complaint c@third.test"

    asyncio.run(run())


@pytest.mark.parametrize("ended", ["delivered", "entry"])
def test_what_was_not_delivered_or_is_forgotten_does_not_come_back(
    data: Path, tmp_path: Path, ended: str
) -> None:
    async def run() -> None:
        async with desk(alone(tmp_path), data) as here:
            post = Post(here)
            await post.send("gone@far.test")
            statement = {
                "delivered": "DELETE FROM ledger_event WHERE kind = 'delivered'",
                "entry": "DELETE FROM ledger",
            }[ended]
            await here.db.write(lambda tx: tx.execute(statement))
            assert await post.take(post.bounce("gone@far.test")) == []

    asyncio.run(run())


def test_mail_of_people_carries_no_mark_and_fills_no_list(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(alone(tmp_path), data) as here:
            post = Post(here)
            await post.send("gone@far.test", door="submission")
            assert await post.take(post.bounce("gone@far.test")) == []
            assert await post.story() == []

    asyncio.run(run())


def test_it_comes_by_mail(database: Opener, data: Path) -> None:
    """A report is a message like any other, and read once it is filed."""

    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            post = Post(here)
            directory = here.town.directory
            collector = Collector(here.db, here.blobs, here.ids, directory, post.returns)
            here.change(collector=collector)
            await post.send("gone@far.test")
            one = here.open("smtp", address="192.0.2.1")
            await one.greet("mx.a.test", esmtp=True)
            mail = post.bounce("gone@far.test")
            (answer,) = await send(one, "bob@local.test", octets=mail, sender="")
            assert said(answer) == "250 2.0.0"
            await one.close()
            await collector.close()
            assert await post.listed() == ["bounce gone@far.test"]
            assert len(await here.inbox(here.bob)) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("proof", "is_good"),
    [
        ({"dkim": ("far.test",)}, True),
        ({"dkim": ("mail.far.test",)}, True),
        ({"name": "mx.far.test."}, True),
        ({"spf": "pass", "spf_domain": "mx.far.test"}, True),
        ({"spf": "none", "spf_domain": "mx.far.test"}, False),
        ({"dkim": ("test",)}, False),
        ({"dkim": ("notfar.test",)}, False),
        ({}, False),
    ],
)
def test_where_a_report_comes_from(proof: dict[str, object], is_good: bool) -> None:
    assert comes_from(msgspec.structs.replace(NOBODY, **proof), "far.test", "") is is_good


def test_when_nobody_should_write_there_again() -> None:
    assert returns.is_final(Failed("x", "", "5.1.1", ""))
    assert returns.is_final(Failed("x", "", "5.0.0", "550 No such user"))
    assert not returns.is_final(Failed("x", "", "4.1.1", ""))
