"""A test message in, through our own SMTP door, and one out, followed to where it gets.

The one that comes in is brought as a stranger would bring it: over a connection to our port,
with a null reverse-path, from a name that cannot exist (RFC 6761 §6.4), so that no policy of a
domain speaks against it. The one that goes out is signed and queued like the mail of the person
whose name it bears.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import msgspec

from postroom.admin import accounts, names, trace
from postroom.admin.office import Office
from postroom.admin.trace import StoryView
from postroom.config.model import Config, standard_listeners
from postroom.delivery.outbound import client_tls
from postroom.delivery.parcel import Parcel
from postroom.delivery.peer import Demand, Peer, PeerFailed
from postroom.directory import accounts as rows
from postroom.errors import NotFound, Refused
from postroom.message import dates
from postroom.message.compose import Draft, Person, compose
from postroom.net.addresses import reachable
from postroom.net.outbound import ConnectFailed, connect
from postroom.post import notice
from postroom.post.commit import Post
from postroom.protocol.smtp.client_transaction import Recipient, Transaction, TransactionDone
from postroom.queue.rows import NOTIFY_KEY

SECONDS: Final = 60.0  # an outside server gets to take the message
OWN_SECONDS: Final = 30.0  # for our own door
POLL_SECONDS: Final = 0.5
STRANGER: Final = "postroom-test@test.invalid"
_HELO: Final = "[127.0.0.1]"  # an address literal: a name would be looked up

_IN: Final = """\
This message came through the SMTP port of {hostname}, as messages from
other servers do. Mail for {address} arrives.
"""
_OUT: Final = """\
This message was sent by {hostname} to see whether its mail arrives.

