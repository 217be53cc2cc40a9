"""An IMAP server of others, as a client reads it: log in, list, examine, fetch.

Mailboxes are opened with EXAMINE: nothing is changed there unless somebody asks to. Of each
command no more octets are taken than it may answer with. RFC 9051, RFC 6154, RFC 4959 (SASL-IR).
"""

import base64
import binascii
import secrets
import ssl
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from postroom.net.channel import Channel, Remote, RemoteFailed
from postroom.protocol.imap.client import ClientSession, Completed, Continued, Untagged, quoted
from postroom.protocol.imap.client_values import ServerFault, number, pairs
from postroom.protocol.imap.names import BadName, decode_name
from postroom.protocol.sasl.client import ChallengeFault, Credentials, choose, start

MAX_ANSWER: Final = 32 << 20  # octets that a command may be answered with
MAX_FOLDERS: Final = 20_000

Taker = Callable[[Untagged], None]


class Folder(msgspec.Struct, frozen=True):
    """A mailbox there. ``raw`` is its name on the wire; ``levels`` what people call it."""

    raw: bytes
    levels: tuple[str, ...]
    attributes: frozenset[str]


class Selected(msgspec.Struct):
    """What is known of the mailbox that is open; ``shifts``: sequence numbers have changed."""

    exists: int = 0
    uidvalidity: int = 0
    shifts: int = 0


