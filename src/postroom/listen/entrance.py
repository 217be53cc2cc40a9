"""What doors have in common where people log in by SASL: what is offered, who tries, how often."""

import abc
import secrets
from typing import ClassVar, Literal

import msgspec

from postroom.access.exchange import Exchange
from postroom.access.login import Login
from postroom.listen.connections import Connections
from postroom.listen.door import Contexts, Door
from postroom.protocol.sasl.mechanisms import start


class Entrance(msgspec.Struct, frozen=True, kw_only=True):
    """What all connections of such a listener share. Times are seconds."""

    login: Login
    connections: Connections
    protocol: str
    contexts: Contexts | None = None
    implicit_tls: bool = False
    auth: Literal["never", "tls", "plain"] = "tls"  # where people may log in
    login_seconds: float = 60.0
    soft_errors: int = 10
    login_failures: int = 5
    tarpit: float = 1.0


class Peer(msgspec.Struct, frozen=True):
    """Who is connected, for ``access.login``."""

    session: str
    address: str
    door: str


class EntranceDoor(Door, abc.ABC):
    """One connection. ``scope`` is what an app password must be for."""

    __slots__ = ("_entrance", "_failures", "_login_until")

    scope: ClassVar[str]

    def __init__(self, entrance: Entrance) -> None:
        super().__init__(
            entrance.connections,
            entrance.protocol,
            contexts=entrance.contexts,
            implicit_tls=entrance.implicit_tls,
        )
        self._entrance = entrance
        self._failures = 0
        self._login_until = 0.0

    def is_unwelcome(self) -> str:
        """A banned network is turned away before a word."""
        return self._entrance.login.unwelcome(self.address)

    @property
    def peer(self) -> Peer:
        """Who is connected."""
        return Peer(self.session_id, self.address, self.protocol)

    def begin_entry(self) -> None:
        """The time to log in begins."""
        self._login_until = self.now() + self._entrance.login_seconds

    def limit(self, idle_seconds: float) -> float:
        """When the next command must have come whole; until the login all of them together."""
        return self._login_until if self.identity is None else self.now() + idle_seconds

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """What to offer at this moment; nothing where no password is taken."""
        auth = self._entrance.auth
        is_open = auth == "plain" or (auth == "tls" and self.tls)
        return self._entrance.login.mechanisms(self.certified) if is_open else ()

    def exchange(self, mechanism: str) -> Exchange | None:
        """Begin to log somebody in; None: there is no such mechanism."""
        started = start(mechanism, nonce=secrets.token_urlsafe(18))
        if started is None:
            return None
        return Exchange(
            started,
            self._entrance.login,
            scope=self.scope,
            peer=self.peer,
            certified=self.certified,
        )

    def has_failed(self) -> bool:
        """Count a login that failed; whether it was one too many."""
        self._failures += 1
        return self._failures >= self._entrance.login_failures
