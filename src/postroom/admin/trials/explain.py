"""Why a message is believed or not: every check of its origin, with its DNS questions.

A message that was accepted is told about as it was noted then, and checked once more: its
octets as they came, from the client that brought it, at the time of then, with the DNS of now.
A message in a file is checked as if it came from the client that is named, or from the one in
the Received field on top of it.

So is the client, as a stranger at the door (``reception``), and the other programs of the settings
are asked for their opinion where that is wanted.
"""

import asyncio
import ipaddress
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import msgspec

from postroom.admin import trace
from postroom.admin.office import Office
from postroom.admin.trials import reception
from postroom.admin.trials.reception import Opinion
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.errors import NotFound, Refused
from postroom.ledger.trace import Story
from postroom.mailauth.lookups import Record
from postroom.message import headers
from postroom.message.headers import EMPTY_LINE, MAX_HEADER
from postroom.message.lineends import LineEnds
from postroom.message.scan import scan
from postroom.policy import trust
from postroom.policy.asking import Asked, Asking, Names
from postroom.policy.connection import Connection
from postroom.policy.facts import Authentication, Facts
from postroom.policy.memory import Memory
from postroom.policy.origin import Client, Findings, Origin, Seals
from postroom.policy.reputation import Reputation
from postroom.policy.spam import SpamFilter
from postroom.policy.tokens import MAX_SAMPLE
from postroom.policy.verdict import Stage
from postroom.queue import listing
from postroom.store import locating

_NAMES: Final = {
    "iprev": "iprev",
    "spf": "spf of MAIL FROM",
    "helo": "spf of HELO",
    "dkim": "dkim",
    "arc": "arc",
    "dmarc": "dmarc",
}
_BLOCK: Final = 1 << 20
_CAME_FROM: Final = re.compile(
    rb"from ([^\s;()]+) \((?:[^\s()]+ )?\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]\)", re.IGNORECASE
)


class Question(msgspec.Struct, frozen=True):
    """A question to the DNS; ``problem`` says why there is no answer."""

    name: str
    type: str
    answer: tuple[str, ...]
    problem: str


class Check(msgspec.Struct, frozen=True):
    """A check, its results as they stand in Authentication-Results, and what it asked."""

    check: str
    results: tuple[str, ...]
    questions: tuple[Question, ...]


class Welcome(msgspec.Struct, frozen=True):
    """What acceptance says of the client: its marks, their sum, and the refusal at RCPT if any.

    A score above 0 speaks against it. ``reply`` is "" when it may write to somebody new.
    """

    score: int
    marks: tuple[str, ...]
    reply: str
    questions: tuple[Question, ...]


class Explanation(msgspec.Struct, frozen=True):
    """Everything about one message.

    ``id`` is its queue id, "" of a file. ``noted`` is what was found when it was accepted.
    ``checks`` are empty when its octets are not here any more; ``verdicts`` are what the
    stages of ``policy.trust``, the connection and the spam filter say to the results. ``client`` is
    None where the client tells nothing: without its address, and of who has logged in or came
    over LMTP. ``filters`` are empty unless they were asked.
    """

    id: str
    address: str
    helo: str
    sender: str
    noted: tuple[str, ...]
    checks: tuple[Check, ...]
    verdicts: tuple[str, ...]
    client: Welcome | None = None
    filters: tuple[Opinion, ...] = ()


class Came(msgspec.Struct, frozen=True):
    """A message as it came; ``octets`` gives them from the beginning, each time it is called.

    ``is_ours``: what stands above the first Received field, and that, is from a server here.
    """

    client: Client
    door: str
    octets: Callable[[], AsyncIterator[bytes]]
    now: int
    is_ours: bool


