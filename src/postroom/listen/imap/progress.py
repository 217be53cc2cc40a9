"""INPROGRESS: a long command says how far it has come, every ten seconds (RFC 9585).

The lines go out beside the command's own work, and not beside its responses: whoever uses
this writes whole lines only.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from postroom.access.work import Work
from postroom.listen.imap.conversation import Conversation
from postroom.protocol.imap.responses import inprogress_line

SECONDS: Final = 10.0


class Timer(Protocol):
    """What ``call_later`` answers."""

    def cancel(self) -> object:
        """It will not be called."""


CallLater = Callable[[float, Callable[[], None]], Timer]


@contextmanager
def progress(talk: Conversation, call_later: CallLater | None = None) -> Iterator[None]:
    """Tell of the work inside; the selected mailbox counts it (``View.work``)."""
    ticker = _Ticker(talk, call_later or asyncio.get_running_loop().call_later)
    try:
        yield
    finally:
        ticker.stop()


class _Ticker:
    def __init__(self, talk: Conversation, call_later: CallLater) -> None:
        self._talk = talk
        self._call_later = call_later
        self._work = talk.selected.work = Work()
        self._timer = call_later(SECONDS, self._tell)

    def stop(self) -> None:
        self._timer.cancel()

    def _tell(self) -> None:
        session, work = self._talk.session, self._work
        session.untagged(inprogress_line(session.tag, work.done, work.goal))
        self._talk.wire.write(session.data_to_send())
        self._timer = self._call_later(SECONDS, self._tell)
