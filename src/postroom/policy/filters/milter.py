"""A milter hears of one SMTP session step by step, and may refuse, change and hold what comes.

    talk = Talk(settings, client)
    refusal = await talk.begin()        # CONNECT and HELO; then mail, rcpt, data
    ending = await talk.end(message)    # header block, body and the last word
    talk.forget(); talk.close()

Whatever goes wrong is a failure: the settings say whether the message goes on without it or is put
off. The next message begins with a new connection then. Every answer has its deadline, all of a
message together have four times as much.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from postroom.config.filters import Filter
from postroom.errors import MailError
from postroom.policy.filters import external
from postroom.policy.filters.finding import one_line
from postroom.policy.filters.wire import Failed, Wire, opened
from postroom.policy.verdict import Action, Verdict
from postroom.protocol.milter import session as milter
from postroom.protocol.milter.answers import (
    Change,
    Quarantine,
    ReplaceBody,
    ReplyCode,
    Word,
)
from postroom.protocol.milter.options import Stage
from postroom.protocol.milter.packets import Malformed, strings
from postroom.protocol.milter.session import ABORT, QUIT, Macros, Session
from postroom.protocol.smtp.replies import Reply, reply
from postroom.telemetry import sink
from postroom.telemetry.events import FilterFailed

WHOLE: Final = 4
"""A message may take as many times what one answer may."""
MAX_CHANGES: Final = 1_000
"""Answers that change something, of one message; those that bring another body not counted."""

REFUSED: Final = reply(550, "5.7.1", external.REFUSED)
DEFERRED: Final = reply(451, "4.7.1", external.DEFERRED)
GONE: Final = reply(421, "4.7.0", "The connection is closed by a filter")

_EARLY: Final = frozenset({Stage.CONNECT, Stage.HELO})
_OF_THEMSELVES: Final = frozenset({Stage.RCPT, Stage.UNKNOWN})
"""What is refused there is no more than that."""
_PROBLEMS: Final = (Failed, Malformed, MailError, TimeoutError, ConnectionError)

Refusal = tuple[Reply, str]
"""What the client is told, and the reason for the log."""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Who is there. ``name`` leads back to the address; ``tls`` is version and cipher."""

    address: str
    port: int
    name: str = ""
    helo: str = ""
    macros: Macros = {}
    tls: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is shown: fields with all octets behind their colons, body, its size."""

    fields: Sequence[tuple[bytes, bytes]]
    body: Callable[[], AsyncIterator[bytes]]
    size: int
    replace: Callable[[bytes], Awaitable[None]]
    """Takes the octets of another body; may raise MailError."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What a milter has come to. ``changes`` are without those of the body."""

    verdict: Verdict
    changes: tuple[Change, ...] = ()
    has_body: bool = False
    is_discarded: bool = False
    is_quarantined: bool = False


