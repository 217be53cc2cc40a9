"""Tells what was concluded: queue, ledger, notices, log.

Each call begins a task that makes the notices and settles; couriers await them all before
their batch ends. When a notice can't be made because of a fault of ours, what was delivered
is written all the same, and the rest of the message is put aside: it must neither be sent
again for ever nor vanish.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Final

import msgspec

from postroom.db.ids import Ids, to_text
from postroom.delivery.conclusions import EXPIRED, Conclusion, Judge
from postroom.delivery.content import Loaded
from postroom.delivery.finisher import Finished
from postroom.delivery.gathering import Gathering
from postroom.delivery.notices import Kind as NoticeKind, Notices, Original
from postroom.delivery.peer import Peer
from postroom.delivery.schedule import Schedule, is_late
from postroom.delivery.settler import NotFiled, Result, Settler
from postroom.errors import MailError
from postroom.ledger.rows import Fact, Kind as FactKind, clean, folded
from postroom.post.letter import Letter
from postroom.post.suppression import Cause
from postroom.protocol.smtp.client_replies import local_reply
from postroom.queue.rows import OURS, Queued
from postroom.queue.settling import Outcome, Settled
from postroom.telemetry import sink
from postroom.telemetry.event import trace_of
from postroom.telemetry.events import (
    DeliveryFailed,
    MessageBounced,
    MessageDeferred,
    MessageDelivered,
    MessageQuarantined,
    StorageTrouble,
)

PAUSE: Final = 5.0  # seconds until a notice that could not be made is tried again

_NOTICES: Final[dict[NoticeKind, str]] = {
    "failed": "failure",
    "delayed": "delay",
    "relayed": "success",
    "delivered": "success",
}
_FACTS: Final[dict[str, FactKind]] = {
    "delivered": "delivered",
    "later": "deferred",
    "returned": "bounced",
}


class Reporter:
    """One a process. ``clock`` is UTC milliseconds."""

    def __init__(
        self,
        settler: Settler,
        gathering: Gathering,
        notices: Notices,
        ids: Ids,
        clock: Callable[[], int],
        schedule: Schedule,
    ) -> None:
        self._settler = settler
        self._gathering = gathering
        self._notices = notices
        self._ids = ids
        self._clock = clock
        self._schedule = schedule

    def delivered(
        self,
        loaded: Loaded,
        conclusions: Sequence[Conclusion],
        peer: Peer,
        milliseconds: int,
    ) -> "asyncio.Future[None]":
        """A server has answered a transaction."""
        good = [one for one in conclusions if one.kind == "delivered"]
        if good:
            sink.emit(
                MessageDelivered(
                    queue_id=to_text(loaded.claimed.letter.id),
                    host=good[0].host,
                    tls=peer.tls,
                    recipients=len(good),
                    destination=good[0].recipient.destination,
                    seconds=milliseconds / 1000,
                    reply=str(good[0].reply),
                )
            )
        if len(good) == len(conclusions) and not any(one.recipient.notify for one in good):
            return self._gathering.add(
                Finished(
                    Settled(loaded.claimed.letter.id, tuple([_outcome(one) for one in good])),
                    tuple(self._facts(loaded, good)),
                )
            )
        relayed = [] if peer.extensions.dsn else good
        self._log(loaded, conclusions)
        return self._begin(self._told(loaded, conclusions, "relayed", relayed))

    def report(self, loaded: Loaded, conclusions: Sequence[Conclusion]) -> asyncio.Task[None]:
        """Something was concluded without a server."""
        self._log(loaded, conclusions)
        return self._begin(self._told(loaded, conclusions))

    def file(
        self,
        loaded: Loaded,
        one: Conclusion,
        letters: tuple[Letter, ...],
        follow: Callable[[], Awaitable[None]],
    ) -> asyncio.Task[None]:
        """One recipient is filed here: ``letters`` are committed with the conclusion.

        ``follow`` comes once they are.
        """
        if one.kind != "delivered":
            return self.report(loaded, [one])
        return self._begin(self._filed(loaded, one, letters, follow))

    async def warn(self, loaded: Loaded, late: Sequence[Conclusion]) -> None:
        """Tell the sender of a delay, of recipients that nobody has claimed."""
        ident = loaded.claimed.letter.id
        warned = tuple([one.recipient for one in late])
        try:
            notices = await self._notice("delayed", loaded, late)
        except Exception as error:  # noqa: BLE001 - the others are still to be told
            self._fault(loaded, error)
            notices = []
        facts = tuple(self._notice_facts("delayed", loaded, notices))
        await self._settler.settle(
            Result(Settled(ident, ()), facts=facts, letters=tuple(notices), warned=warned)
        )

    def _begin(self, telling: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(telling)

    async def _filed(
        self,
        loaded: Loaded,
        one: Conclusion,
        letters: tuple[Letter, ...],
        follow: Callable[[], Awaitable[None]],
    ) -> None:
        try:
            if await self._settled(loaded, [one], "delivered", [one], letters):
                await follow()
        except NotFiled as error:
            reason = error.reason
            reply = local_reply(reason.code, reason.status, reason.text)
            judge = Judge(self._schedule, self._clock(), 0.5)
            refused = judge.conclude(loaded.claimed.letter, one.recipient, reply)
            self._log(loaded, [refused])
            await self._told(loaded, [refused])

    async def _told(
        self,
        loaded: Loaded,
        conclusions: Sequence[Conclusion],
        success: NoticeKind = "relayed",
        untold: Sequence[Conclusion] = (),
    ) -> None:
        await self._settled(loaded, conclusions, success, untold)

    async def _settled(
        self,
        loaded: Loaded,
        conclusions: Sequence[Conclusion],
        success: NoticeKind,
        untold: Sequence[Conclusion],
        letters: tuple[Letter, ...] = (),
    ) -> bool:
        """``untold``: those whose success nobody else will tell the sender.

        False when it came to nothing: the recipients are not ours any more.
        """
        try:
            result = await self._result(loaded, conclusions, success, untold, letters)
            return bool((await self._settler.settle(result)).done)
        except NotFiled:
            raise
        except Exception as error:  # noqa: BLE001 - see the module's text
            self._fault(loaded, error)
            await self._settler.settle(self._put_aside(loaded, conclusions, error))
            return False

    async def _result(
        self,
        loaded: Loaded,
        conclusions: Sequence[Conclusion],
        success: NoticeKind,
        untold: Sequence[Conclusion],
        letters: tuple[Letter, ...],
    ) -> Result:
        returned = [one for one in conclusions if one.kind == "returned"]
        late = [one for one in conclusions if self._is_late(loaded, one)]
        wanted: list[tuple[NoticeKind, Sequence[Conclusion]]] = [
            ("failed", returned),
            ("delayed", late),
            (success, untold if any(one.recipient.notify for one in untold) else ()),
        ]
        notices, facts = list(letters), self._facts(loaded, conclusions)
        for kind, some in wanted:
            if some:
                found = await self._notice(kind, loaded, some)
                notices += found
                facts += self._notice_facts(kind, loaded, found)
        return Result(
            Settled(loaded.claimed.letter.id, tuple([_outcome(one) for one in conclusions])),
            facts=tuple(facts),
            letters=tuple(notices),
            warned=tuple([one.recipient for one in late]),
            causes=self._causes(loaded.claimed.letter, returned),
            is_filing=bool(letters),
        )

    def _causes(self, letter: Queued, returned: Sequence[Conclusion]) -> tuple[Cause, ...]:
        """Whom the account that has sent it should not write to again."""
        account_id = letter.account_id
        if account_id is None or letter.origin != OURS:
            return ()
        return tuple(
            [
                Cause(
                    number=self._ids.next(),
                    ledger_id=letter.id,
                    account_id=account_id,
                    recipient=one.recipient.address.decode("utf-8", "replace"),
                    kind="bounce",
                    reason=str(one.reply),
                    at=self._clock(),
                )
                for one in returned
                if one.is_no_mailbox
            ]
        )

    def _put_aside(
        self, loaded: Loaded, conclusions: Sequence[Conclusion], error: Exception
    ) -> Result:
        """What was delivered is; nobody was told of the rest, so it stays, quarantined."""
        told = [one for one in conclusions if one.kind == "delivered"]
        rest = [
            msgspec.structs.replace(one, kind="later", next_attempt=self._clock())
            for one in conclusions
            if one.kind != "delivered"
        ]
        ident = loaded.claimed.letter.id
        if rest:
            sink.emit(MessageQuarantined(queue_id=to_text(ident), reason=repr(error)))
        return Result(
            Settled(ident, tuple([_outcome(one) for one in [*told, *rest]])),
            facts=tuple(self._facts(loaded, [*told, *rest])),
            is_quarantined=bool(rest),
        )

    def _fault(self, loaded: Loaded, error: Exception) -> None:
        sink.emit(
            DeliveryFailed(
                queue_id=to_text(loaded.claimed.letter.id),
                traceback=trace_of(error),
            )
        )

    async def _notice(
        self, kind: NoticeKind, loaded: Loaded, conclusions: Sequence[Conclusion]
    ) -> list[Letter]:
        """Tries until it is made: without it the end of a delivery is not written either."""
        body = loaded.opened.octets if not loaded.opened.table else None
        original = Original(loaded.claimed.letter, loaded.head, body)
        while True:
            try:
                found = await self._notices.of(kind, original, conclusions)
            except MailError as error:
                sink.emit(StorageTrouble(where="notice", reason=str(error)))
                await asyncio.sleep(PAUSE)
            else:
                return [] if found is None else [found]

    def _notice_facts(
        self, kind: NoticeKind, loaded: Loaded, notices: Sequence[Letter]
    ) -> list[Fact]:
        """Who was told of it, and in which message; of a failure also that nobody was."""
        told = [
            f"a notice of {_NOTICES[kind]} went to {', '.join(_recipients(one))},"
            f" id {to_text(one.entry.id)}"
            for one in notices
            if one.entry is not None
        ]
        if not told and kind == "failed":
            told = ["no notice was sent"]
        ident, now = loaded.claimed.letter.id, self._clock()
        return [Fact(ident, self._ids.next(), now, "noted", "", detail=clean(one)) for one in told]

    def _is_late(self, loaded: Loaded, one: Conclusion) -> bool:
        return (
            one.kind == "later"
            and not one.recipient.warned
            and is_late(self._schedule, due=loaded.claimed.letter.first_attempt, now=self._clock())
        )

    def _facts(self, loaded: Loaded, conclusions: Sequence[Conclusion]) -> list[Fact]:
        now = self._clock()
        return [
            Fact(
                loaded.claimed.letter.id,
                self._ids.next(),
                now,
                _FACTS[one.kind],
                folded(one.recipient.address.decode("utf-8", "replace")),
                detail=clean(_detail(one)),
            )
            for one in conclusions
            if one.kind in _FACTS
        ]

    def _log(self, loaded: Loaded, conclusions: Sequence[Conclusion]) -> None:
        queue_id = to_text(loaded.claimed.letter.id)
        later = [one for one in conclusions if one.kind == "later"]
        if later:
            first = later[0]
            sink.emit(
                MessageDeferred(
                    queue_id=queue_id,
                    host=first.host,
                    recipients=len(later),
                    destination=first.recipient.destination,
                    seconds=max(0, first.next_attempt - self._clock()) // 1000,
                    reply=str(first.reply),
                    failure=first.failure,
                )
            )
        for one in conclusions:
            if one.kind == "returned":
                sink.emit(
                    MessageBounced(
                        queue_id=queue_id,
                        host=one.host,
                        status=one.status,
                        recipient=one.recipient.address.decode("utf-8", "replace"),
                        reply=str(one.reply),
                        failure=one.failure,
                    )
                )


def _recipients(letter: Letter) -> list[str]:
    return [one.recipient for one in letter.copies] + [
        one.recipient.decode("utf-8", "replace") for one in letter.outgoing
    ]


def _detail(one: Conclusion) -> str:
    said = f"{one.host}: {one.reply}" if one.host else str(one.reply)
    if one.reply.is_local and one.host:  # no server has said it
        said = f"{one.reply} (at {one.host})"
    return f"given up after the last attempt: {said}" if one.status == EXPIRED else said


def _outcome(one: Conclusion) -> Outcome:
    recipient = one.recipient
    if one.kind in {"delivered", "returned"}:
        return Outcome(recipient.number, recipient.lease, recipient.destination, "done")
    return Outcome(
        recipient.number,
        recipient.lease,
        recipient.destination,
        "later",
        next_attempt=one.next_attempt,
        reply="" if one.kind == "back" else str(one.reply),
        tried=one.kind == "later",
    )
