"""What the SMTP door needs of ``intake``: somebody who decides about mail."""

from typing import Protocol

from postroom.directory.login import Identity
from postroom.intake.peer import Peer
from postroom.intake.services import Quote
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.events import Defect, Unknown
from postroom.protocol.smtp.replies import Reply


class Conversation(Protocol):
    """One SMTP session: decides what is allowed. Raises MailError where it can't."""

    async def greet(self, helo: str, esmtp: bool) -> Reply | None:
        """HELO, EHLO, LHLO; None: welcome. A transaction in progress is forgotten."""

    async def mail(self, event: Mail) -> Reply:
        """A transaction begins."""

    async def rcpt(self, event: Rcpt) -> Reply:
        """One more recipient."""

    async def data(self) -> Reply:
        """DATA or the first BDAT: 354, or why not."""

    async def quote(self, url: str) -> Quote | Reply:
        """BURL: what a URL names, or why not."""

    async def content(self, octets: bytes) -> None:
        """The next octets of the message."""

    async def end(self, defect: Defect | None) -> list[Reply]:
        """The message is complete: one reply, over LMTP one a recipient."""

    async def vrfy(self, argument: str, *, utf8: bool = False) -> Reply:
        """Whether a name or address is known."""

    async def expn(self, argument: str, *, utf8: bool = False) -> Reply:
        """Who gets what is sent to an alias."""

    async def verb(self) -> Reply:
        """Whether this client may be told reasons: 250."""

    async def unknown(self, command: Unknown) -> Reply:
        """The answer to a line with no command of ours."""

    def reset(self) -> None:
        """Forget the transaction in progress."""

    async def authenticated(self, identity: Identity, mechanism: str = "") -> None:
        """The client has logged in, by this SASL mechanism."""

    def spoke_early(self) -> bool:
        """The client spoke before the greeting: whether it may go on all the same."""

    async def score(self, seconds: float) -> int:
        """How suspicious the client is, as far as is known after so many seconds at most."""

    async def close(self) -> None:
        """The session is over; a transaction in progress is forgotten."""


class Gate(Protocol):
    """Knows who may come to a door, and who has erred too often."""

    def knock(self, address: str, *, is_counted: bool = True) -> str:
        """Why an address gets no service; "" when it does. ``is_counted``: as a stranger."""

    def erred(self, peer: Peer) -> None:
        """A session was ended for its errors."""


class Intake(Protocol):
    """Opens a conversation for each session."""

    def open(self, peer: Peer) -> Conversation:
        """A session begins, or begins anew inside TLS."""
