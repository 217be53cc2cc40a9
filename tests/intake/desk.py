"""An intake over a fresh database: two accounts, aliases, and a sender of letters."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from postroom.address import Address
from postroom.blobs.disk import Disk
from postroom.blobs.store import BlobStore
from postroom.config.model import Limits
from postroom.db.database import Database
from postroom.db.ids import Ids, from_text
from postroom.directory.accounts import Account
from postroom.directory.login import Identity
from postroom.directory.sending import Sending
from postroom.intake.conversation import Conversation
from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from postroom.intake.services import Services
from postroom.ledger import trace
from postroom.notify import Notify
from postroom.post.commit import Post
from postroom.post.notice import Budget
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.replies import Reply
from postroom.store.store import Store
from tests.conftest import Opener
from tests.directory.town import Town
from tests.fakes import Clock
from tests.post.office import bytes_of, row_counts

LETTER: Final = (
    b"From: Ann <ann@client.example>\r\nTo: bob@local.test\r\nSubject: Hello\r\n"
    b"Message-ID: <1@client.example>\r\nDate: Mon, 21 Sep 2026 14:13:20 +0000\r\n\r\nHi.\r\n"
)


BOBS: Final = LETTER.replace(b"Ann <ann@client.example>", b"Bob <bob@local.test>")
"""The same, written by bob."""

LARGE: Final = LETTER + b"".join(
    bytes_of(number, 45).hex().encode() + b"\r\n" for number in range(3000)
)


class Desk:
    """``local.test`` with alice, an admin, and bob."""

    def __init__(self, db: Database, data: Path, limits: Limits) -> None:
        self.db = db
        self.data = data
        self.clock = Clock()
        self.town = Town(db, data)
        self.ids = Ids(self.clock, node=1)  # the town is node 0
        self.blobs = BlobStore(data, db.engine, self.ids)
        self.notify = Notify()
        directory = self.town.directory
        self.store = Store(db, self.blobs, self.ids, self.clock, self.notify, directory.quota_of)
        self.post = Post(db, self.blobs, self.notify, self.clock)
        self.sending = Sending(db, self.clock, limits.sends_per_day)
        self.services = Services(
            hostname="mx.local.test",
            limits=limits,
            directory=directory,
            store=self.store,
            blobs=self.blobs,
            post=self.post,
            ids=self.ids,
            clock=self.clock,
            disk=Disk(data, 0, self.clock),
            sending=self.sending,
            budget=Budget(self.clock, 100),
            kept=Budget(self.clock, 100),
        )
        self.alice: Account
        self.bob: Account

    async def settle(self) -> None:
        await self.town.domain("local.test")
        self.alice = await self.town.account("alice@local.test", name="Alice A", is_admin=True)
        self.bob = await self.town.account("bob@local.test", name="Bob")

    def open(self, door: str = "smtp", **peer: object) -> Conversation:
        fields: dict[str, object] = {"session": "s1", "address": "192.0.2.1", "port": 4000}
        who = Peer(door=door, **{**fields, **peer})  # type: ignore[arg-type]
        return Intake(self.services).open(who)

    async def logged_in(self, account: Account, door: str = "submission") -> Conversation:
        one = self.open(door, tls="TLSv1.3")
        await one.greet("laptop", esmtp=True)
        await one.authenticated(
            Identity(account.id, str(account.address), account.name, account.is_admin, 1),
            "SCRAM-SHA-256",
        )
        return one

    def change(self, **changes: object) -> None:
        """Other services from here on."""
        self.services = dataclasses.replace(self.services, **changes)  # type: ignore[arg-type]

    async def counts(self) -> dict[str, int]:
        return {name: n for name, n in (await self.db.read(row_counts)).items() if n}

    def files(self) -> list[Path]:
        return [path for path in (self.data / "blobs").rglob("*") if path.is_file()]

    async def inbox(self, account: Account, name: str = "INBOX") -> list[bytes]:
        """Every letter in the INBOX, or another mailbox, as its owner gets it, in order."""
        rows = await self.db.read(
            lambda tx: tx.all(
                "SELECT m.prefix, m.blob_id, m.size FROM entry e JOIN message m"
                " ON m.account_id = e.account_id AND m.id = e.message_id"
                " JOIN mailbox b ON b.id = e.mailbox_id"
                " WHERE b.account_id = :id AND b.name = :name ORDER BY e.uid",
                id=account.id,
                name=name,
            )
        )
        found = []
        for prefix, blob_id, size in rows:
            pieces = [piece async for piece in self.blobs.stream(self.db, blob_id)]
            found.append(bytes(prefix) + b"".join(pieces))
            assert len(found[-1]) == size
        return found

    async def told(self, answer: Reply) -> list[tuple[str, str, str]]:
        """(kind, recipient, detail) of what the ledger tells of a message that was accepted."""
        queue_id = from_text(answer.lines[0].rpartition(" ")[2])
        story = await self.db.read(lambda tx: trace.by_id(tx, queue_id))
        assert story is not None
        return [(fact.kind, fact.recipient, fact.detail) for fact in story.facts]

    async def queued(self) -> dict[str, Any]:
        """The letter that was queued last."""
        names = (
            "sender", "prefix", "due", "accepted", "origin", "priority", "requiretls", "account_id",
        )  # fmt: skip
        row = await self.db.read(
            lambda tx: tx.one(f"SELECT {', '.join(names)} FROM queued ORDER BY id DESC LIMIT 1")
        )
        assert row is not None
        return {
            name: bytes(value) if name in {"sender", "prefix"} else value
            for name, value in zip(names, row, strict=True)
        }

    async def leaving(self) -> list[tuple[str, bytes]]:
        """(recipient, octets) of what waits for other servers, in order."""
        rows = await self.db.read(
            lambda tx: tx.all(
                "SELECT d.recipient, q.prefix, q.blob_id FROM delivery d"
                " JOIN queued q ON q.id = d.queued_id ORDER BY q.id, d.number"
            )
        )
        found = []
        for recipient, prefix, blob_id in rows:
            pieces = [piece async for piece in self.blobs.stream(self.db, blob_id)]
            found.append((bytes(recipient).decode(), bytes(prefix) + b"".join(pieces)))
        return found

    async def queue(self) -> list[tuple[str, str]]:
        rows = await self.db.read(
            lambda tx: tx.all(
                "SELECT recipient, destination FROM delivery ORDER BY queued_id, number"
            )
        )
        return [(bytes(recipient).decode(), name) for recipient, name in rows]


@contextlib.asynccontextmanager
async def desk(database: Opener, data: Path, limits: Limits | None = None) -> AsyncIterator[Desk]:
    async with database() as db:
        one = Desk(db, data, limits or Limits())
        await one.settle()
        try:
            yield one
        finally:
            await one.sending.close()
            one.notify.close()
            one.town.directory.close()


def mail(sender: str = "ann@client.example", **more: object) -> Mail:
    return Mail(Address.parse(sender) if sender else None, **more)  # type: ignore[arg-type]


def rcpt(recipient: str, **more: object) -> Rcpt:
    return Rcpt(Address.parse(recipient) if recipient else None, **more)  # type: ignore[arg-type]


def said(reply: Reply) -> str:
    """``250 2.1.5``."""
    return f"{reply.code} {reply.status}"


async def send(
    one: Conversation,
    *recipients: str,
    octets: bytes = LETTER,
    sender: str = "ann@client.example",
    cut: Callable[[bytes], list[bytes]] = lambda octets: [octets],
    defect: str | None = None,
) -> list[Reply]:
    """A whole transaction; the replies to its end. Every command before must be accepted."""
    assert said(await one.mail(mail(sender))) == "250 2.1.0"
    for recipient in recipients:
        assert said(await one.rcpt(rcpt(recipient))) == "250 2.1.5"
    assert (await one.data()).code == 354
    for block in cut(octets):
        await one.content(block)
    return await one.end(defect)


class Blocks(msgspec.Struct):
    """Cuts octets into blocks of one size."""

    size: int

    def __call__(self, octets: bytes) -> list[bytes]:
        return [octets[at : at + self.size] for at in range(0, len(octets), self.size)]


async def nothing_left(here: Desk) -> None:
    """No row, no file."""
    assert await here.counts() == {}
    assert here.files() == []
