"""A recipient of the queue that is filed here: the letter, and what is concluded."""

from typing import NamedTuple

from postroom.address import Address
from postroom.delivery.conclusions import Conclusion, Judge
from postroom.delivery.content import Loaded
from postroom.delivery.here import CAPTURE, Filer
from postroom.delivery.router import Way
from postroom.directory import domains
from postroom.directory.directory import Directory
from postroom.errors import MailError
from postroom.post.letter import Letter
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.queue.claimed import Recipient


class Filed(NamedTuple):
    """``letters`` are committed together with the conclusion."""

    conclusion: Conclusion
    letters: tuple[Letter, ...]


class Local:
    """Files recipients of ours, and captured ones."""

    def __init__(self, filer: Filer, directory: Directory) -> None:
        self._filer = filer
        self._directory = directory

    async def file(self, way: Way, loaded: Loaded, recipient: Recipient, judge: Judge) -> Filed:
        """The letter for one recipient. Raises nothing that has to do with the message."""
        try:
            to = await self._capturing() if way.kind == "capture" else None
            letter = await self._filer.letter(loaded, recipient, to)
        except MailError as error:
            reply = local_reply(error.code, error.status, error.text)
            return Filed(judge.conclude(loaded.claimed.letter, recipient, reply), ())
        said = "Captured: nothing leaves this server" if way.kind == "capture" else "Filed here"
        reply = ServerReply(250, "2.1.5", (said,), is_local=True)
        return Filed(judge.conclude(loaded.claimed.letter, recipient, reply), (letter,))

    async def _capturing(self) -> Address | None:
        first = await self._directory.look(domains.first)
        return None if first is None else Address.parse(f"{CAPTURE}@{first.name}")