If you find it in your spam folder, the DNS records of {domain}
are the first thing to look at: postroom dns {domain} --check
"""

State = Literal["arrived", "delivered", "waiting", "failed"]
Sleep = Callable[[float], Awaitable[None]]


class LetterTest(msgspec.Struct, frozen=True):
    """What became of a test message: ``words`` for a person, ``action`` what to do next or "".

    "arrived": it lies in a mailbox here; "delivered": another server took it; "waiting": it is
    in the queue yet; "failed": refused, here or there.
    """

    way: Literal["in", "out"]
    state: State
    words: str
    action: str = ""
    id: str = ""
    """The queue id, for ``postroom trace``; "" when it was not accepted."""

    @property
    def is_good(self) -> bool:
        """Whether it got to its end."""
        return self.state in {"arrived", "delivered"}


async def recipient(office: Office, address: str = "") -> str:
    """The account that test messages are for: the one named, or the first admin's.

    Raises NotFound, Invalid.
    """
    if address:
        return (await accounts.show(office, address)).address
    found = await office.directory.look(rows.first_admin)
    if found is None:
        raise NotFound("there is no admin yet; name an account, or run: postroom setup")
    return str(found.address)


async def come_in(office: Office, address: str, *, seconds: float = OWN_SECONDS) -> LetterTest:
    """Bring a message for ``address`` to our own SMTP port, and see where it was filed."""
    host, port = own_door(office.config)
    ident, octets = _letter(office, STRANGER, address, "Test: mail comes in", _IN)
    try:
        refusal = await _bring(office, (host, port), address, octets, seconds)
    except ConnectFailed as error:
        return LetterTest(
            "in", "failed", f"nobody answers on {host} port {port}: {error.reason}",
            "start the server: postroom install-service, or postroom serve",
        )  # fmt: skip
    except (PeerFailed, TimeoutError) as error:
        words = str(error) or f"no answer in {seconds:g} seconds"
        return LetterTest("in", "failed", f"our own port {port}: {words}", "see the server's log")
    if refusal:
        why = f"see the reason: postroom trace {STRANGER}"
        return LetterTest("in", "failed", f"our own port {port} refused it: {refusal}", why)
    story = await trace.view_of(office, ident)
    for fact in story.facts if story else ():
        if fact.kind == "filed" and fact.mailbox:
            words = f"it lies in {fact.mailbox} of {fact.account}"
            return LetterTest("in", "arrived", words, id=story.id if story else "")
    return LetterTest(
        "in", "failed", f"it was accepted, and is in no mailbox of {address}",
        f"see what became of it: postroom trace {address}", story.id if story else "",
    )  # fmt: skip


async def go_out(
    office: Office,
    sender: str,
    to: str,
    *,
    seconds: float = SECONDS,
    sleep: Sleep = asyncio.sleep,
) -> LetterTest:
    """Send a message from the account ``sender`` to an address elsewhere, and follow it.

    Raises Invalid, and Refused for an address of this server.
    """
    target = names.address(to)
    if await office.directory.is_own(target.domain):
        raise Refused(f"{target} is an address of this server; name one elsewhere")
    ident, octets = _letter(office, sender, str(target), "Test: mail goes out", _OUT)
    letter = await notice.addressed(office, office.directory, target, octets, sender=sender)
    if letter is None:
        raise Refused(f"nobody gets mail for {target}")
    await Post(office.db, office.blobs, office.notify, office.clock).commit(letter)
    office.notify.hint([NOTIFY_KEY])  # the server is another process
    left = seconds
    while True:
        found = _concluded(await trace.view_of(office, ident), str(target), sender)
        if found.state != "waiting" or found.action or left <= 0:
            return found
        await sleep(POLL_SECONDS)
        left -= POLL_SECONDS


def _concluded(story: StoryView | None, to: str, sender: str) -> LetterTest:
    """What the ledger tells by now. A message that was put off has an ``action``."""
    if story is None:
        return LetterTest("out", "waiting", "it is queued")
    domain = sender.rpartition("@")[2]
    records = f"check the records: postroom dns {domain} --check"
    for fact in reversed(story.facts):
        who = fact.host or "the way there"
        if fact.kind == "delivered":
            return LetterTest(
                "out", "delivered", f"{who} took it: {fact.reply or fact.detail}",
                f"look for it at {to}, also among spam", story.id,
            )  # fmt: skip
        if fact.kind == "bounced":
            words = f"refused for good by {who}: {fact.reply or fact.detail}"
            return LetterTest("out", "failed", words, records, story.id)
        if fact.kind == "deferred":
            words = f"not taken yet by {who}: {fact.reply or fact.detail}"
            again = f"it is tried again; see: postroom trace {story.id}"
            if not fact.host:
                again += "; if port 25 is closed here, send through a relay: postroom relay presets"
            return LetterTest("out", "waiting", words, again, story.id)
    return LetterTest("out", "waiting", "it is queued, and was not tried yet", id=story.id)


def own_door(config: Config) -> tuple[str, int]:
    """Where our SMTP port answers to this machine. Raises Refused."""
    for one in config.listen or standard_listeners():
        if one.protocol == "smtp" and one.port:
            return reachable(one.address), one.port
    raise Refused('no door takes mail: [[listen]] has no protocol = "smtp" with a fixed port')


def _letter(office: Office, sender: str, to: str, subject: str, text: str) -> tuple[str, bytes]:
    """Message-ID and octets."""
    hostname = office.config.hostname
    ident = f"test.{secrets.token_hex(12)}@{hostname}"
    draft = Draft(
        sender=Person(sender),
        to=[Person(to)],
        subject=subject,
        text=text.format(hostname=hostname, address=to, domain=sender.rpartition("@")[2]),
        date=dates.write(office.now()),
        message_id=ident,
        more=[("Auto-Submitted", "auto-generated")],
    )
    return ident, compose(draft)


async def _bring(
    office: Office, door: tuple[str, int], address: str, octets: bytes, seconds: float
) -> str:
    """Speak SMTP to our own door; "" when it took the message, else what it said."""
    host, port = door
    tls = client_tls(office.config)
    found = await connect([host], port, lambda: Peer(_HELO, tls), seconds=seconds)
    peer = found.protocol
    transaction = Transaction(
        sender=b"", recipients=(Recipient(address.encode()),), size=len(octets),
        needs_smtputf8=not address.isascii(),
    )  # fmt: skip
    answers: list[TransactionDone] = []
    try:
        async with asyncio.timeout(seconds):
            await peer.open(Demand(use="may", name=office.config.hostname))
            await peer.send([Parcel(0, transaction, octets)], lambda _, one: answers.append(one))
            await peer.quit()
    finally:
        peer.abort()
    (reply,) = answers[0].outcomes() if answers else (peer.ending,)
    return "" if reply is not None and reply.is_positive else str(reply or "it hung up")
