"""One SASL exchange against the login: what every door does the same way.

The mechanism (``protocol.sasl``) knows no directory and the login no mechanism; here
they meet. RFC 4422 §3.
"""

from collections.abc import Sequence

from postroom.access.login import Login, LoginRefused
from postroom.directory.login import Identity, ScramKeys
from postroom.protocol.sasl.mechanisms import Mechanism
from postroom.protocol.sasl.steps import (
    AskExternal,
    AskPassword,
    AskScram,
    AskToken,
    Challenge,
    Denied,
    Granted,
    Step,
)
from postroom.telemetry.event import Peer


class MalformedResponse(Exception):
    """The client's response was no message of the mechanism: a syntax error, no guess."""


class Exchange:
    """Feed the client's responses; each gives a challenge to send, or the identity."""

    __slots__ = (
        "_certified",
        "_keys",
        "_kind",
        "_login",
        "_mechanism",
        "_name",
        "_peer",
        "_reason",
        "_scope",
        "is_proven",
    )

    def __init__(
        self,
        mechanism: Mechanism,
        login: Login,
        *,
        scope: str,
        peer: Peer,
        certified: Sequence[str] = (),
    ) -> None:
        """``certified`` are the addresses that the client's certificate names."""
        self._mechanism = mechanism
        self._login = login
        self._scope = scope
        self._peer = peer
        self._certified = certified
        self._keys: ScramKeys | None = None
        self._kind = ""  # of the mechanism, for the log
        self._name = ""
        self._reason = ""
        self.is_proven = False
        """The last challenge says that all is well: an empty response is all that can follow."""

    async def respond(self, response: bytes | None) -> bytes | Identity:
        """The next challenge, or who it is.

        ``response`` is None when the client sent no initial one. Raises LoginRefused,
        LoginDelayed or MalformedResponse; the exchange is over then.
        """
        step = self._mechanism.step(response)
        while not isinstance(step, Challenge | Granted | Denied):
            answer = await self._ask(step)
            if isinstance(answer, Identity):
                return answer
            step = answer
        return await self._settle(step)

    async def _ask(self, step: AskPassword | AskScram | AskToken | AskExternal) -> Step | Identity:
        match step:
            case AskPassword():
                return await self._login.password(
                    step.login, step.password, step.authzid, scope=self._scope, peer=self._peer
                )
            case AskScram():
                return await self._scram(step)
            case AskToken():
                self._kind, self._name, self._reason = "OAUTH", step.login, "the token is not good"
                found = await self._login.token(step.login, step.token, peer=self._peer)
                return found or self._mechanism.answer(None)
            case AskExternal():
                self._kind, self._name = "EXTERNAL", step.authzid or ", ".join(self._certified)
                self._reason = "the certificate names nobody, or somebody else"
                found = await self._login.external(step.authzid, self._certified, peer=self._peer)
                return found or self._mechanism.answer(None)

    async def _scram(self, step: AskScram) -> Step:
        self._kind, self._name, self._reason = "SCRAM-SHA-256", step.login, "wrong proof"
        self._keys = await self._login.scram(step.login, scope=self._scope, peer=self._peer)
        if step.authzid and step.authzid.casefold() != step.login.casefold():
            self._reason = "foreign authzid"
            await self._fail()
        return self._mechanism.keys(self._keys.salt, self._keys.iterations, self._keys.candidates)

    async def _settle(self, step: Challenge | Granted | Denied) -> bytes | Identity:
        match step:
            case Challenge():
                self.is_proven = step.is_final
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
                await self._fail()
                raise LoginRefused

    async def _fail(self) -> None:
        await self._login.failed(
            self._name, peer=self._peer, mechanism=self._kind, reason=self._reason
        )
        raise LoginRefused
