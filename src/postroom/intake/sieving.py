r"""The script of an account on a message that has come: run, and its questions answered.

A script sees the message as it will be stored, less our Received field: our
Authentication-Results on top, and X-Spam-Flag when it is judged junk. It has the body of a
message that is in memory, and an ``excerpt`` of a larger one when it looks into it.

Scripts are bounded by steps; small ones that ask for nothing expensive run on the event loop,
all others in a thread, two at a time. What they ask of mailboxes is read once a run.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any, Final

import msgspec

from postroom import VERSION
from postroom.directory import scripts
from postroom.directory.expand import Local
from postroom.directory.persona import Persona
from postroom.intake import excerpt
from postroom.intake.arrival import Arrival
from postroom.intake.excerpt import Excerpt
from postroom.intake.services import Services
from postroom.message import headers, submission
from postroom.message.part import Part
from postroom.protocol.imap import object_ids
from postroom.sieve.actions import Keep, Outcome
from postroom.sieve.interpreter import run
from postroom.sieve.letter import Environment, Letter
from postroom.sieve.questions import (
    Answer,
    MailboxExists,
    MailboxIdExists,
    Metadata,
    Question,
    ScriptText,
    SpecialUseExists,
    WasSeen,
)
from postroom.sieve.script import Script
from postroom.store import annotations, mailboxes, memory, names
from postroom.store.mailboxes import Mailbox
from postroom.telemetry import sink
from postroom.telemetry.event import trace_of
from postroom.telemetry.session_events import SessionFailed

SEEN: Final = "seen "  # before keys of ``duplicate`` in ``store.memory``

_LIGHT_SCRIPT: Final = 2_000  # octets
_LIGHT_HEAD: Final = 16 * 1024  # octets
_LOOKING: Final = frozenset({"body", "foreverypart", "include", "mime"})  # into the body
_HEAVY: Final = _LOOKING | {"regex"}

_MOST: Final = (1 << 63) - 1  # what an id can be

Running = Generator[Question, Answer, Outcome]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A message as scripts see it, whoever's they are. ``top`` are fields put on top of it.

    ``virus`` is what a scanner says, 1 to 5, None where none looked.
    ``is_submitted``: somebody here has written it; of Bcc, which is removed, nobody learns.
    """

    services: Services
    arrival: Arrival
    sender: str
    is_submitted: bool = False
    top: bytes = b""
    address: str = ""
    helo: str = ""
    virus: int | None = None

    def head(self, own: bytes) -> bytes:
        """The header block for one account, whose copies get the fields ``own`` on top."""
        head = self.arrival.cleaned(self.arrival.head, self.services.hostname)
        if self.is_submitted:
            head = headers.strip(head, submission.BLIND)
        return own + self.top + head

    def letter(
        self, recipient: str, own: bytes, spam: int | None, seen: Excerpt | None = None
    ) -> Letter:
        """For one account; ``spam`` is in percent, None where nobody looked."""
        arrival, head = self.arrival, self.head(own)
        by = len(head) - len(arrival.head)
        body = arrival.small_body
        if seen is None:
            seen = Excerpt(arrival.sample if body is None else body, {})
        return Letter(
            head=head,
            part=_moved(arrival.part, by),
            body=seen.beginning,
            is_whole=body is not None,
            later={start + by: piece for start, piece in seen.later.items()},
            size=arrival.stored_size,
            sender=self.sender,
            recipient=recipient,
            spam=spam,
            virus=self.virus,
        )


async def outcome(
    subject: Subject,
    one: Local,
    script: Script,
    persona: Persona,
    *,
    own: bytes = b"",
    spam: int | None = None,
    octets: int = 0,
) -> Outcome:
    """What a script of an account wants done; an erring one keeps the message.

    ``own`` are fields on top of this account's copies, ``spam`` is in percent, ``octets`` are
    those of the script's text.

    Raises MailError when the database does not answer.
    """
    environment = Environment(
        now=subject.services.clock(),
        offset_at=local_offset,
        separators=persona.separators,
        items={
            "domain": one.address.rpartition("@")[2],
            "host": subject.services.hostname,
            "location": "MTA",
            "name": "Postroom",
            "phase": "during",
            "remote-host": subject.helo,
            "remote-ip": subject.address,
            "version": VERSION,
        },
    )
    services = subject.services
    answers = _Answers(services, one.account_id)
    if subject.arrival.small_body is None and _LOOKING & script.extensions:
        async with services.large:
            seen = await excerpt.read(subject.arrival)
            running = run(script, subject.letter(one.address, own, spam, seen), environment)
            return await _driven(running, answers, services.heavy, is_light=False)
    letter = subject.letter(one.address, own, spam)
    is_light = octets <= _LIGHT_SCRIPT and len(letter.head) <= _LIGHT_HEAD
    is_light = is_light and not _HEAVY & script.extensions
    running = run(script, letter, environment)
    return await _driven(running, answers, services.heavy, is_light=is_light)


