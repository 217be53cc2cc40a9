"""What the parts of Postroom cost, each alone: where a budget went when it is exceeded.

Microseconds of this process's CPU a 4 KB letter for the steps of the accept path, without
sockets; milliseconds for pages of a large mailbox. Tests judge no time, so look here before
and after a change to these parts, in the same minute: the best of several rounds is told.

    python -m bench.parts [--rounds 5] [--only scan]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from postroom.access.loading import rows
from postroom.access.places import Places
from postroom.access.view import View
from postroom.address import Address
from postroom.admin import accounts, domains
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.blobs.disk import Disk
from postroom.blobs.store import BlobStore
from postroom.config.authentication import Authentication
from postroom.config.model import Config, Limits
from postroom.db.ids import Ids
from postroom.db.open import now_ms
from postroom.directory.sending import Sending
from postroom.intake import plan, stamp
from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from postroom.intake.plan import Content, Envelope
from postroom.intake.relay import Accepted
from postroom.intake.services import Services
from postroom.mailauth.canonical import relaxed_body_hash
from postroom.mailauth.dkim_key import SigningKey, generate_rsa, public_record
from postroom.mailauth.dkim_sign import Signer, sign
from postroom.message import headers
from postroom.message.index import index
from postroom.message.scan import scan
from postroom.net.dns import Resolver
from postroom.policy import trust
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.post.notice import Budget
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Data, Ehlo, Mail, Rcpt
from postroom.protocol.smtp.events import Content as Octets, EndOfContent
from postroom.protocol.smtp.server import Session
from postroom.protocol.smtp.settings import Settings
from postroom.telemetry.outputs import FileOutput
from postroom.telemetry.session_events import MessageAccepted
from postroom.telemetry.sink import Sink
from rig.dns import DnsServer

LISTED: Final = 10_000  # messages in the large mailbox
TIMES: Final = 2_000  # calls a round
AT_ONCE: Final = 20  # letters that wait for one commit
DOMAIN: Final = "parts.test"
PEER: Final = Peer(session="s", address="127.0.0.1", port=4000, door="smtp", checks=False)
HEAD: Final = (
    b"From: Ann Example <ann@client.example>\r\nTo: bob@parts.test\r\n"
    b"Date: Mon, 21 Sep 2026 14:13:20 +0000\r\nMessage-ID: <20260921.1@client.example>\r\n"
    b"Subject: A letter of four kilobytes\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
)
BODY: Final = b"".join(b"%04d the quick brown fox jumps over a lazy dog\r\n" % n for n in range(78))
LETTER: Final = HEAD + BODY

Figure = tuple[str, float, str]


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="parts whose name holds this text")
    chosen = parser.parse_args()
    best: dict[str, tuple[float, str]] = {}
    for _ in range(chosen.rounds):
        for name, value, unit in asyncio.run(_round(chosen.only)):
            if name not in best or value < best[name][0]:
                best[name] = value, unit
    for name, (value, unit) in best.items():
        print(f"{name:34} {value:9.1f} {unit}")
    return 0


async def _round(only: str) -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="postroom-parts-") as folder:
        data = Path(folder)
        for name, work in (
            ("SMTP session", _session),
            ("scan and index", _scan_and_index),
            ("write_small", lambda: _write_small(data)),
            ("event", lambda: _event(data)),
        ):
            if only in name:
                figures.append((name, _microseconds(work()), "us"))
        async with _house(data / "house") as office:
            bob = Address.parse(f"bob@{DOMAIN}")
            for title, many in (
                ("intake and post", _intake_and_post),
                ("intake and post, checks", _intake_with_checks),
                ("post alone", _post),
                ("filing", _post_in_large_batches),
            ):
                if only in title:
                    figures.append((title, await many(office, bob), "us"))
            if only in "FETCH":
                figures += await _fetch(office, bob)
    return figures


def _microseconds(work: Callable[[], object], times: int = TIMES) -> float:
    work()
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1e6


async def _microseconds_of(work: Callable[[], Awaitable[object]], times: int) -> float:
    """CPU of all threads of this process."""
    began = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - began) / times * 1e6


@asynccontextmanager
async def _house(folder: Path) -> AsyncIterator[Office]:
    async with open_office(Config(hostname="mx.parts.test", data=str(folder))) as office:
        await domains.add(office, DOMAIN)
        await accounts.add(office, f"bob@{DOMAIN}", password="a password of parts")
        yield office


def _session() -> Callable[[], object]:
    """A transaction as smtp-source has it: a command, a reply, a command .."""
    session = Session(Settings(hostname="mx.parts.test"))
    session.greet()
    sent = [
        b"EHLO client.example\r\n",
        b"MAIL FROM:<ann@client.example>\r\n",
        b"RCPT TO:<bob@parts.test>\r\n",
        b"DATA\r\n",
        LETTER + b".\r\n",
    ]

    def converse() -> None:
        for octets in sent:
            session.receive(octets)
            while (event := session.next_event()) is not None:
                match event:
                    case Octets():
                        continue
                    case EndOfContent():
                        session.answer_each([replies.OK])
                    case Ehlo():
                        session.welcome()
                    case Mail():
                        session.answer(replies.SENDER_OK)
                    case Rcpt():
                        session.answer(replies.RECIPIENT_OK)
                    case Data():
                        session.answer(replies.START_CONTENT)
                    case _:
                        raise RuntimeError(event)
            session.data_to_send()

    converse()
    del sent[0]
    return converse


def _scan_and_index() -> Callable[[], object]:
    def work() -> None:
        head, _body = headers.split(LETTER)
        index(head, scan(LETTER))

    return work


def _write_small(data: Path) -> Callable[[], object]:
    store = BlobStore(data, "sqlite", Ids(now_ms))
    return lambda: store.writer().write_small(HEAD, BODY)


def _event(data: Path) -> Callable[[], object]:
    """``message.accepted`` to the log file."""
    sink = Sink([FileOutput(data / "log.jsonl", size=1 << 24, keep=1)])
    event = MessageAccepted(
        session="s", peer="127.0.0.1", door="smtp", queue_id="0123456789abc",
        sender="ann@client.example", recipients=1, size=4096, message_id="20260921.1@x",
    )  # fmt: skip
    return lambda: sink.emit(event)


async def _intake_and_post(office: Office, bob: Address) -> float:
    """MAIL, RCPT, DATA, content and end of ``AT_ONCE`` conversations, commit included."""
    return await _intake(office, bob, LETTER, PEER)


async def _intake_with_checks(office: Office, bob: Address) -> float:
    """The same of a signed letter from a stranger, whose names are in the cache."""
    key = SigningKey.load(generate_rsa(), made_here=True)
    zone = {
        ("1.0.0.127.in-addr.arpa", "PTR"): ["mail.client.example."],
        ("mail.client.example", "A"): ["127.0.0.1"],
        ("client.example", "TXT"): ["v=spf1 ip4:127.0.0.1 -all"],
        ("_dmarc.client.example", "TXT"): ["v=DMARC1; p=reject"],
        ("s._domainkey.client.example", "TXT"): [public_record(key)],
    }
    field = sign(
        HEAD,
        relaxed_body_hash([BODY]),
        [Signer("s", key)],
        domain="client.example",
        now_seconds=office.clock() // 1000 - 60,
    )
    peer = msgspec.structs.replace(PEER, checks=True)
    async with DnsServer(zone) as server:
        resolver = Resolver([server.address])
        figure = await _intake(office, bob, field + LETTER, peer, resolver)
        await resolver.close()
    return figure


async def _intake(
    office: Office, bob: Address, octets: bytes, peer: Peer, resolver: Resolver | None = None
) -> float:
    settings = Authentication()
    post = Post(office.db, office.blobs, office.notify, office.clock)
    intake = Intake(
        Services(
            hostname="mx.parts.test",
            limits=Limits(),
            directory=office.directory,
            store=office.store,
            blobs=office.blobs,
            post=post,
            ids=office.ids,
            clock=office.clock,
            disk=Disk(office.config.folder, 0, office.clock),
            sending=Sending(office.db, office.clock, 0),
            budget=Budget(office.clock, 100),
            kept=Budget(office.clock, 200),
            resolver=resolver,
            authentication=settings,
            stages=trust.stages(settings) if resolver is not None else (),
        )
    )
    talks = [intake.open(peer) for _ in range(AT_ONCE)]
    mail, rcpt = Mail(Address.parse("ann@client.example")), Rcpt(bob)

    async def letters(number: int) -> None:
        talk = talks[number]
        await talk.greet("client.example", esmtp=True)
        for _ in range(TIMES // AT_ONCE):
            await talk.mail(mail)
            await talk.rcpt(rcpt)
            await talk.data()
            await talk.content(octets)
            (answer,) = await talk.end(None)
            if answer.code != 250:
                raise RuntimeError(answer.lines[0])

    async def everybody() -> None:
        await asyncio.gather(*[letters(number) for number in range(AT_ONCE)])

    return await _microseconds_of(everybody, 1) / TIMES


async def _letters(office: Office, bob: Address, count: int) -> list[Letter]:
    resolution = await office.directory.resolve(bob)
    session = stamp.Session(PEER, "mx.parts.test", "client.example")
    envelope = Envelope(
        Mail(None), "ann@client.example", None, [Accepted(str(bob), resolution.local, ())]
    )
    head, body = headers.split(LETTER)
    indexed = index(head, scan(LETTER))
    return [
        plan.letter(
            session,
            envelope,
            Content(office.blobs.writer().write_small(head, body), indexed, is_ascii=True),
            office.ids,
            office.ids.next(),
            office.clock(),
        )
        for _ in range(count)
    ]


async def _post(office: Office, bob: Address) -> float:
    """Letters that are ready, ``AT_ONCE`` a commit: SQL, fsync, threads, futures."""
    return await _post_batches(office, bob, AT_ONCE)


async def _post_in_large_batches(office: Office, bob: Address) -> float:
    """The same, a hundred a commit: the rows themselves."""
    return await _post_batches(office, bob, 100)


async def _post_batches(office: Office, bob: Address, size: int) -> float:
    post = Post(office.db, office.blobs, office.notify, office.clock)
    waiting = await _letters(office, bob, TIMES)

    async def work() -> None:
        batch = [waiting.pop() for _ in range(size)]
        await asyncio.gather(*[post.commit(letter) for letter in batch])

    return await _microseconds_of(work, TIMES // size) / size


async def _fetch(office: Office, bob: Address) -> list[Figure]:
    """All rows of a mailbox of ``LISTED`` messages."""
    post = Post(office.db, office.blobs, office.notify, office.clock)
    (account,) = (await office.directory.resolve(bob)).local
    inbox = await Places(account, office.store).get("INBOX")
    view = await View.open(inbox, office.store, read_only=True)
    missing = LISTED - view.exists
    await view.close(expunge=False)
    if missing > 0:
        letters = await _letters(office, bob, missing)
        await asyncio.gather(*[post.commit(letter) for letter in letters])
    figures: list[Figure] = []
    for title, need in (("FLAGS", ()), ("ENVELOPE", ("envelope",))):
        view = await View.open(inbox, office.store, read_only=True)
        began = time.perf_counter()
        found = 0
        async for page in rows(view, [(1, view.last_uid)], need=frozenset(need)):
            found += len(page)
        figures.append((f"FETCH {title} of {found}", (time.perf_counter() - began) * 1e3, "ms"))
        await view.close(expunge=False)
    return figures


if __name__ == "__main__":
    sys.exit(main())
