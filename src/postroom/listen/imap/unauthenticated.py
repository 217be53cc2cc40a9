"""LOGIN, and what it shares with AUTHENTICATE (RFC 3501 §6.2).

The session lets neither through on a plain connection where passwords are not welcome.
All failures are one answer; ``access.login`` counts them and makes the answer slow. After
some in one connection it is closed.
"""

from contextlib import suppress
from typing import Final

from postroom.access.login import LoginDelayed, LoginRefused
from postroom.directory.login import Identity
from postroom.errors import MailError
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.protocol.imap import commands as c

SCOPE: Final = "imap"


async def login(talk: Conversation, command: c.Login) -> None:
    """LOGIN, RFC 3501 §6.2.3."""
    try:
        name, password = command.login.decode(), command.password.decode()
    except UnicodeDecodeError:
        name, password = command.login.decode("utf-8", "replace"), ""
    try:
        identity = await talk.services.login.password(name, password, scope=SCOPE, peer=talk.peer)
    except MailError as error:
        refuse_login(talk, error)
        return
    await admit(talk, identity)


async def admit(talk: Conversation, identity: Identity) -> None:
    """The person is known: finish LOGIN or AUTHENTICATE."""
    talk.identity = identity
    with suppress(MailError):  # a full disk must not lock anyone out
        await talk.services.store.furnish(identity.account_id)
    talk.session.finish("OK", "Logged in", b"CAPABILITY " + talk.session.capabilities)


def refuse_login(talk: Conversation, error: MailError) -> None:
    """Say no in one of two ways: wrong, or not now (RFC 5530 §3)."""
    if isinstance(error, LoginRefused):
        talk.session.finish("NO", error.text, b"AUTHENTICATIONFAILED")
    else:
        talk.session.finish("NO", LoginDelayed.text, b"UNAVAILABLE")
    talk.failures_left -= 1
    if talk.failures_left <= 0:
        talk.session.bye("Too many failed logins")


HANDLERS: Final[Handlers] = {
    c.Login: login,
}
