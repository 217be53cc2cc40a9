"""Messages of ours that come back later: as a bounce, or because somebody calls them spam.

Anybody can write such a report, so one counts only when

- it returns the mark that the message left with (``post.suppression``), which is known to nobody
  but those who got it; and
- it is about a recipient that a server elsewhere has taken this very message for; and
- where the message had several recipients, who could speak for each other, the report comes from
  the domain of that recipient or from the server that took it, as DKIM, SPF or the name of the
  peer prove.

So who forges a report can speak for the address alone that got the message. Each recipient of a
message counts once. RFC 3464, RFC 5965 (ARF), RFC 9477 (CFBL).
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import msgspec

from postroom.config.suppression import Suppression
from postroom.db.database import Database, Tx
from postroom.db.ids import Ids, to_text
from postroom.directory.directory import Directory
from postroom.ledger import rows as ledger, trace
from postroom.ledger.rows import Fact, Kind, clean, folded
from postroom.ledger.trace import Story
from postroom.message import headers, report_read
from postroom.message.failures import of_reply
from postroom.message.report_read import Failed, Returned
from postroom.policy.facts import Authentication
from postroom.post import suppression
from postroom.post.suppression import Cause
from postroom.telemetry import sink
from postroom.telemetry.events import MessageBounced, RecipientSuppressed

Told = MessageBounced | RecipientSuppressed


class Return(msgspec.Struct, frozen=True):
    """What a report says of one recipient; ``is_final``: nobody should write there again."""

    kind: Kind
    recipient: str
    detail: str
    status: str
    is_final: bool


class Returns:
    """One a process. ``clock`` is UTC milliseconds."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        directory: Directory,
        clock: Callable[[], int],
        settings: Suppression,
    ) -> None:
        self._db = db
        self._ids = ids
        self._directory = directory
        self._clock = clock
        self._settings = settings

    async def take(self, octets: bytes, proof: Authentication) -> None:
        """A message that may be a report, and what proves where it comes from. Raises MailError."""
        found = await asyncio.to_thread(report_read.read, octets)
        if found is None:
            return
        ident = await asyncio.to_thread(self._message, found)
        if ident is None:
            return
        numbers = [self._ids.next() for _ in range(2 * report_read.MAX_RECIPIENTS)]
        told = await self._db.write(lambda tx: self._write(tx, ident, found, proof, numbers))
        if told:
            self._directory.hint()
        for event in told:
            sink.emit(event)

    def _message(self, found: Returned) -> int | None:
        """Which message came back, if one of ours."""
        name = suppression.FIELD.lower().encode()
        values = [*headers.values(found.head, name)[:10], *headers.values(found.fields, name)[:10]]
        key = self._directory.secrets.feedback
        known = [suppression.marked(one.decode("utf-8", "replace"), key) for one in values]
        return next((one for one in known if one is not None), None)

    def _write(
        self,
        tx: Tx,
        ident: int,
        found: Returned,
        proof: Authentication,
        numbers: Sequence[int],
    ) -> list[Told]:
        story = trace.by_id(tx, ident)
        if story is None or story.entry.account_id is None:
            return []
        now, left = self._clock(), iter(numbers)
        told: list[Told] = []
        for one in _counting(story, found, proof):
            fact = Fact(ident, next(left), now, one.kind, one.recipient, detail=one.detail)
            ledger.note(tx, [fact])
            if one.kind == "bounced":
                told.append(_bounced(fact, one.status))
            if not one.is_final:
                continue
            cause = Cause(
                number=next(left),
                ledger_id=ident,
                account_id=story.entry.account_id,
                recipient=one.recipient,
                kind="complaint" if one.kind == "complained" else "bounce",
                reason=one.detail,
                at=now,
            )
            event = suppression.fill(tx, self._settings, cause)
            told += [] if event is None else [event]
        return told


def is_final(failed: Failed) -> bool:
    """Whether a report says that there is no such mailbox, for good."""
    is_permanent = failed.status.startswith("5") and not failed.said.startswith("4")
    return is_permanent and of_reply(_reply(failed)) == "no-mailbox"


def _counting(story: Story, found: Returned, proof: Authentication) -> Iterator[Return]:
    """What of a report counts, each recipient once."""
    took = {one.recipient: _host(one) for one in story.facts if one.kind == "delivered"}
    got = {one.recipient for one in story.facts if one.kind in {"queued", "delivered"}}
    known = {(one.kind, one.recipient) for one in story.facts}
    for one in _all(found, tuple(got)):
        is_alone = len(got) == 1
        if one.recipient not in took or (one.kind, one.recipient) in known:
            continue
        if is_alone or comes_from(proof, one.recipient.rpartition("@")[2], took[one.recipient]):
            known.add((one.kind, one.recipient))
            yield one


def _all(found: Returned, got: Sequence[str]) -> Iterator[Return]:
    """Everything that a report says, of recipients as they are in the ledger."""
    for failed in found.failed:
        names = [name for name in map(folded, failed.names) if name in got]
        detail = clean(f"{_word(found.reporter)}: {_reply(failed)}")
        yield from [
            Return("bounced", name, detail, failed.status, is_final(failed)) for name in names[:1]
        ]
    if found.kind == "complaint":
        named = [name for name in map(folded, found.recipients) if name in got]
        for name in got if len(got) == 1 else named:
            yield Return("complained", name, "a feedback report says so", "", is_final=True)


def comes_from(proof: Authentication, *domains: str) -> bool:
    """Whether one of these domains, or one above or below it, is proven to have sent it."""
    good = [*proof.dkim, proof.name.rstrip("."), proof.spf_domain if proof.spf == "pass" else ""]
    return any(
        one == domain or domain.endswith(f".{one}") or one.endswith(f".{domain}")
        for one in [name.lower() for name in good if "." in name]
        for domain in [name.lower() for name in domains if "." in name]
    )


def _host(fact: Fact) -> str:
    """The server that took the message, from the words of the fact."""
    host, colon, _ = fact.detail.partition(": ")
    return host if colon and " " not in host else ""


def _reply(failed: Failed) -> str:
    return failed.said if failed.said[:3].isdecimal() else f"{failed.status} {failed.said}".strip()


def _word(text: str) -> str:
    return text if text and " " not in text else "unknown"


def _bounced(fact: Fact, status: str) -> MessageBounced:
    host, _, reply = fact.detail.partition(": ")
    return MessageBounced(
        queue_id=to_text(fact.ledger_id), host=host, status=status, recipient=fact.recipient,
        reply=reply, failure=of_reply(reply) or "other",
    )  # fmt: skip