async def letter(
    office: Office, text: str, names: Names | None, *, filters: bool = False
) -> Explanation:
    """About an accepted message, by queue id or Message-ID. Raises NotFound.

    ``names`` None: only what was noted. ``filters``: those of the settings are asked too.
    """
    story = await trace.newest(office, text)
    if story is None:
        raise NotFound(
            f"nothing is known of {text}: no such message was accepted in the last"
            f" {office.config.limits.ledger_days} days, and there is no such file; what was refused"
            " is told by postroom trace"
        )
    entry = story.entry
    noted = tuple([fact.detail for fact in story.facts if fact.kind == "checked"])
    told = Explanation(to_text(entry.id), entry.peer, entry.helo, entry.sender, noted, (), ())
    blob = await office.db.read(lambda tx: _blob(tx, story))
    if blob is None or names is None:
        return told
    came = Came(
        _client(office, entry.door, entry.peer, entry.helo, entry.sender),
        entry.door,
        lambda: office.blobs.stream(office.db, blob),
        entry.at,
        is_ours=True,
    )
    return await _checked(office, names, came, told, filters=filters)


async def file(
    office: Office,
    path: Path,
    names: Names,
    *,
    address: str = "",
    helo: str = "",
    sender: str | None = None,
    filters: bool = False,
) -> Explanation:
    """About a message in a file; what is not given is read from its trace fields.

    ``filters``: those of the settings are asked too.

    Raises Refused for a file that is not there and an address that is none.
    """
    if not await asyncio.to_thread(path.is_file):
        raise Refused(f"there is no file {path}")
    head = await asyncio.to_thread(_beginning, path)
    is_ours = False
    if not address:
        found = _CAME_FROM.match(headers.value(head, b"received") or b"")
        if found is not None:
            address, is_ours = found[2].decode(), True
            helo = helo or found[1].decode()
    try:
        ipaddress.ip_address(address or "::")
    except ValueError:
        raise Refused(f"{address} is no IP address") from None
    if sender is None:
        path_field = headers.value(head, b"return-path") or b""
        sender = path_field.decode("utf-8", "replace").strip(" \t<>")
    client = _client(office, "smtp", address, helo, sender)
    came = Came(client, "smtp", lambda: _pieces(path), office.now(), is_ours=is_ours)
    told = Explanation("", address, helo, sender, (), (), ())
    return await _checked(office, names, came, told, filters=filters)


def _client(office: Office, door: str, address: str, helo: str, sender: str) -> Client:
    return Client(
        address="" if door == "lmtp" else address,
        helo=helo,
        sender=sender,
        receiver=office.config.hostname,
    )


