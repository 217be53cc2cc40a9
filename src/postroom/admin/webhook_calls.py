"""Telling hooks what has happened: a job of the server.

What happened to messages comes from the ledger, in the transaction that made it true; other
events of this process come from telemetry. Each is made a call for every hook that wants it, in
one transaction; calls are tried for a day, side by side but one of a hook at a time, so that a
slow one holds up itself only. Where there are more hooks than places, those that fail have half of
them, and one that takes long gives its place up to the next. A call is a POST of JSON, signed as Standard Webhooks says:
HMAC-SHA-256 over ``id.timestamp.body``.
"""

import asyncio
import base64
import collections
import contextlib
import hmac
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from postroom.admin import names, trace, webhooks
from postroom.admin.office import Office
from postroom.config.webhooks import Webhooks
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory import accounts
from postroom.errors import MailError
from postroom.ledger import hook_answers, hooks, occurrences, rows as ledger
from postroom.ledger.hook_answers import HookAnswer
from postroom.ledger.hooks import Hook, HookCall
from postroom.ledger.occurrences import Occurrence
from postroom.message.failures import Failure, of_reply
from postroom.net.fetch import FetchFailed, Names, Rules, send
from postroom.net.networks import parse
from postroom.telemetry import sink
from postroom.telemetry.event import Event
from postroom.telemetry.trouble import quietly