def local_offset(ms: int) -> int:
    """How many minutes east of UTC this machine's zone is then (RFC 5260 §4.1)."""
    try:
        return time.localtime(ms // 1000).tm_gmtoff // 60
    except (OverflowError, OSError, ValueError):  # a year that it knows nothing of
        return 0


async def _driven(
    running: Running, answers: "_Answers", heavy: asyncio.Semaphore, *, is_light: bool
) -> Outcome:
    answer: Answer = None
    step: Callable[[Answer], Question | Outcome] = _Stepper(running)
    while True:
        if is_light:
            found = step(answer)
        else:
            async with heavy:
                found = await asyncio.to_thread(step, answer)
        if isinstance(found, Outcome):
            return found
        answer = await answers.to(found)


class _Stepper:
    """Runs to the next question, or to the end: a StopIteration can't leave a thread."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._send: Callable[[Any], Question] = lambda _answer: next(running)

    def __call__(self, answer: Answer) -> Question | Outcome:
        try:
            question = self._send(answer)
        except StopIteration as end:
            found: Outcome = end.value
            return found
        except Exception as error:  # noqa: BLE001 - a mistake of ours; the message is kept
            sink.emit(SessionFailed(traceback=trace_of(error)))
            return Outcome(actions=(Keep(is_implicit=True),), error="it could not be run")
        self._send = self._running.send
        return question


class _Answers:
    """What one run asks."""

    def __init__(self, services: Services, account_id: int) -> None:
        self._services = services
        self._account_id = account_id
        self._mailboxes: dict[str, Mailbox] | None = None

    async def to(self, question: Question) -> Answer:
        """The answer. Raises MailError."""
        store, account_id = self._services.store, self._account_id
        match question:
            case MailboxExists(mailbox):
                return names.canonical(mailbox) in await self._all()
            case MailboxIdExists(ident):
                return with_id(await self._all(), ident) is not None
            case SpecialUseExists(use, mailbox):
                chosen = list((await self._all()).values())
                if mailbox is not None:
                    chosen = [one for one in chosen if one.name == names.canonical(mailbox)]
                return any(
                    use.lower() == other.lower() for one in chosen for other in one.special_uses
                )
            case WasSeen(key):
                now = self._services.clock()
                return await store.read(memory.is_known, account_id, SEEN + key, now)
            case ScriptText(name, is_global):
                owner = scripts.SITE if is_global else account_id
                return await self._services.directory.included(owner, name)
            case Metadata(entry, mailbox):
                found = await self._annotation(entry, mailbox)
                return None if found is None else found.decode("utf-8", "replace")

    async def _annotation(self, entry: str, mailbox: str | None) -> bytes | None:
        where = annotations.SERVER
        if mailbox is not None:
            found = (await self._all()).get(names.canonical(mailbox))
            if found is None or not found.id:
                return None
            where = found.id
        store = self._services.store
        return await store.read(annotations.value, where, self._account_id, entry)

    async def _all(self) -> dict[str, Mailbox]:
        if self._mailboxes is None:
            found = await self._services.store.read(mailboxes.listing, self._account_id)
            self._mailboxes = {one.name: one for one in found}
            self._mailboxes.setdefault(mailboxes.INBOX, _NO_INBOX)
        return self._mailboxes


_NO_INBOX: Final = Mailbox(0, 0, mailboxes.INBOX, None, 0, 1, 0, 0, 0, 0)


def with_id(boxes: dict[str, Mailbox], ident: str) -> Mailbox | None:
    """The mailbox with this MAILBOXID (RFC 8474 §4)."""
    number = mailbox_number(ident)
    return next((one for one in boxes.values() if number and one.id == number), None)


def mailbox_number(ident: str) -> int:
    """The number in a MAILBOXID; 0 when it is none of ours."""
    number = object_ids.number_of(ident.encode("utf-8", "replace"), "F")
    return number if number <= _MOST else 0


def _moved(part: Part, by: int) -> Part:
    """The tree of a message whose header block became longer by so many octets."""
    if not by:
        return part
    root = msgspec.structs.replace(
        part, body_start=part.body_start + by, end=part.end + by, children=[]
    )
    waiting = [(part, root)]
    while waiting:
        old, new = waiting.pop()
        for child in old.children:
            new.children.append(_shifted(child, by))
            waiting.append((child, new.children[-1]))
        if old.message is not None:
            new.message = _shifted(old.message, by)
            waiting.append((old.message, new.message))
    return root


def _shifted(part: Part, by: int) -> Part:
    return msgspec.structs.replace(
        part,
        header_start=part.header_start + by,
        body_start=part.body_start + by,
        end=part.end + by,
        children=[],
        message=None,
    )
