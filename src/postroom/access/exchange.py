"""One SASL exchange against the login: what every door does the same way.

The mechanism (``protocol.sasl``) knows no directory and the login no mechanism; here
they meet. RFC 4422 §3.
"""

from postroom.access.login import Login, LoginRefused, Peer
from postroom.directory.login import Identity, ScramKeys
from postroom.protocol.sasl.mechanisms import Mechanism
from postroom.protocol.sasl.steps import (
    AskPassword,
    AskScram,
    Challenge,
    Denied,
    Granted,
    Step,
)


class MalformedResponse(Exception):
    """The client's response was no message of the mechanism: a syntax error, no guess."""


class Exchange:
    """Feed the client's responses; each gives a challenge to send, or the identity."""

    __slots__ = ("_keys", "_login", "_mechanism", "_name", "_peer", "_scope")

    def __init__(self, mechanism: Mechanism, login: Login, *, scope: str, peer: Peer) -> None:
        self._mechanism = mechanism
        self._login = login
        self._scope = scope
        self._peer = peer
        self._keys: ScramKeys | None = None
        self._name = ""

    async def respond(self, response: bytes | None) -> bytes | Identity:
        """The next challenge, or who it is.

        ``response`` is None when the client sent no initial one. Raises LoginRefused,
        LoginDelayed or MalformedResponse; the exchange is over then.
        """
        step = self._mechanism.step(response)
        while isinstance(step, AskPassword | AskScram):
            if isinstance(step, AskPassword):
                return await self._login.password(
                    step.login, step.password, step.authzid, scope=self._scope, peer=self._peer
                )
            step = await self._scram(step)
        return await self._settle(step)

    async def _scram(self, step: AskScram) -> Step:
        self._name = step.login
        self._keys = await self._login.scram(step.login, scope=self._scope, peer=self._peer)
        if step.authzid and step.authzid.casefold() != step.login.casefold():
            await self._fail("foreign authzid")
        return self._mechanism.keys(self._keys.salt, self._keys.iterations, self._keys.candidates)

    async def _settle(self, step: Challenge | Granted | Denied) -> bytes | Identity:
        match step:
            case Challenge():
                return step.octets
            case Granted():
                if self._keys is None or step.credential is None:
                    raise MalformedResponse
                return await self._login.granted(
                    step.login, self._keys.account_id, step.credential, peer=self._peer
                )
            case Denied():
                if step.is_malformed:
                    raise MalformedResponse
                await self._fail("wrong proof")
                raise LoginRefused

    async def _fail(self, reason: str) -> None:
        await self._login.failed(
            self._name, peer=self._peer, mechanism="SCRAM-SHA-256", reason=reason
        )
        raise LoginRefused
