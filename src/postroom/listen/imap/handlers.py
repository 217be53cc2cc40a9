"""What answers events: each module of handlers has a table of them, ``dispatch`` joins these."""

from collections.abc import Awaitable, Callable
from typing import Any

from postroom.listen.imap.conversation import Conversation
from postroom.protocol.imap.events import Event

Handler = Callable[[Conversation, Any], Awaitable[None]]
Handlers = dict[type[Event], Handler]
