"""Who is told what of a delivery, and the letters that tell it.

- failed: the sender, unless NOTIFY forbids it. A message with a null reverse-path is never
  answered (RFC 5321 §6.1), nor is a stranger whose message was only forwarded (backscatter);
  the postmaster gets that notice instead, so nothing vanishes.
- delayed: the sender, once, unless NOTIFY leaves DELAY out.
- relayed, delivered: the sender who asked for SUCCESS, when the next server will not tell,
  or when the message was filed here.

Notices have the null reverse-path. One address gets so many an hour; what is over is told
in the log, and so is what would only come back to where it failed (a postmaster whose own
mail is forwarded to a server that refuses it). What is told of a message with REQUIRETLS
requires TLS too, and holds its header block at most. RFC 3461 §4.1, §5; RFC 3464; RFC 8689 §5.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol

import msgspec

from postroom.address import Address, AddressError
from postroom.db.ids import Ids, to_text
from postroom.delivery.conclusions import Conclusion
from postroom.delivery.schedule import Schedule
from postroom.directory import domains
from postroom.directory.directory import Directory
from postroom.message import dsn, xtext
from postroom.message.dsn import Report, ReportedRecipient
from postroom.post.letter import Letter
from postroom.post.notice import Budget
from postroom.queue.rows import STRANGER, Queued
from postroom.telemetry import sink
from postroom.telemetry.events import NoticeSuppressed

Kind = Literal["failed", "delayed", "relayed", "delivered"]

_WORD: Final[dict[Kind, str]] = {
    "failed": "FAILURE",
    "delayed": "DELAY",
    "relayed": "SUCCESS",
    "delivered": "SUCCESS",
}
_SUCCEEDED: Final = frozenset({"relayed", "delivered"})


class Addressed(Protocol):
    """Makes a letter of ours for an address; None when nobody would get it (``post.journal``).

    ``speaker`` is whose domain may keep a journal of it, "" for no journal at all.
    """

    async def __call__(
        self, to: Address, octets: bytes, *, requiretls: bool, speaker: str
    ) -> Letter | None: ...


class Original(msgspec.Struct, frozen=True):
    """The message that is told of: its envelope, its header block, its small body or None."""

    letter: Queued
    head: bytes
    body: bytes | None = None


class Notices:
    """Composes notices. ``clock`` is UTC milliseconds."""

    def __init__(
        self,
        directory: Directory,
        addressed: Addressed,
        ids: Ids,
        clock: Callable[[], int],
        *,
        hostname: str,
        per_hour: int,
        schedule: Schedule,
    ) -> None:
        """``per_hour``: notices to one address."""
        self._directory = directory
        self._addressed = addressed
        self._ids = ids
        self._clock = clock
        self._hostname = hostname
        self._schedule = schedule
        self._budget = Budget(clock, per_hour)

    async def of(
        self, kind: Kind, original: Original, conclusions: Sequence[Conclusion]
    ) -> Letter | None:
        """The letter that tells of these recipients; None: nobody is told.

        Raises MailError when the directory can't be asked.
        """
        told = [one for one in conclusions if is_wanted(kind, one.recipient.notify)]
        if not told:
            return None
        letter = original.letter
        to = self._sender(letter)
        if to is not None:
            if not self._allows(letter, to):
                return None
            found = await self._letter(kind, original, told, to)
            if found is not None:
                return found
        if kind != "failed":
            return None
        postmaster = Address.parse(f"postmaster@{await self._own_domain(letter)}")
        if await self._comes_back(letter, told, postmaster) or not self._allows(letter, postmaster):
            return None
        return await self._letter(kind, original, told, postmaster)

    def _allows(self, letter: Queued, to: Address) -> bool:
        if self._budget.allows(str(to)):
            return True
        self._suppressed(letter, to, "too many notices to this address in an hour")
        return False

    async def _comes_back(
        self, letter: Queued, told: Sequence[Conclusion], postmaster: Address
    ) -> bool:
        """A notice of a notice would go to the very address that has just refused one."""
        if letter.sender:
            return False
        failed = {one.recipient.address for one in told}
        remote = (await self._directory.resolve(postmaster)).remote
        if failed.isdisjoint(map(str.encode, remote)):
            return False
        self._suppressed(letter, postmaster, "it would go where a notice has just failed")
        return True

    def _suppressed(self, letter: Queued, to: Address, reason: str) -> None:
        ident = to_text(letter.id)
        sink.emit(NoticeSuppressed(queue_id=ident, recipient=str(to), reason=reason))

    def _sender(self, letter: Queued) -> Address | None:
        """Whom a notice may go to; None: not the sender."""
        if not letter.sender or letter.origin == STRANGER:
            return None
        try:
            return Address.parse(letter.sender.decode())
        except (AddressError, UnicodeDecodeError):
            return None

    async def _own_domain(self, letter: Queued) -> str:
        """Whose postmaster speaks: of the sender's domain when it is ours."""
        try:
            sender = Address.parse(letter.sender.decode())
        except (AddressError, UnicodeDecodeError):
            sender = None
        if sender is not None and await self._directory.is_own(sender.domain):
            return sender.domain.ascii
        first = await self._directory.look(domains.first)
        return self._hostname if first is None else first.name

    async def _letter(
        self, kind: Kind, original: Original, told: Sequence[Conclusion], to: Address
    ) -> Letter | None:
        letter, now = original.letter, self._clock()
        postmaster = f"postmaster@{await self._own_domain(letter)}"
        whole = letter.ret == "FULL" and kind == "failed" and not letter.requiretls
        octets = dsn.compose(
            Report(
                kind=kind,
                reporting_mta=self._hostname,
                postmaster=postmaster,
                to=str(to),
                recipients=tuple([self._reported(kind, letter, one, now) for one in told]),
                head=original.head,
                body=original.body if whole else None,
                message_id=f"{to_text(self._ids.next())}@{self._hostname}",
                date=now,
                arrival_date=letter.accepted,
                envelope_id=None
                if letter.envid is None
                else xtext.decode(letter.envid.decode("utf-8", "replace")),
            )
        )
        # What has no sender to be told may be a journal copy: of that there is no journal.
        speaker = postmaster if letter.sender else ""
        return await self._addressed(to, octets, requiretls=letter.requiretls, speaker=speaker)

    def _reported(self, kind: Kind, letter: Queued, one: Conclusion, now: int) -> ReportedRecipient:
        recipient = one.recipient
        orcpt = recipient.orcpt
        end = letter.first_attempt + self._schedule.patience(patient=recipient.patient)
        return ReportedRecipient(
            final=recipient.address.decode("utf-8", "replace"),
            action=kind,
            status=one.status,
            original=None
            if orcpt is None
            else str(xtext.original_recipient(orcpt.decode("utf-8", "replace"))),
            remote_mta=one.host,
            diagnostic=one.reply.text if one.reply.is_local else str(one.reply),
            is_own=one.reply.is_local,
            last_attempt=now if one.host or kind in _SUCCEEDED else None,
            will_retry_until=end if kind == "delayed" else None,
        )


def is_wanted(kind: Kind, notify: str | None) -> bool:
    """RFC 3461 §4.1: without NOTIFY failures and delays are told, successes are not."""
    if notify is None:
        return kind not in _SUCCEEDED
    return _WORD[kind] in notify.upper().split(",")