PAUSE: Final = 1.0  # seconds between two looks
TOGETHER: Final = 200  # occurrences in one transaction
PAUSES: Final = (10, 60, 300, 900, 3_600)  # seconds before the next attempts; then the last again
ATTEMPTS: Final = 28  # so a call is given up after a day
UNHEARD: Final = 1_000  # events that wait to be written
TURN: Final = 5.0  # seconds that a hook keeps a place which others wait for
_MAX_ANSWER: Final = 4_096  # octets of an answer that are read


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call tells of a message. ``reply`` is that of the other server.

    ``failure`` is the class of one that is not positive (``message.failures``).
    """

    id: str
    message_id: str
    sender: str
    recipient: str
    subject: str
    size: int
    account: str = ""
    reply: str = ""
    failure: Failure | Literal[""] = ""


class Told(msgspec.Struct, frozen=True):
    """The body of a call. ``data``: a ``Message``, or the members of the event."""

    type: str
    timestamp: str
    data: Message | dict[str, Any]


class _Kind(msgspec.Struct, frozen=True):
    """What stands in any body."""

    type: str


class Answer(msgspec.Struct, frozen=True):
    """What came of a call; ``text`` is the status or the reason."""

    is_good: bool
    text: str


class Caller:
    """Hears, writes down and calls. ``run`` is its whole life."""

    def __init__(self, office: Office, resolver: Names, settings: Webhooks | None = None) -> None:
        self._office = office
        self._resolver = resolver
        self._settings = settings or office.config.webhooks
        self._rules = rules_of(self._settings)
        self._lease = round(self._settings.seconds * 3_000) + 5_000
        self._heard: collections.deque[Event] = collections.deque(maxlen=UNHEARD)
        self._calling: dict[int, asyncio.Task[None]] = {}
        self._ailing: set[int] = set()  # those of them whose last call has failed

    async def run(self) -> None:
        """Until it is cancelled; calls that are on their way are broken off and come again."""
        try:
            with sink.heard(self.hear):
                while True:
                    await quietly("webhooks", self.turn)
                    await asyncio.sleep(PAUSE)
        finally:
            for task in self._calling.values():
                task.cancel()
            await asyncio.gather(*self._calling.values(), return_exceptions=True)

    def hear(self, event: Event) -> None:
        """Take note of an event of this process; from any thread."""
        tag = event.__struct_config__.tag
        if tag in webhooks.EVENTS and tag not in _WRITTEN:
            self._heard.append(event)

    async def turn(self) -> None:
        """Write down what was heard, make calls of what happened, begin those that are due."""
        while self._heard:
            some = [self._heard.popleft() for _ in range(len(self._heard))]
            try:
                await self._write_down(some)
            except MailError:
                self._heard.extendleft(reversed(some))  # for the next turn
                raise
        if await self._office.db.read(occurrences.is_any):
            while await self._office.db.write(self._fan_out) == TOGETHER:
                pass
        await self._call_due()

    async def finish(self) -> None:
        """Wait for the calls that are on their way."""
        await asyncio.gather(*self._calling.values())

    async def _write_down(self, events: Sequence[Event]) -> None:
        now = self._office.now()
        some = [
            Occurrence(
                0, self._office.ids.next(), now, str(one.__struct_config__.tag), None,
                str(getattr(one, "account", getattr(one, "domain", ""))),
                msgspec.json.encode(one).decode(),
            )
            for one in events
        ]  # fmt: skip

        def write(tx: Tx) -> None:
            if any(hook.is_on for hook in hooks.listing(tx)):
                occurrences.add(tx, some)

        await self._office.db.write(write)

    def _fan_out(self, tx: Tx) -> int:
        """The next occurrences become calls; how many there were."""
        some = occurrences.take(tx, TOGETHER)
        if not some:
            return 0
        wanting = webhooks.present(tx)
        calls: list[HookCall] = []
        for one in some:
            takers = [hook for hook in wanting if hook.is_on and one.event in hook.events]
            if not takers:
                continue
            body, whose = _body(tx, one)
            calls += [
                HookCall(
                    self._office.ids.next(), hook.id, _event_id(one), body, 0, self._office.now()
                )
                for hook in takers
                if not hook.within or hook.within in {whose, whose.rpartition("@")[2]}
            ]
        hooks.call(tx, calls)
        hooks.trim(tx)
        return len(some)

    async def _call_due(self) -> None:
        room = self._settings.at_once - len(self._calling)
        if room <= 0:
            return
        now, lease = self._office.now(), self._lease
        busy = list(self._calling)
        ailing = max(1, self._settings.at_once // 2) - len(self._ailing)

        def claim(tx: Tx) -> list[tuple[HookCall, Hook]]:
            due = hooks.claim(tx, now, lease, room, busy, ailing)
            return [(one, hooks.require(tx, one.hook_id)) for one in due]

        if not await self._office.db.read(lambda tx: hooks.is_due(tx, now, busy, ailing)):
            return
        for one, hook in await self._office.db.write(claim):
            if hook.failures:
                self._ailing.add(hook.id)
            self._calling[hook.id] = asyncio.create_task(self._carry(one, hook))

    async def _carry(self, one: HookCall, hook: Hook) -> None:
        """One call and the next ones of the same hook, while they go well."""
        try:
            await self._calls(one, hook)
        finally:
            del self._calling[hook.id]
            self._ailing.discard(hook.id)

    async def _calls(self, one: HookCall, hook: Hook) -> None:
        office = self._office
        began = asyncio.get_running_loop().time()
        while True:
            answer = await call(office, hook, one.event_id, one.body, self._resolver, self._rules)
            if answer.is_good:
                self._ailing.discard(hook.id)
            now = office.now()
            lease = self._lease if answer.is_good and not self._gives_way(began) else 0
            told = _answer(office, one, answer)
            again = None if answer.is_good else _again(one, now)

            def write(
                tx: Tx, one: HookCall = one, answer: Answer = answer, again: int | None = again,
                now: int = now, told: HookAnswer = told, lease: int = lease,
            ) -> HookCall | None:  # fmt: skip
                hooks.settle(tx, one, again)
                hook_answers.add(tx, told)
                hooks.answered(tx, hook.id, is_good=answer.is_good, answer=answer.text, now=now)
                return hooks.next_of(tx, hook.id, now, lease) if lease else None

            following = None
            with contextlib.suppress(MailError):  # it comes again when its lease has ended
                following = await office.db.write(write)
            if following is None:
                return
            one = following

    def _gives_way(self, began: float) -> bool:
        """Whether a hook that is told since then has had its turn, while others may wait."""
        is_full = len(self._calling) >= self._settings.at_once
        return is_full and asyncio.get_running_loop().time() - began >= TURN


async def call(
    office: Office, hook: Hook, event_id: str, body: str, resolver: Names, rules: Rules
) -> Answer:
    """One attempt; 2xx is good."""
    seconds = office.now() // 1000
    octets = body.encode()
    signed = b"%b.%d.%b" % (event_id.encode(), seconds, octets)
    digest = hmac.digest(webhooks.secret_of(office, hook), signed, "sha256")
    fields = (
        ("Webhook-Id", event_id),
        ("Webhook-Timestamp", str(seconds)),
        ("Webhook-Signature", "v1," + base64.b64encode(digest).decode("ascii")),
    )
    try:
        found = await send(
            "POST", hook.url, resolver, rules, body=octets, content_type="application/json",
            fields=fields,
        )  # fmt: skip
    except FetchFailed as error:
        return Answer(is_good=False, text=error.reason[:200])
    return Answer(is_good=200 <= found.status < 300, text=str(found.status))


async def test(office: Office, ident: str, *, resolver: Names) -> Answer:
    """Call a hook with the event ``webhook.test``, now. Raises NotFound."""
    number = webhooks.hook_id(ident)
    hook = await office.directory.look(lambda tx: hooks.require(tx, number))
    told = Told("webhook.test", _moment(office.now()), {"webhook": ident})
    body = msgspec.json.encode(told).decode()
    rules = rules_of(office.config.webhooks)
    one = HookCall(0, number, f"test-{to_text(office.ids.next())}", body, 0, 0)
    answer = await call(office, hook, one.event_id, body, resolver, rules)
    remembered = _answer(office, one, answer)
    await office.db.write(lambda tx: hook_answers.add(tx, remembered))
    return answer


def rules_of(settings: Webhooks) -> Rules:
    """Where calls may go."""
    return Rules(
        seconds=float(settings.seconds),
        max_body=_MAX_ANSWER,
        ports=settings.ports,
        allow_private=tuple(map(parse, settings.private_networks)),
        authorities=settings.authorities(),
    )


def _event_id(one: Occurrence) -> str:
    return f"{to_text(one.ledger_id)}-{one.number}" if one.ledger_id else to_text(one.number)


def _body(tx: Tx, one: Occurrence) -> tuple[str, str]:
    """What a call tells, and whose affair it is: an address or a domain, "" for the server's.

    Of a message that came it is the account that has it; of one that leaves who sent it.
    """
    data: Message | dict[str, Any]
    if one.ledger_id:
        data = _message(tx, one)
        whose = data.account
    else:
        data = msgspec.json.decode(one.content, type=dict)
        data.pop("event", None)
        whose = one.recipient
    return msgspec.json.encode(Told(one.event, _moment(one.at), data)).decode(), whose


def _message(tx: Tx, one: Occurrence) -> Message:
    entry = ledger.entry(tx, one.ledger_id)
    ident = one.account_id or (entry and entry.account_id)
    account = accounts.by_id(tx, ident) if ident else None
    return Message(
        id=to_text(one.ledger_id),
        message_id=entry.message_id if entry else "",
        sender=entry.sender if entry else "",
        recipient=one.recipient,
        subject=entry.subject if entry else "",
        size=entry.size if entry else 0,
        account=str(account.address) if account else "",
        reply=one.content,
        failure=(of_reply(trace.said(one.content)[1]) or "") if one.event in _FAILED else "",
    )


def _moment(milliseconds: int) -> str:
    return names.moment(milliseconds).isoformat().replace("+00:00", "Z")


def _answer(office: Office, one: HookCall, answer: Answer) -> HookAnswer:
    """What is remembered of an attempt."""
    return HookAnswer(
        one.hook_id, office.ids.next(), office.now(), msgspec.json.decode(one.body, type=_Kind).type,
        one.event_id, one.attempts + 1, answer.is_good, answer.text,
    )  # fmt: skip


def _again(one: HookCall, now: int) -> int | None:
    """When a call that failed is tried again; None: never."""
    if one.attempts + 1 >= ATTEMPTS:
        return None
    return now + 1_000 * PAUSES[min(one.attempts, len(PAUSES) - 1)]


_FAILED: Final = frozenset({"message.deferred", "message.bounced"})
_WRITTEN: Final = frozenset(occurrences.EVENTS.values()) | occurrences.WRITTEN
