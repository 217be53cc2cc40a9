"""A recipient of the queue that is filed here: the letter, and what is concluded."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from postroom.address import Address
from postroom.blobs.store import BlobCorrupt
from postroom.delivery.conclusions import Conclusion, Judge
from postroom.delivery.content import Loaded
from postroom.delivery.here import CAPTURE, Filer, NobodyHere
from postroom.delivery.router import Way
from postroom.directory import domains
from postroom.directory.directory import Directory
from postroom.errors import MailError
from postroom.post.letter import Letter
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.queue.claimed import Recipient

NOBODY_CAPTURES: Final = local_reply(
    451,
    "4.3.5",
    f"delivery.capture is on, and there is no mailbox {CAPTURE} in the first domain; make it"
    " with: postroom account add",
)


async def nothing() -> None:
    """What follows most letters."""


class Filed(NamedTuple):
    """``letters`` are committed together with the conclusion; then comes ``follow``."""

    conclusion: Conclusion
    letters: tuple[Letter, ...]
    follow: Callable[[], Awaitable[None]] = nothing


class Local:
    """Files recipients of ours, and captured ones."""

    def __init__(self, filer: Filer, directory: Directory) -> None:
        self._filer = filer
        self._directory = directory

    async def file(self, way: Way, loaded: Loaded, recipient: Recipient, judge: Judge) -> Filed:
        """The letter for one recipient, or why there is none. Raises BlobCorrupt."""
        is_captured = way.kind == "capture"
        try:
            taken = None if is_captured else await self._filer.take(loaded, recipient)
            if taken is None:
                to = await self._capturing() if is_captured else None
                taken = await self._filer.letter(loaded, recipient, to), nothing
        except BlobCorrupt:
            raise
        except NobodyHere as error:
            reply = NOBODY_CAPTURES if is_captured else _reply_of(error)
            return Filed(judge.conclude(loaded.claimed.letter, recipient, reply), ())
        except MailError as error:
            reply = _reply_of(error)
            return Filed(judge.conclude(loaded.claimed.letter, recipient, reply), ())
        said = "Captured: nothing leaves this server" if is_captured else "Filed here"
        reply = ServerReply(250, "2.1.5", (said,), is_local=True)
        conclusion = judge.conclude(loaded.claimed.letter, recipient, reply)
        return Filed(conclusion, (taken[0],), taken[1])

    async def _capturing(self) -> Address | None:
        first = await self._directory.look(domains.first)
        return None if first is None else Address.parse(f"{CAPTURE}@{first.name}")


def _reply_of(error: MailError) -> ServerReply:
    return local_reply(error.code, error.status, error.text)