class Talk:
    """One milter at one SMTP session. Used by one task, one call at a time."""

    def __init__(self, settings: Filter, client: Client) -> None:
        self.settings = settings
        self.client = client
        self._wire: Wire | None = None
        self._session = Session()
        self._is_excused = False  # it has accepted all that comes of this client
        self._barred: Refusal | None = None
        self._discards = False  # whatever comes of this client
        self._action_of_client: Action = "pass"
        self._reasons_of_client: tuple[str, ...] = ()
        self._macros: Macros = {}
        self._begin_message()

    def _begin_message(self) -> None:
        self._is_listening = False
        self._is_skipping = False
        self._failure: str | None = None
        self._reasons = list(self._reasons_of_client)
        self._action = self._action_of_client
        self._reply: Reply | None = None
        self._is_discarded = False
        self._left = WHOLE * self.settings.seconds

    # -- the steps

    async def begin(self) -> Refusal | None:
        """Tell it who is there, unless it knows. A failure shows with ``mail`` only."""
        self._begin_message()
        if self._wire is not None or self._is_excused:
            return self._barred
        client = self.client
        try:
            await self._open()
            host = milter.connect(client.name, client.address, client.port)
            refusal = await self._step(Stage.CONNECT, host, client.macros)
            if refusal is None and not self._is_excused:
                version, _, cipher = client.tls.partition(" ")
                macros = {b"{tls_version}": version.encode(), b"{cipher}": cipher.encode()}
                name = strings(client.helo.encode("utf-8", "replace"))
                refusal = await self._step(Stage.HELO, name, macros)
        except _PROBLEMS as error:
            self._fail(error)
            return None
        self._barred = refusal
        self._action_of_client, self._reasons_of_client = self._action, tuple(self._reasons)
        return refusal

    async def mail(self, data: bytes, macros: Macros) -> Refusal | None:
        """A message begins; ``data`` is of ``milter.path``.

        A connection that has ended since the last message, as with a milter that was started
        anew, is no failure yet.
        """
        is_old = self._wire is not None
        refusal = await self.begin()
        if refusal is not None or self._failure is not None:
            return refusal or self._deferred()
        self._is_discarded = self._discards
        self._is_listening = self._wire is not None and not self._is_excused
        self._macros = macros
        if not self._is_listening:
            return None
        try:
            refusal = await self._step(Stage.MAIL, data, macros)
        except _PROBLEMS as error:
            if is_old:
                self._drop()
                return await self.mail(data, macros)
            self._fail(error)
            return self._deferred()
        if refusal is not None:
            self._is_listening = False
        return refusal

    async def rcpt(self, data: bytes, macros: Macros) -> Refusal | None:
        """One recipient more."""
        return await self._told(Stage.RCPT, data, macros)

    async def unknown(self, data: bytes, *, in_message: bool) -> Refusal | None:
        """A line with no command of ours, between messages or not; what is refused is the line.

        Nobody is asked who has settled what becomes of the message, or of all of this client.
        """
        is_settled = in_message and not self._is_listening
        if self._wire is None or self._is_excused or self._barred is not None or is_settled:
            return None
        if not in_message:
            self._left = WHOLE * self.settings.seconds
        try:
            return await self._step(Stage.UNKNOWN, data)
        except _PROBLEMS as error:
            if not in_message and isinstance(error, Failed | ConnectionError):
                self._drop()  # see mail
            else:
                self._fail(error)
            return None

    async def data(self) -> Refusal | None:
        """The message itself comes next."""
        return await self._told(Stage.DATA, b"", self._macros)

    async def end(self, message: Message) -> Ending:
        """The message has come whole."""
        settings = self.settings
        changes: list[Change] = []
        has_body = False
        if self._is_listening and message.size > settings.most:
            told = f"not asked: {message.size} octets, it is shown {settings.most} at most"
            self._reasons.append(told)
            self.forget()
        elif self._is_listening:
            try:
                changes, has_body = await self._show(message)
            except _PROBLEMS as error:
                self._fail(error)
        self._is_listening = False
        return self._ended(changes, has_body=has_body)

    def failed(self, reason: str) -> Ending:
        """What it wants can't be done: its ending is a failure."""
        self._fail(Failed(reason))
        return self._ended()

    def forget(self) -> None:
        """The message does not come, or is not shown any further. Harmless at any time."""
        if self._is_listening and self._wire is not None:
            self._wire.say(ABORT)
        self._is_listening = False

    def close(self) -> None:
        """The session is over. Harmless at any time."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.say(QUIT)
            wire.close()

    def _ended(self, changes: Sequence[Change] = (), *, has_body: bool = False) -> Ending:
        late = self._deferred()
        if late is not None:
            self._action, self._reply = "defer", late[0]
        if self._action in ("refuse", "defer"):
            changes, has_body = (), False
        held = [one.reason for one in changes if isinstance(one, Quarantine)]
        is_quarantined = bool(held) and self._weighed("quarantined", held[0])
        return Ending(
            verdict=Verdict(
                stage=self.settings.called,
                action=self._action,
                reason=one_line("; ".join(self._reasons)),
                reply=self._reply,
            ),
            changes=tuple([one for one in changes if not isinstance(one, Quarantine)]),
            has_body=has_body,
            is_discarded=self._is_discarded,
            is_quarantined=is_quarantined,
        )

    # -- what it says

    async def _told(self, stage: Stage, data: bytes, macros: Macros) -> Refusal | None:
        if self._failure is not None:
            return self._deferred()
        if not self._is_listening:
            return None
        try:
            return await self._step(stage, data, macros)
        except _PROBLEMS as error:
            self._fail(error)
            return self._deferred()

    async def _step(
        self,
        stage: Stage,
        data: bytes,
        macros: Macros | None = None,
        changed: Callable[[Change], Awaitable[None]] | None = None,
    ) -> Refusal | None:
        """One step, heeded. Raises one of _PROBLEMS."""
        said = await self._exchange(stage, data, macros, changed)
        if said is Word.CONTINUE:
            return None
        if said is Word.SKIP:
            self._is_skipping = True
            return None
        if said is Word.ACCEPT:
            self._is_listening = False
            self._is_excused = stage in _EARLY
            return None
        if said is Word.DISCARD:
            self._is_listening = False
            self._is_excused = stage in _EARLY
            if self._weighed("discarded", f"at {stage.name}"):
                self._is_discarded = True
                self._discards = stage in _EARLY
            return None
        answer = _reply(said)
        if stage not in _OF_THEMSELVES:
            self._is_listening = False
        if answer.code == 421:
            self.close()
        text = f"{answer.code} {answer.status} {answer.lines[0]}"
        says_nothing_of_it = stage is Stage.UNKNOWN or not answer.is_permanent
        if self._weighed("refused", f"at {stage.name}: {text}", is_late=says_nothing_of_it):
            return answer, f"{self.settings.called}: {text}"
        self._is_excused = stage in _EARLY
        return None

    def _weighed(self, what: str, why: str, *, is_late: bool = False) -> bool:
        """Whether the settings let it do so; if not, perhaps the message is junk."""
        self._reasons.append(f"{what} ({why})")
        gravest = self.settings.gravest
        if gravest == "junk" and not is_late:
            self._action = "junk"
        return gravest == "refuse"

    # -- a whole message

    async def _show(self, message: Message) -> tuple[list[Change], bool]:
        """What it changes, and whether there is another body. Raises one of _PROBLEMS."""
        changes: list[Change] = []
        has_body = False

        async def changed(change: Change) -> None:
            nonlocal has_body
            if isinstance(change, ReplaceBody):
                has_body = True
                await message.replace(change.octets)
                return
            changes.append(change)
            if len(changes) > MAX_CHANGES:
                raise Failed(f"it changes more than {MAX_CHANGES} things")

        refusal = await self._show_head(message.fields)
        if refusal is None:
            refusal = await self._show_body(message)
        if refusal is None and self._is_listening:
            refusal = await self._step(Stage.END, b"", self._macros, changed)
        if refusal is not None:
            self._reply = refusal[0]
            self._action = "refuse" if self._reply.is_permanent else "defer"
        return changes, has_body

    async def _show_head(self, fields: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
        keeps_space = self._session.keeps_space
        for name, value in fields:
            data = milter.header(name, value, keeps_space=keeps_space)
            refusal = await self._step(Stage.HEADER, data)
            if refusal is not None or not self._is_listening:
                return refusal
        return await self._step(Stage.EOH, b"", self._macros)

    async def _show_body(self, message: Message) -> Refusal | None:
        options = self._session.options
        self._is_skipping = not options.wants(Stage.BODY)
        if self._has_enough():
            return None
        async for piece in message.body():
            for at in range(0, len(piece), options.block):
                refusal = await self._step(Stage.BODY, piece[at : at + options.block])
                if refusal is not None or self._has_enough():
                    return refusal
        return None

    def _has_enough(self) -> bool:
        return self._is_skipping or not self._is_listening

    # -- the wire

    async def _open(self) -> None:
        self._session = session = Session()
        async with self._deadline():
            self._wire = wire = await opened(self.settings.place)
            await wire.send(session.offer())
            while not session.is_agreed():
                session.feed(await wire.next())

    async def _exchange(
        self,
        stage: Stage,
        data: bytes,
        macros: Macros | None,
        changed: Callable[[Change], Awaitable[None]] | None,
    ) -> Word | ReplyCode:
        session, wire = self._session, self._wire
        if wire is None:
            raise Failed("it closed the connection")
        async with self._deadline():
            octets = session.command(stage, data, macros)
            if octets:
                await wire.send(octets)
        while session.is_waiting:
            async with self._deadline():
                while (said := session.answer()) is None:
                    session.feed(await wire.next())
            if isinstance(said, Word | ReplyCode):
                if said is not Word.PROGRESS:
                    return said
            elif changed is not None:
                await changed(said)
        return Word.CONTINUE

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """What is inside has as much time as an answer, and counts for the message."""
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(max(0.0, min(self.settings.seconds, self._left))):
                yield
        finally:
            self._left -= clock() - began

    def _fail(self, error: Exception) -> None:
        settings = self.settings
        reason = one_line(str(error))
        if isinstance(error, TimeoutError):
            reason = f"no answer within {settings.seconds:g} s"
        elif isinstance(error, ConnectionError):
            reason = f"the connection was lost: {reason}"
        sink.emit(FilterFailed(filter=settings.called, action=settings.on_failure, reason=reason))
        self._drop()
        is_late = settings.on_failure == "defer"
        self._failure = f"failed: {reason}" if is_late else f"failed, went on without it: {reason}"
        self._reasons.append(self._failure)

    def _drop(self) -> None:
        """End the connection without a word."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        self._is_listening = False

    def _deferred(self) -> Refusal | None:
        """What the client is told after a failure."""
        if self._failure is None or self.settings.on_failure == "accept":
            return None
        return external.UNAVAILABLE, f"{self.settings.called}: {self._failure}"


def _reply(said: Word | ReplyCode) -> Reply:
    if isinstance(said, ReplyCode):
        fallback = REFUSED if said.code >= 500 else DEFERRED
        lines = said.lines if any(said.lines) else fallback.lines
        return Reply(said.code, said.status or fallback.status, lines)
    if said in (Word.SHUTDOWN, Word.CONNECTION_FAILED):
        return GONE
    return DEFERRED if said is Word.TEMPFAIL else REFUSED
