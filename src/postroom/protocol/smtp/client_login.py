"""One AUTH exchange on the wire of SMTP: base64, the initial response, cancelling.

An initial response that does not fit the command waits for the first challenge, which is
empty then. A challenge that makes no sense is answered with "*". RFC 4954 §4.
"""

import binascii

from postroom.protocol.sasl.client import ChallengeFault, ClientMechanism
from postroom.protocol.smtp.client_commands import CANCEL, UnsafeArgument, auth, response
from postroom.protocol.smtp.client_replies import ServerReply


class Login:
    """``command`` begins it; ``reason`` says why we cancelled, empty while we have not."""

    __slots__ = ("_initial", "_mechanism", "command", "reason")

    def __init__(self, mechanism: ClientMechanism) -> None:
        """Raises UnsafeArgument when the mechanism's first message fits no line at all."""
        self._mechanism = mechanism
        self._initial: bytes | None = None
        self.reason = ""
        self.command = auth(mechanism.name)
        initial = mechanism.initial()
        if initial is not None:
            response(initial)
            try:
                self.command = auth(mechanism.name, initial)
            except UnsafeArgument:  # too long for the command
                self._initial = initial

    @property
    def is_complete(self) -> bool:
        """The server may say yes: it has proven itself where the mechanism asks for it."""
        return self._initial is None and self._mechanism.is_complete

    def answer(self, challenge: ServerReply) -> bytes:
        """The line that answers a 334; sets ``reason`` when it is the one that cancels."""
        try:
            octets = binascii.a2b_base64("".join(challenge.lines), strict_mode=True)
        except ValueError:  # binascii.Error, and text that is not ASCII
            self.reason = "a challenge of the server is not base64"
            return CANCEL
        initial, self._initial = self._initial, None
        try:
            return response(self._mechanism.respond(octets) if initial is None else initial)
        except (ChallengeFault, UnsafeArgument) as error:
            self.reason = str(error)
            return CANCEL
