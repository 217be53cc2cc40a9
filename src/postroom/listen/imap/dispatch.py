"""Which handler answers which event, and what becomes of errors.

A refusal is the command's NO; a fault of ours is ``NO [SERVERBUG]`` and an event with a
traceback: it costs one command, never the connection or a message.
"""

import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Final

from postroom.errors import MailError, Refused
from postroom.listen.imap import (
    anytime,
    appending,
    authenticated,
    authenticating,
    fetching,
    listing,
    selected,
    unauthenticated,
)
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.refusals import refuse
from postroom.protocol.imap import commands as c, events as e
from postroom.protocol.imap.tokens import BadSyntax
from postroom.telemetry import sink
from postroom.telemetry.events import SessionFailed

Handler = Callable[[Conversation, Any], Awaitable[None]]

HANDLERS: Final[dict[type[e.Event], Handler]] = {
    c.Append: appending.append,
    c.Authenticate: authenticating.authenticate,
    c.Capability: anytime.capability,
    c.Check: selected.check,
    c.Close: selected.close,
    c.Copy: selected.copy,
    c.Create: authenticated.create,
    c.Delete: authenticated.delete,
    c.Enable: authenticated.enable,
    c.Examine: authenticated.select,
    c.Expunge: selected.expunge,
    c.Fetch: fetching.fetch,
    c.Id: anytime.identify,
    c.Idle: anytime.idle,
    c.List: listing.list_mailboxes,
    c.Login: unauthenticated.login,
    c.Logout: anytime.logout,
    c.Lsub: listing.list_subscriptions,
    c.Move: selected.move,
    c.Namespace: authenticated.namespace,
    c.Noop: anytime.noop,
    c.Rename: authenticated.rename,
    c.Search: selected.search,
    c.Select: authenticated.select,
    c.Status: authenticated.status,
    c.Store: selected.store,
    c.Subscribe: authenticated.subscribe,
    c.Unselect: selected.unselect,
    c.Unsubscribe: authenticated.unsubscribe,
    e.Cancelled: authenticating.cancel,
    e.Content: appending.content,
    e.EndOfContent: appending.end_of_content,
    e.IdleDone: anytime.idle_done,
    e.Response: authenticating.respond,
}


async def handle(talk: Conversation, event: e.Event) -> None:
    """Answer one event. STARTTLS and waiting (``Slow``) are the door's."""
    try:
        await HANDLERS[type(event)](talk, event)
    except BadSyntax as error:
        talk.session.finish("BAD", str(error))
    except (Refused, MailError) as error:
        await talk.stop_appending()
        refuse(talk.session, error)
    except fetching.BrokenLiteral:
        raise
    except Exception:  # noqa: BLE001 - a fault must not cost the connection
        await talk.stop_appending()
        peer = talk.peer
        sink.emit(
            SessionFailed(
                session=peer.session,
                peer=peer.address,
                door=peer.door,
                traceback=traceback.format_exc(),
            )
        )
        talk.session.finish("NO", "Internal error, please try again", b"SERVERBUG")