class ImapConnection(Remote):
    """One connection. Every method raises RemoteFailed."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._session = ClientSession()
        self.capabilities: frozenset[bytes] = frozenset()
        self.selected = Selected()
        self._taken = 0  # octets of the answer so far

    async def login(self, login: str, secret: str, *, is_token: bool = False) -> None:
        """Log in the best way that both have; ``is_token``: the secret is one of OAuth."""
        offered = frozenset(
            one[5:].decode("ascii", "replace")
            for one in self.capabilities
            if one.startswith(b"AUTH=")
        )
        name = choose(offered, has_token=is_token, allow_plain=True)
        if name is not None:
            await self._authenticate(name, Credentials(login=login, secret=secret))
        elif is_token:
            raise RemoteFailed(f"{self._channel.host} does not offer login by token", is_login=True)
        elif b"LOGINDISABLED" in self.capabilities:
            raise RemoteFailed(f"{self._channel.host} does not offer login by password: use TLS")
        else:
            try:
                words = b"LOGIN %b %b" % (quoted(login.encode()), quoted(secret.encode()))
            except ValueError:
                raise RemoteFailed("the login or password holds a line end") from None
            await self._run(words, is_login=True)
        await self._ask_capabilities()

    async def folders(self) -> list[Folder]:
        """The mailboxes that can be opened."""
        found: list[Folder] = []

        def take(one: Untagged) -> None:
            if one.name == b"LIST" and len(one.values) >= 3 and len(found) < MAX_FOLDERS:
                folder = _folder(one)
                if folder is not None:
                    found.append(folder)

        returns = b""
        if {b"LIST-EXTENDED", b"SPECIAL-USE"} <= self.capabilities:
            returns = b" RETURN (SPECIAL-USE)"
        await self._run(b'LIST "" "*"' + returns, take)
        return found

    async def messages(self, folder: bytes) -> int:
        """How many messages a mailbox has; 0 when the server does not tell."""
        counts: list[int] = []

        def take(one: Untagged) -> None:
            if one.name == b"STATUS" and one.values:
                counts.append(number(pairs(one.values[-1]).get(b"MESSAGES"), 0xFFFFFFFF) or 0)

        try:
            await self._run(b"STATUS " + _name(folder) + b" (MESSAGES)", take)
        except RemoteFailed as error:
            if not error.is_answer:
                raise
        return counts[-1] if counts else 0

    async def examine(self, folder: bytes, *, writes: bool = False) -> Selected:
        """Open a mailbox; ``writes``: with SELECT, to change flags."""
        self.selected = Selected()
        await self._run((b"SELECT " if writes else b"EXAMINE ") + _name(folder))
        return self.selected

    async def fetch(
        self, numbers: bytes, items: bytes, take: Taker, *, by_uid: bool, most: int = MAX_ANSWER
    ) -> None:
        """FETCH of a set; ``take`` gets each response. ``most``: octets in all."""
        verb = b"UID FETCH " if by_uid else b"FETCH "
        await self._run(verb + numbers + b" (" + items + b")", take, most=most)

    async def store(self, uids: bytes, flags: bytes) -> None:
        """Add flags to messages."""
        await self._run(b"UID STORE %b +FLAGS.SILENT (%b)" % (uids, flags))

    async def expunge(self, uids: bytes) -> None:
        r"""Expunge these that are \Deleted; without UIDPLUS all that are."""
        uid_plus = b"UIDPLUS" in self.capabilities
        await self._run(b"UID EXPUNGE " + uids if uid_plus else b"EXPUNGE")

    async def close(self) -> None:
        """Say goodbye, if anybody listens, and close."""
        self._session.command(b"LOGOUT")
        self._channel.write(self._session.data_to_send())
        await self._channel.close()

    async def _greet(self) -> None:
        event = await self._next(MAX_ANSWER)
        if not isinstance(event, Untagged) or event.name not in {b"OK", b"PREAUTH"}:
            said = event.text if isinstance(event, Untagged) else ""
            raise RemoteFailed(f"{self._channel.host} does not welcome us: {said or 'no greeting'}")
        if event.code == b"CAPABILITY":
            self._note_capabilities(event.argument.split())
        else:
            await self._ask_capabilities()

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        if b"STARTTLS" not in self.capabilities:
            raise RemoteFailed(f"{self._channel.host} does not offer TLS (STARTTLS)")
        await self._run(b"STARTTLS")
        if self._session.has_data:
            raise RemoteFailed(f"{self._channel.host}: something was said between STARTTLS and TLS")
        await self._channel.start_tls(context)
        await self._ask_capabilities()

    async def _ask_capabilities(self) -> None:
        await self._run(b"CAPABILITY")

    async def _authenticate(self, name: str, credentials: Credentials) -> None:
        try:
            mechanism = start(name, credentials, nonce=secrets.token_hex(16))
        except ValueError as error:
            raise RemoteFailed(str(error)) from None
        initial = mechanism.initial()
        words = b"AUTHENTICATE " + name.encode()
        if initial is not None and b"SASL-IR" in self.capabilities:
            words += b" " + (base64.b64encode(initial) or b"=")
            initial = None

        def respond(challenge: bytes) -> bytes:
            nonlocal initial
            if initial is not None:
                first, initial = initial, None
                return first
            return mechanism.respond(challenge)

        await self._run(words, respond=respond, is_login=True)
        if not mechanism.is_complete:
            raise RemoteFailed(f"{self._channel.host} does not prove that it knows the password")

    async def _run(
        self,
        words: bytes,
        take: Taker | None = None,
        *,
        most: int = MAX_ANSWER,
        respond: Callable[[bytes], bytes] | None = None,
        is_login: bool = False,
    ) -> Completed:
        """Say a command and hear its answer to the end."""
        tag = self._session.command(words)
        self._channel.write(self._session.data_to_send())
        self._taken = 0
        while True:
            event = await self._next(most)
            if isinstance(event, Untagged):
                self._note(event)
                if take is not None:
                    take(event)
            elif isinstance(event, Continued):
                self._continue(event, respond)
            elif event.tag == tag:
                break
        if event.status != b"OK":
            verb = words.split(b" ", 1)[0].decode("ascii", "replace")
            raise RemoteFailed(
                f"{self._channel.host} said {event.status.decode()} to {verb}:"
                f" {event.text or 'without a reason'}",
                is_login=is_login and event.status == b"NO",
                is_answer=True,
            )
        if event.code == b"CAPABILITY":
            self._note_capabilities(event.argument.split())
        return event

    def _continue(self, event: Continued, respond: Callable[[bytes], bytes] | None) -> None:
        if respond is None:
            raise RemoteFailed(f"{self._channel.host} waits for something that was not announced")
        try:
            challenge = binascii.a2b_base64(event.text)
            self._session.say(base64.b64encode(respond(challenge)))
        except (ChallengeFault, binascii.Error) as fault:
            self._session.say(b"*")
            self._channel.write(self._session.data_to_send())
            raise RemoteFailed(f"{self._channel.host}: {fault}") from None
        self._channel.write(self._session.data_to_send())

    async def _next(self, most: int) -> Untagged | Continued | Completed:
        try:
            while (event := self._session.next_event()) is None:
                octets = await self._channel.read()
                self._taken += len(octets)
                self._session.receive(octets)
                if self._taken > most:
                    await self._channel.close()
                    raise RemoteFailed(f"{self._channel.host} answers without end")
        except ServerFault as fault:
            await self._channel.close()
            raise RemoteFailed(f"{self._channel.host} broke the protocol: {fault.reason}") from None
        return event

    def _note(self, event: Untagged) -> None:
        match event.name:
            case b"BYE":
                raise RemoteFailed(f"{self._channel.host} ends the connection: {event.text}")
            case b"CAPABILITY":
                self._note_capabilities(one for one in event.values if isinstance(one, bytes))
            case b"EXISTS":
                self.selected.exists = event.number
            case b"EXPUNGE" | b"VANISHED":
                self.selected.shifts += 1
            case b"OK" if event.code == b"UIDVALIDITY":
                self.selected.uidvalidity = number(event.argument, 0xFFFFFFFF) or 0

    def _note_capabilities(self, words: Iterable[bytes]) -> None:
        self.capabilities = frozenset(word.upper() for word in words)


def _name(raw: bytes) -> bytes:
    try:
        return quoted(raw)
    except ValueError:
        raise RemoteFailed("the name of a folder holds a line end", is_answer=True) from None


def _folder(one: Untagged) -> Folder | None:
    attributes, delimiter, raw = one.values[:3]
    if not isinstance(raw, bytes) or not isinstance(attributes, list):
        return None
    known = frozenset(
        word.decode("ascii", "replace").lower() for word in attributes if isinstance(word, bytes)
    )
    try:
        name = decode_name(raw)
    except BadName:
        name = raw.decode("utf-8", "replace")
    levels = [name]
    if isinstance(delimiter, bytes) and len(delimiter) == 1:
        levels = name.split(delimiter.decode("latin-1"))
    if levels[0].upper() == "INBOX":
        levels[0] = "INBOX"
    return Folder(raw, tuple(level.replace("/", "_") for level in levels), known)
