"""Login for every door: one answer for all failures, and guessing made slow.

The directory tests passwords with the same work for known and unknown names; here is
what a peer may try how often. Failures are counted by network (an IPv4 address, an IPv6
/64): each makes the next answer slower, ten ban the network for a minute, then longer.
Failures are counted by login name too, against guessing from many networks. Neither
keeps a person out who has logged in from that very network in the last 30 days; such a
pair has its own, generous limit. Loopback is exempt from bans and delays by network.
Everything is kept in memory, bounded; bans and known pairs are written down by ``policy.keeper``.

RFC 4616, RFC 5802, RFC 4954 §4 and §6 (535 5.7.8, 454 4.7.0).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from postroom.access.guard import Guard
from postroom.directory.login import Identity, ScramKeys
from postroom.errors import MailError, NotFound, Permanent, Temporary
from postroom.net.networks import is_loopback, network_of
from postroom.policy.logins import Logins, Outcome
from postroom.protocol.sasl.mechanisms import MECHANISMS, WITH_CERTIFICATE, WITH_TOKEN
from postroom.telemetry import sink
from postroom.telemetry.event import Peer, session_of
from postroom.telemetry.session_events import LoginFailed, LoginSucceeded, PeerBanned

MAX_WAITING: Final = 256  # passwords being tested at a time, in all: some ten seconds of work
MAX_WAITING_OF_NETWORK: Final = 32  # an office that comes back after a restart; loopback is exempt
UNTESTED_DELAY: Final = (
    1.0  # seconds to the answer: who is told to come later does not come at once
)


class LoginRefused(Permanent):
    """Wrong name or password; nobody learns which."""

    code = 535
    status = "5.7.8"
    text = "Authentication credentials invalid"


class LoginDelayed(Temporary):
    """Too many failures from there, or too many passwords wait: later."""

    code = 454
    status = "4.7.0"
    text = "Temporary authentication failure, please try again later"


class Directory(Protocol):
    """What is asked of ``directory.Directory``."""

    async def password(self, login: str, password: str, scope: str) -> Identity | None:
        """Who this is, or None."""

    async def scram(self, login: str, scope: str) -> ScramKeys:
        """The keys for a SCRAM exchange."""

    async def identity(self, account_id: int, credential_id: int) -> Identity:
        """Who it is that proved a credential; NotFound when that ended meanwhile."""

    async def known(self, address: str) -> Identity | None:
        """Whose address this is, if that account may log in."""


class Tokens(Protocol):
    """Whoever can tell whose access token it is: ``access.tokens.Tokens``."""

    async def address_of(self, token: str) -> str | None:
        """The address of its owner, None when it is not good; raises Temporary."""


class Login:
    """Logs people in. ``clock`` is UTC milliseconds, ``sleep`` that of asyncio."""

    def __init__(
        self,
        directory: Directory,
        clock: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tokens: Tokens | None = None,
        *,
        guard: Guard | None = None,
        logins: Logins | None = None,
        with_scram: bool = True,
    ) -> None:
        """Without ``tokens`` nobody logs in with one. Who logs in is noted in ``logins``.

        SCRAM is not offered where others know passwords: what they know it by does not do.
        """
        self._own = MECHANISMS if with_scram else MECHANISMS[1:]
        self._directory = directory
        self._tokens = tokens
        self._guard = guard or Guard(clock)
        self._clock = clock
        self._logins = Logins(is_kept=False) if logins is None else logins
        self._sleep = sleep
        self._waiting: dict[str, int] = {}
        self._all_waiting = 0

    def mechanisms(self, certified: Sequence[str] = ()) -> tuple[str, ...]:
        """What to offer a client whose certificate names these addresses."""
        return (
            self._own
            + (WITH_TOKEN if self._tokens is not None else ())
            + (WITH_CERTIFICATE if certified else ())
        )

    async def password(
        self, login: str, password: str, authzid: str = "", *, scope: str, peer: Peer
    ) -> Identity:
        """Log in with a name and a password; raises LoginRefused, LoginDelayed.

        ``authzid`` must be empty or the same name (RFC 4616 §2): nobody acts for others.
        """
        network = await self._entered(login, peer)
        try:
            identity = await self._directory.password(login, password, scope)
        finally:
            self._leave(network)
        if identity is None:
            await self.failed(login, peer=peer, mechanism="PLAIN", reason="wrong name or password")
        elif not _may_act_as(authzid, login, identity):
            await self.failed(login, peer=peer, mechanism="PLAIN", reason="foreign authzid")
        else:
            self._succeeded(login, identity, peer, "PLAIN")
            if scope != "web":  # there more may be asked for: it says so itself
                self.note(identity, peer=peer, mechanism="PLAIN")
            return identity
        raise LoginRefused

    def admit(self, login: str, *, peer: Peer) -> None:
        """Raise LoginDelayed where too much has failed; for the further steps of a login."""
        self._admit(login, peer)

    def proved(self, identity: Identity, *, peer: Peer, mechanism: str) -> None:
        """Somebody has shown in another way who they are."""
        self._succeeded(identity.address, identity, peer, mechanism)

    def note(
        self, identity: Identity, *, peer: Peer, mechanism: str, outcome: Outcome = "in"
    ) -> None:
        """Keep in their history that somebody is in, or half."""
        self._logins.entered(
            identity.account_id,
            identity.credential_id,
            self._clock(),
            door=peer.door,
            address=peer.address,
            mechanism=mechanism,
            outcome=outcome,
        )

    async def scram(self, login: str, *, scope: str, peer: Peer) -> ScramKeys:
        """The keys for a SCRAM exchange, also of nobody; raises LoginDelayed."""
        await self._admitted(login, peer)
        return await self._directory.scram(login, scope)

    async def token(self, login: str, token: str, *, peer: Peer) -> Identity | None:
        """Whose access token this is; ``login`` must be of the same account, or empty.

        None: it is not good for that (a door then calls ``failed``). Raises LoginDelayed.
        """
        if self._tokens is None:
            return None
        network = await self._entered(login, peer)
        try:
            address = await self._tokens.address_of(token)
        finally:
            self._leave(network)
        return await self._named([address] if address else [], login, peer, "OAUTH")

    async def external(
        self, authzid: str, certified: Sequence[str], *, peer: Peer
    ) -> Identity | None:
        """Whom a certificate names; ``authzid`` must be of the same account, or empty.

        None: nobody, or somebody else. Raises LoginDelayed.
        """
        await self._admitted(authzid, peer)
        return await self._named(certified, authzid, peer, "EXTERNAL")

    async def _named(
        self, addresses: Sequence[str], wanted: str, peer: Peer, mechanism: str
    ) -> Identity | None:
        """The first account of these addresses that is the wanted one."""
        other = await self._directory.known(wanted) if wanted else None
        for address in addresses:
            found = await self._directory.known(address)
            if found is not None and (
                not wanted or (other is not None and other.account_id == found.account_id)
            ):
                self._succeeded(wanted or found.address, found, peer, mechanism)
                self.note(found, peer=peer, mechanism=mechanism)
                return found
        return None

    async def granted(
        self, login: str, account_id: int, credential_id: int, *, peer: Peer
    ) -> Identity:
        """A SCRAM exchange has proved a credential; raises LoginRefused if it ended since."""
        try:
            identity = await self._directory.identity(account_id, credential_id)
        except NotFound:
            await self.failed(login, peer=peer, mechanism="SCRAM", reason="credential is gone")
            raise LoginRefused from None
        self._succeeded(login, identity, peer, "SCRAM-SHA-256")
        self.note(identity, peer=peer, mechanism="SCRAM-SHA-256")
        return identity

    async def known(self, address: str) -> Identity | None:
        """Who has this address as their main one and could log in, without a login."""
        return await self._directory.known(address)

    async def failed(self, login: str, *, peer: Peer, mechanism: str, reason: str) -> None:
        """Count a failure (a door calls it when a SCRAM proof is wrong), then wait."""
        verdict = self._guard.failed(login, peer.address)
        self._note_failure(login, peer, mechanism, "refused")
        sink.emit(LoginFailed(**session_of(peer), login=login, mechanism=mechanism, reason=reason))
        if verdict.ban:
            sink.emit(PeerBanned(**session_of(peer), seconds=verdict.ban, reason="failed logins"))
        await self._sleep(verdict.delay)

    def unwelcome(self, address: str) -> str:
        """Why a door turns this network away before a word; "" when it does not."""
        return self._guard.unwelcome(address)

    async def _admitted(self, login: str, peer: Peer) -> None:
        """Whether it may be tested; LoginDelayed is raised in a while."""
        try:
            self._admit(login, peer)
        except LoginDelayed:
            await self._sleep(UNTESTED_DELAY)
            raise

    async def _entered(self, login: str, peer: Peer) -> str:
        """``_admitted``, and one more of the network waits for a test; ``_leave`` ends that."""
        await self._admitted(login, peer)
        network = network_of(peer.address)
        try:
            self._enter(network)
        except LoginDelayed:
            await self._sleep(UNTESTED_DELAY)
            raise
        return network

    def _admit(self, login: str, peer: Peer) -> None:
        if reason := self._guard.refusal(login, peer.address):
            self._note_failure(login, peer, "", "untested")
            sink.emit(LoginFailed(**session_of(peer), login=login, reason=reason))
            raise LoginDelayed(detail=reason)

    def _enter(self, network: str) -> None:
        mine = self._waiting.get(network, 0)
        most = MAX_WAITING if is_loopback(network) else MAX_WAITING_OF_NETWORK
        if self._all_waiting >= MAX_WAITING or mine >= most:
            raise LoginDelayed(detail="too many passwords wait")
        self._waiting[network] = mine + 1
        self._all_waiting += 1

    def _leave(self, network: str) -> None:
        self._all_waiting -= 1
        self._waiting[network] -= 1
        if not self._waiting[network]:
            del self._waiting[network]

    def _note_failure(self, login: str, peer: Peer, mechanism: str, outcome: Outcome) -> None:
        self._logins.failed(
            login,
            self._clock(),
            door=peer.door,
            address=peer.address,
            mechanism=mechanism,
            outcome=outcome,
        )

    def _succeeded(self, login: str, identity: Identity, peer: Peer, mechanism: str) -> None:
        self._guard.succeeded(login, peer.address)
        sink.emit(LoginSucceeded(**session_of(peer), account=identity.address, mechanism=mechanism))


def reply_of(error: MailError) -> MailError:
    """The error to tell a peer: a login fails only in the two ways above."""
    return error if isinstance(error, LoginRefused | LoginDelayed) else LoginDelayed()


def _may_act_as(authzid: str, login: str, identity: Identity) -> bool:
    return not authzid or authzid.casefold() in {login.casefold(), identity.address.casefold()}