async def _checked(
    office: Office, names: Names, came: Came, told: Explanation, *, filters: bool
) -> Explanation:
    client, now, pieces = came.client, came.now, came.octets()
    heard: dict[str, list[Asked]] = {}
    settings = office.config.authentication
    origin = Origin(Asking(names), client, now=now // 1000, heard=heard)
    origin.begin()
    head, body = await _head(pieces)
    begins = len(head)
    if came.is_ours:
        head = _as_it_came(head)
    seals = Seals(head, now=now // 1000)
    seals.feed(body)
    size, sample = len(head) + len(body), body[:MAX_SAMPLE]
    async for piece in pieces:
        await asyncio.to_thread(seals.feed, piece)
        size += len(piece)
        sample += piece[: MAX_SAMPLE - len(sample)]
    findings = await origin.finish(head, seals, trusted_sealers=settings.trusted_sealers)
    facts = await asyncio.to_thread(
        _facts, client, head, sample, size, found=findings.authentication(), now=now
    )
    welcome = None
    if client.address and came.door == "smtp":
        met = await reception.received(office, names, client)
        welcome = Welcome(
            met.suspicion.score,
            met.suspicion.reasons,
            met.reply,
            tuple(map(_question, met.asked)),
        )
        facts = msgspec.structs.replace(facts, suspicion=met.suspicion)
    facts = msgspec.structs.replace(facts, body=lambda: _after(came.octets(), begins))
    by_connection = Connection(office.config.connections.junk_score)
    stages = [*trust.stages(settings), by_connection, *_spam_filter(office)]
    verdicts = [await stage.judge(facts) for stage in stages]
    return msgspec.structs.replace(
        told,
        checks=tuple(_told(findings, heard)),
        verdicts=tuple([f"{o.stage}: {o.action}, {o.reason}" for o in verdicts if o.reason]),
        client=welcome,
        filters=tuple(await reception.opinions(office, facts, came.door)) if filters else (),
    )


def _told(findings: Findings, heard: dict[str, list[Asked]]) -> list[Check]:
    """The checks in their order, each with its results and questions."""
    results: dict[str, list[str]] = {}
    for one in findings.results():
        is_helo = one.method == "spf" and bool(one.value("smtp.helo"))
        results.setdefault("helo" if is_helo else one.method, []).append(str(one))
    return [
        Check(
            words,
            tuple(results.get(name, ())),
            tuple([_question(one) for one in heard.get(name, ())]),
        )
        for name, words in _NAMES.items()
        if name in results or heard.get(name)
    ]


def _question(asked: Asked) -> Question:
    answer = asked.answer if isinstance(asked.answer, tuple) else ()
    return Question(
        asked.question.name,
        asked.question.type,
        tuple([_text(record) for record in answer]),
        asked.problem,
    )


def _text(record: Record) -> str:
    if isinstance(record, tuple):
        return " ".join(map(str, record))
    return record.decode("utf-8", "replace") if isinstance(record, bytes) else record


def _spam_filter(office: Office) -> list[Stage]:
    """As for somebody who has taught it nothing himself; what it notes of senders is dropped."""
    if not office.config.spam.enabled:
        return []
    known, senders = Memory(office.db, office.clock), Reputation(office.db, office.clock)
    return [SpamFilter(known, office.config.spam.junk_at, senders)]


def _facts(
    client: Client, head: bytes, sample: bytes, size: int, *, found: Authentication, now: int
) -> Facts:
    """For the stages that judge by origin and by content."""
    return Facts(
        session="",
        address=client.address,
        helo=client.helo,
        tls="",
        sender=client.sender,
        recipients=(),
        accounts=(),
        head=head,
        part=scan(head + sample),
        sample=sample,
        is_whole=len(head) + len(sample) == size,
        size=size,
        now=now,
        authentication=found,
    )


def _blob(tx: Tx, story: Story) -> int | None:
    """Its octets, where they can be found: in the queue, or where a copy was filed."""
    waiting = listing.show(tx, story.entry.id)
    if waiting is not None:
        return waiting.blob_id
    for fact in story.facts:
        if fact.kind == "filed" and fact.mailbox_id is not None and fact.uid is not None:
            blob = locating.blob_at(tx, fact.mailbox_id, fact.uid)
            if blob is not None:
                return blob
    return None


async def _head(pieces: AsyncIterator[bytes]) -> tuple[bytes, bytes]:
    """The header block, and what of the body came with it."""
    octets = b""
    async for piece in pieces:
        octets += piece
        if EMPTY_LINE.search(octets) or len(octets) > MAX_HEADER:
            break
    return headers.split(octets)


async def _after(pieces: AsyncIterator[bytes], octets: int) -> AsyncIterator[bytes]:
    """What comes after so many octets."""
    async for piece in pieces:
        rest, octets = piece[octets:], max(0, octets - len(piece))
        if rest:
            yield rest


def _as_it_came(head: bytes) -> bytes:
    """Without the fields that the server which took it put on top."""
    for field in headers.fields(head):
        if field.name == b"received":
            return head[field.end :]
    return head


def _beginning(path: Path) -> bytes:
    with path.open("rb") as opened:
        return headers.split(opened.read(MAX_HEADER))[0]


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    """The octets of a file, with lines that end in CRLF."""
    ends = LineEnds()
    with path.open("rb") as opened:
        while block := await asyncio.to_thread(opened.read, _BLOCK):
            mended = ends.feed(block)
            if mended:
                yield mended
    rest = ends.finish()
    if rest:
        yield rest
