"""Brings mail into an account: every folder of a source, message by message.

It goes on after what can't be brought over, and says what that was. Begun again it files only
what has not come yet.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from postroom.admin.moving import folder_names
from postroom.admin.moving.filer import Filer
from postroom.admin.moving.maildir import MaildirSource
from postroom.admin.moving.mbox import MboxSource
from postroom.admin.moving.reading import Chunk, read_chunk
from postroom.admin.moving.source import FileSource, Folder, LeftOut
from postroom.admin.office import Office
from postroom.errors import Refused
from postroom.quota import NO_QUOTA
from postroom.store.names import INBOX

MOST_TOLD: Final = 1000  # of what was left out, in the answer

Kind = Literal["mbox", "maildir"]


Came = Callable[[Sequence[bytes]], Awaitable[set[bytes]]]
"""Which of these keys need not be read; see ``Filer.came``."""


class Source(Protocol):
    """Where mail comes from, from wherever. ``total`` is the weight of everything, roughly."""

    @property
    def total(self) -> int:
        """The sum of the weights, 0 where nobody knows."""

    @property
    def folders(self) -> Sequence[Folder]:
        """Every folder, also empty ones."""

    def chunks(self, folder: Folder, came: Came) -> AsyncGenerator[Chunk, None]:
        """The messages of a folder in their order."""


class Files:
    """Mail in files of this machine."""

    def __init__(self, files: FileSource) -> None:
        self._files = files
        self.total = files.total
        self.folders = files.folders

    async def chunks(self, folder: Folder, came: Came) -> AsyncGenerator[Chunk, None]:
        """The messages of a folder; all are read, as only that tells which came before."""
        del came
        with contextlib.closing(self._files.messages(folder)) as messages:
            while True:
                chunk = await asyncio.to_thread(read_chunk, messages)
                if not chunk.messages and not chunk.left_out:
                    return
                yield chunk


class Tally(msgspec.Struct):
    """How far an import has come. ``known``: came before. ``done`` of ``total`` is a weight."""

    account: str = ""
    folder: str = ""
    filed: int = 0
    octets: int = 0
    known: int = 0
    left_out: int = 0
    done: int = 0
    total: int = 0


class Imported(msgspec.Struct, frozen=True):
    """What an import has done; ``left_out`` names at most ``MOST_TOLD``."""

    account: str
    folders: int
    filed: int
    octets: int
    known: int
    left_out_count: int
    left_out: list[LeftOut]
    renamed: dict[str, str]

    @property
    def is_whole(self) -> bool:
        """Whether everything came."""
        return not self.left_out_count


class Order(msgspec.Struct, frozen=True):
    """How to import.

    ``folder``: the mailbox for the only folder or INBOX of the source; others come below it.
    ``again``: file also what came with an import before.
    """

    folder: str = ""
    again: bool = False
    over_quota: bool = False


Progress = Callable[[Tally], None]


async def run(
    office: Office,
    address: str,
    source: Source,
    order: Order,
    progress: Progress = lambda _tally: None,
) -> Imported:
    """Import; ``progress`` is called after each chunk. Raises NotFound, Refused, MailError."""
    account = await office.account(address)
    await office.store.furnish(account.id)
    filer = Filer(
        office, account.id, quota=NO_QUOTA if order.over_quota else account.quota, again=order.again
    )
    tally = Tally(str(account.address), total=source.total)
    left_out: list[LeftOut] = []
    renamed: dict[str, str] = {}
    progress(tally)
    for folder in source.folders:
        target = _target(folder, order.folder, is_only=len(source.folders) == 1)
        mailbox = await filer.mailbox(target)
        tally.folder = mailbox.name
        if mailbox.name != folder.name:
            renamed[folder.name] = mailbox.name
        async with contextlib.aclosing(source.chunks(folder, filer.came)) as chunks:
            async for chunk in chunks:
                try:
                    done = await filer.file(mailbox, chunk.messages)
                finally:
                    chunk.close()
                gone = chunk.left_out + done.left_out
                tally.filed += done.filed
                tally.octets += done.octets
                tally.known += done.known + chunk.known
                tally.left_out += len(gone)
                tally.done += sum(one.found.weight for one in chunk.messages) + chunk.known
                tally.done += sum(one.weight for one in chunk.left_out)
                left_out += gone[: MOST_TOLD - len(left_out)]
                progress(tally)
    return Imported(
        account=tally.account,
        folders=len(source.folders),
        filed=tally.filed,
        octets=tally.octets,
        known=tally.known,
        left_out_count=tally.left_out,
        left_out=left_out,
        renamed=renamed,
    )


def files(kind: Kind, path: Path) -> Source:
    """The mail at ``path``. Raises Refused when there is none of that kind, OSError."""
    if not path.exists():
        raise Refused(f"there is no {path}; name the {'file or ' if kind == 'mbox' else ''}folder")
    if kind == "maildir" and not path.is_dir():
        raise Refused(f"{path} is a file; a Maildir is a folder with cur, new and tmp in it")
    return Files(MboxSource(path) if kind == "mbox" else MaildirSource(path))


def _target(folder: Folder, wanted: str, *, is_only: bool) -> Folder:
    """Where a folder goes here."""
    name = folder.name
    if not wanted:
        return msgspec.structs.replace(folder, name=folder_names.fitting(name))
    inner = "" if is_only or name == INBOX else name.removeprefix(f"{INBOX}/")
    name = folder_names.fitting(f"{wanted}/{inner}" if inner else wanted)
    return msgspec.structs.replace(folder, name=name, special_use="")
