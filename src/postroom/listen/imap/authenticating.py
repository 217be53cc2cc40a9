"""AUTHENTICATE: carries the challenges and responses of an ``access.exchange``.

RFC 3501 §6.2.2, RFC 4422, RFC 4959 (initial response). Wrong names and wrong passwords are
one answer; a response that makes no sense and a cancelled exchange are BAD.
"""

import secrets
from typing import Final

from postroom.access.exchange import Exchange, MalformedResponse
from postroom.errors import MailError
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.unauthenticated import SCOPE, admit, refuse_login
from postroom.protocol.imap.commands import Authenticate
from postroom.protocol.imap.events import Cancelled, Response
from postroom.protocol.sasl.mechanisms import start


async def authenticate(talk: Conversation, command: Authenticate) -> None:
    """AUTHENTICATE: begin with the initial response, or with a challenge."""
    mechanism = None
    if command.mechanism in talk.session.mechanisms:
        mechanism = start(command.mechanism, nonce=secrets.token_urlsafe(18))
    if mechanism is None:
        talk.session.finish("NO", "This mechanism is not offered", b"CANNOT")
        return
    talk.exchange = Exchange(
        mechanism,
        talk.services.login,
        scope=SCOPE,
        peer=talk.peer,
        certified=talk.wire.certified,
    )
    await _go_on(talk, talk.exchange, command.initial)


async def respond(talk: Conversation, event: Response) -> None:
    """The client answered a challenge."""
    if talk.exchange is not None:
        await _go_on(talk, talk.exchange, event.octets)


async def cancel(talk: Conversation, _: Cancelled) -> None:
    """The client gave up; the session has answered."""
    talk.exchange = None


async def _go_on(talk: Conversation, exchange: Exchange, response: bytes | None) -> None:
    try:
        said = await exchange.respond(response)
    except MalformedResponse:
        talk.exchange = None
        talk.session.finish("BAD", "The response makes no sense")
    except MailError as error:
        talk.exchange = None
        refuse_login(talk, error)
    else:
        if isinstance(said, bytes):
            talk.session.challenge(said)
        else:
            talk.exchange = None
            await admit(talk, said)


HANDLERS: Final[Handlers] = {
    Authenticate: authenticate,
    Cancelled: cancel,
    Response: respond,
}
