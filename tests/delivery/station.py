"""Delivery over a fresh database: a real directory, DNS zone and server on loopback.

``home.test`` is ours, with alice (an admin, so postmaster) and bob. ``b.test`` and ``c.test``
have their mail at ``mx.b.test`` and ``mx.c.test``, which are the one ``sink``; see ``zone``.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from postroom.address import Address, Domain
from postroom.blobs.store import BlobStore, Prepared
from postroom.config.delivery import Delivery
from postroom.config.model import Config
from postroom.db.database import Database, Tx
from postroom.delivery.clerk import Clerk
from postroom.delivery.dispatcher import Dispatcher
from postroom.delivery.endings import Endings
from postroom.delivery.finisher import Finisher
from postroom.delivery.outbound import Shared, services_of
from postroom.delivery.services import Services
from postroom.delivery.tls_counts import TlsCounts
from postroom.delivery.wire import Limits
from postroom.delivery.workbench import Workbench
from postroom.directory import tls_rules
from postroom.directory.accounts import Account
from postroom.directory.relays import RelayEntry, Use
from postroom.directory.tls_rules import Mode, TlsRule
from postroom.ledger.rows import Entry
from postroom.message import headers
from postroom.net.dns import Resolver
from postroom.notify import Notify
from postroom.post.commit import Post
from postroom.post.journal import addressed
from postroom.post.letter import Letter
from postroom.queue.rows import Outgoing, Queued
from rig.dns import DnsServer
from rig.smtp import SmtpServer
from tests.conftest import Opener, _sqlite
from tests.directory.town import Town
from tests.fakes import Clock
from tests.post.office import row_counts

ALICE: Final = "alice@home.test"
BOB: Final = "bob@home.test"
OCTETS: Final = (
    b"From: Alice <alice@home.test>\r\nTo: you@b.test\r\nSubject: Hello\r\n"
    b"Message-ID: <1@home.test>\r\nDate: Mon, 21 Sep 2026 14:13:20 +0000\r\n\r\n"
    b"Hi.\r\n.\r\n..and dots.\r\n"
)
PATIENT: Final = Limits(mail=60, data=60, end=60, otherwise=60, block=60, handshake=60)
HOUR: Final = 3_600_000

Change = Callable[[Services], Services]
Settings = Mapping[str, object]


@dataclasses.dataclass
class Waiting:
    """A row of the queue."""

    recipient: str
    status: int
    attempts: int
    next_attempt: int
    reply: str


class Station:
    """Everything; ``restart`` makes another life of delivery on the same database."""

    def __init__(self, db: Database, data: Path, dns: DnsServer, sink: SmtpServer) -> None:
        self.db = db
        self.data = data
        self.dns = dns
        self.sink = sink
        self.town = Town(db, data)
        self.clock: Clock = self.town.clock
        self.ids = self.town.ids
        self.steady = 0
        self.blobs = BlobStore(data, db.engine, self.ids)
        self.notify = Notify()
        self.post = Post(db, self.blobs, self.notify, self.clock)
        self.resolver = Resolver([dns.address])
        self.alice: Account
        self.bob: Account
        self.services: Services
        self.dispatcher: Dispatcher
        self.counts: TlsCounts

    async def settle(self) -> None:
        await self.town.domain("home.test")
        self.alice = await self.town.account(ALICE, is_admin=True)
        self.bob = await self.town.account(BOB)

    def config(self, delivery: Settings) -> Config:
        fields: dict[str, object] = {
            "port": self.sink.port,
            "allow_private": ("127.0.0.0/8",),
            **delivery,
        }
        return Config(
            hostname="mx.home.test",
            data=str(self.data),
            delivery=Delivery(**fields),  # type: ignore[arg-type]
        )

    def start(
        self,
        delivery: Settings,
        change: Change = lambda services: services,
        limits: Limits = PATIENT,
    ) -> None:
        """Delivery as the composition root makes it, but for chance and steady time."""
        self.counts = TlsCounts(self.db, self.clock)
        bench = Workbench(self.data / "workbench")
        self.shared = Shared(
            db=self.db,
            blobs=self.blobs,
            directory=self.town.directory,
            post=self.post,
            ids=self.ids,
            notify=self.notify,
            resolver=self.resolver,
            addressed=partial(addressed, self, self.town.directory),
            clock=self.clock,
        )
        services = services_of(
            self.config(delivery),
            self.shared,
            self.counts,
            bench,
            Finisher(self.db, self.blobs, self.clock).finish,
            chance=lambda: 0.5,
            limits=limits,
        )
        self.services = change(services)
        self.clerk = Clerk(
            self.services, Endings(self.services), self.ids, steady=lambda: self.steady
        )
        self.dispatcher = Dispatcher(
            self.services,
            self.ids,
            self.notify,
            clerk=self.clerk,
            counts=self.counts,
            bench=bench,
            pause=0.01,
        )
        self.dispatcher.steady = lambda: self.steady

    async def restart(self, **delivery: object) -> None:
        await self.dispatcher.stop(5)
        self.start(delivery)

    async def close(self) -> None:
        await self.dispatcher.stop(5)
        await self.resolver.close()
        self.notify.close()
        self.town.directory.close()

    def advance(self, milliseconds: int = 0, *, seconds: int = 0, hours: float = 0) -> None:
        """Both clocks."""
        some = milliseconds + 1000 * seconds + round(hours * HOUR)
        self.clock.advance(some)
        self.steady += some

    async def run(self) -> None:
        """Deliver what is due, and look for what has waited long."""
        await self.dispatcher.drain()
        await self.clerk.sweep()

    async def until_quiet(self, hours: float = 1) -> None:
        """Run, and go on to each next moment within some time in which something is due."""
        end = self.clock() + round(hours * HOUR)
        while True:
            await self.run()
            due = await self.next_due()
            if due is None or due > end:
                return
            self.advance(max(1, due - self.clock()))

    async def next_due(self) -> int | None:
        rows = await self.db.read(
            lambda tx: tx.all(
                "SELECT CASE WHEN d.paused_until > w.next_attempt THEN d.paused_until"
                " ELSE w.next_attempt END FROM delivery w JOIN destination d"
                " ON d.name = w.destination WHERE w.status = 0"
            )
        )
        return min([int(row[0]) for row in rows], default=None)

    async def send(
        self,
        *recipients: str,
        sender: str = ALICE,
        octets: bytes = OCTETS,
        notify: str | None = None,
        orcpt: str | None = None,
        blob: Prepared | None = None,
        patient: bool = False,
        **queued: object,
    ) -> int:
        """Commit a message to these recipients; its id."""
        if blob is None:
            head, body = headers.split(octets)
            writer = self.blobs.writer()
            await writer.write(body)
            blob = await writer.finish(head)
        ident, now = self.ids.next(), self.clock()
        size = blob.head_size + blob.body_size
        letter = Queued(
            **{
                "id": ident,
                "blob_id": blob.id,
                "sender": sender.encode(),
                "size": size,
                "accepted": now,
                "account_id": self.alice.id if sender == ALICE else None,
                **queued,
            }  # type: ignore[arg-type]
        )
        outgoing = [
            Outgoing(
                ident,
                number,
                one.encode(),
                Address.parse(one).domain.ascii,
                orcpt=None if orcpt is None else orcpt.encode(),
                notify=notify,
                patient=patient,
            )
            for number, one in enumerate(recipients)
        ]
        entry = Entry(ident, now, "smtp", "192.0.2.1", "mx", sender, "1@home.test", "Hello", size)
        await self.post.commit(
            Letter(blob=blob, queued=letter, outgoing=tuple(outgoing), entry=entry)
        )
        return ident

    async def inbox(self, account: Account) -> list[bytes]:
        """Every letter in the INBOX, in order."""
        rows = await self.db.read(
            lambda tx: tx.all(
                "SELECT m.prefix, m.blob_id FROM entry e JOIN message m"
                " ON m.account_id = e.account_id AND m.id = e.message_id"
                " WHERE e.mailbox_id = :id ORDER BY e.uid",
                id=account.id,
            )
        )
        return [
            bytes(prefix) + b"".join([one async for one in self.blobs.stream(self.db, blob_id)])
            for prefix, blob_id in rows
        ]

    async def waiting(self) -> list[Waiting]:
        rows = await self.db.read(
            lambda tx: tx.all(
                "SELECT recipient, status, attempts, next_attempt, last_reply FROM delivery"
                " ORDER BY queued_id, number"
            )
        )
        return [
            Waiting(bytes(who).decode(), status, attempts, due, reply or "")
            for who, status, attempts, due, reply in rows
        ]

    async def facts(self, ident: int) -> list[tuple[str, str, str]]:
        """(kind, recipient, detail) that the ledger tells of a message, in order."""
        rows = await self.db.read(
            lambda tx: tx.all(
                "SELECT kind, recipient, detail FROM ledger_event WHERE ledger_id = :id"
                " ORDER BY number",
                id=ident,
            )
        )
        return [(kind, recipient, detail or "") for kind, recipient, detail in rows]

    async def counted(self) -> dict[str, int]:
        return {name: n for name, n in (await self.db.read(row_counts)).items() if n}

    async def unused_blobs(self) -> int:
        row = await self.db.read(lambda tx: tx.one("SELECT count(*) FROM blob WHERE refs = 0"))
        return int(row[0]) if row else 0

    async def leases(self) -> int:
        row = await self.db.read(lambda tx: tx.one("SELECT count(*) FROM lease"))
        return int(row[0]) if row else 0

    async def destination(self, name: str) -> tuple[int, int, int, int]:
        """(cap, failures, seconds of pause, waiting)."""
        row = await self.db.read(
            lambda tx: tx.one(
                "SELECT cap, failures, paused_until, waiting FROM destination WHERE name = :name",
                name=name,
            )
        )
        assert row is not None
        return row[0], row[1], max(0, row[2] - self.clock()) // 1000, row[3]

    async def rule(self, domain: str, mode: Mode) -> None:
        def write(tx: Tx) -> None:
            tls_rules.put(tx, TlsRule(Domain.parse(domain).ascii, mode, self.clock()))

        await self.town.directory.change(write)
        self.town.directory.tls_rules.hint()

    async def relay(self, *uses: Use, password: str = "", **fields: object) -> RelayEntry:
        return await self.town.relay(
            str(fields.pop("name", "out")),
            *(uses or (Use("default"),)),
            password=password,
            **{"host": "127.0.0.1", "port": self.sink.port, "tls": "none", "verify": False}
            | fields,
        )


def alone(folder: Path) -> Opener:
    """SQLite, where the engine does not matter."""
    return lambda: _sqlite(folder / "database")


def zone() -> dict[tuple[str, str], list[str]]:
    """d.test has two servers: mx1, on 127.0.0.2, before mx2, the sink; dead.test has none."""
    return {
        ("b.test", "MX"): ["10 mx.b.test."],
        ("mx.b.test", "A"): ["127.0.0.1"],
        ("b2.test", "MX"): ["10 mx.b.test."],
        ("c.test", "MX"): ["10 mx.c.test."],
        ("mx.c.test", "A"): ["127.0.0.1"],
        ("d.test", "MX"): ["10 mx1.d.test.", "20 mx2.d.test."],
        ("mx1.d.test", "A"): ["127.0.0.2"],
        ("mx2.d.test", "A"): ["127.0.0.1"],
        ("dead.test", "MX"): ["10 mx.dead.test."],
        ("mx.dead.test", "A"): ["127.0.0.9"],
    }


@contextlib.asynccontextmanager
async def station(
    database: Opener, data: Path, *, change: Change = lambda services: services, **delivery: object
) -> AsyncIterator[Station]:
    async with DnsServer(zone()) as dns, SmtpServer() as sink, database() as db:
        one = Station(db, data, dns, sink)
        await one.settle()
        one.start(delivery, change)
        try:
            async with asyncio.timeout(60):
                yield one
        finally:
            await one.close()


def nothing_was_said(here: Station) -> bool:
    """Not one octet of an envelope or a message."""
    verbs = {line.split(" ")[0] for line in here.sink.lines}
    return here.sink.received == [] and verbs <= {"EHLO", "STARTTLS", "QUIT"}


def notice_of(octets: bytes) -> tuple[str, str]:
    """(subject, action) of a notice."""
    text = octets.decode()
    subject = text.partition("\r\nSubject: ")[2].partition("\r\n")[0]
    return subject, text.partition("\r\nAction: ")[2].partition("\r\n")[0]
