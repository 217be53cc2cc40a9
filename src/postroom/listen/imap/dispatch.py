"""Which handler answers which event, and what becomes of errors.

A refusal is the command's NO; a fault of ours is ``NO [SERVERBUG]`` and an event with a
traceback: it costs one command, never the connection or a message.
"""

import traceback
from typing import Final

from postroom.errors import MailError, Refused
from postroom.listen.imap import (
    acl,
    annotating,
    anytime,
    appending,
    authenticated,
    authenticating,
    connection,
    fetching,
    listing,
    notifying,
    quota,
    searching,
    selected,
    sorting,
    unauthenticated,
    updating,
    urlauth,
)
from postroom.listen.imap.contents import BrokenLiteral
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.refusals import refuse
from postroom.protocol.imap import events as e
from postroom.protocol.imap.commands import Command
from postroom.protocol.imap.tokens import BadSyntax, Unusable
from postroom.telemetry import sink
from postroom.telemetry.event import session_of
from postroom.telemetry.session_events import SessionFailed

HANDLERS: Final[Handlers] = {
    event: handler
    for module in (
        acl,
        annotating,
        anytime,
        appending,
        authenticated,
        authenticating,
        connection,
        fetching,
        listing,
        notifying,
        quota,
        searching,
        selected,
        sorting,
        unauthenticated,
        updating,
        urlauth,
    )
    for event, handler in module.HANDLERS.items()
}


async def handle(talk: Conversation, event: e.Event) -> None:
    """Answer one event. STARTTLS and waiting (``Slow``) are the door's."""
    try:
        if isinstance(event, Command) and not await talk.renew():
            return
        await HANDLERS[type(event)](talk, event)
    except BadSyntax as error:
        talk.session.finish("BAD", str(error), error.code)
    except Unusable as error:
        talk.session.finish("NO", str(error), error.code)
    except (Refused, MailError) as error:
        await talk.stop_appending()
        refuse(talk.session, error)
    except BrokenLiteral:
        raise
    except Exception:  # noqa: BLE001 - a fault must not cost the connection
        await talk.stop_appending()
        peer = talk.peer
        sink.emit(SessionFailed(**session_of(peer), traceback=traceback.format_exc()))
        talk.session.finish("NO", "Internal error, please try again", b"SERVERBUG")
