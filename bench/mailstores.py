"""Postroom and Dovecot as the IMAP benchmark sees them: filled, started, logged into.

Dovecot is filled over IMAP (MULTIAPPEND, without fsync), Postroom by its own code of APPEND
without a server, many letters a commit, and its search index with it. Both are started anew
before anything is measured.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from bench.corpus import Letter
from bench.dovecot import PASSWORD, Dovecot, Format
from bench.imap_client import Client
from postroom.access.append import Appender
from postroom.access.places import Person, Place, Places
from postroom.address import Address
from postroom.admin.mailboxes import search
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.config.load import load
from postroom.post.commit import Post
from postroom.protocol.imap.flags import SYSTEM
from rig.server import DOMAIN, Server

USER: Final = f"bench@{DOMAIN}"
OTHER: Final = f"other@{DOMAIN}"
MANY: Final = 200  # letters filed at once
CONNECTIONS: Final = 20_000


class Store(Protocol):
    """What the benchmark asks of a server."""

    @property
    def name(self) -> str: ...
    @property
    def imap(self) -> int: ...
    @property
    def delivery(self) -> int:
        """Where it takes a message for its users."""
        ...

    def fill(self, letters: Iterable[Letter]) -> None:
        """Put these into the INBOX of USER; the server does not run."""
        ...

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def pids(self) -> list[int]: ...
    def remove(self) -> None: ...


def log_in(store: Store, user: str = USER) -> Client:
    """A connection of this user."""
    client = Client(store.imap)
    client.run(f"LOGIN {user} {PASSWORD}")
    return client


class PostroomStore:
    """Postroom on SQLite."""

    name = "Postroom"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="postroom-bench-imap-"))
        self.server = Server(
            self._folder,
            doors=("smtp", "imap"),
            settings=f"[limits]\nmax_connections = {CONNECTIONS}",
            listen='checks = "none"',
        )
        for user in (USER, OTHER):
            self.server.add_account(user, PASSWORD)
        self.imap = self.server.ports["imap"]
        self.delivery = self.server.ports["smtp"]

    def fill(self, letters: Iterable[Letter]) -> None:
        asyncio.run(self._fill(iter(letters)))

    async def _fill(self, letters: Iterator[Letter]) -> None:
        async with open_office(load(self.server.config)) as office:
            place = await Places(await account_of(office, USER), office.store).get("INBOX")
            post = Post(office.db, office.blobs, office.notify, office.clock)
            while some := list(islice(letters, MANY)):
                work = [Appender(office.store, post) for _ in some]
                for appender, letter in zip(work, some, strict=True):
                    await _fill(appender, place, letter)
                await asyncio.gather(*[appender.finish() for appender in work])
            await search.update(office)

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop()

    def pids(self) -> list[int]:
        return [self.server.pid]

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class DovecotStore(Dovecot):
    """Dovecot with maildir or mdbox."""

    def __init__(self, kind: Format) -> None:
        self._place = Path(tempfile.mkdtemp(prefix=f"postroom-bench-{kind}-"))
        try:
            super().__init__(self._place, kind, (USER, OTHER))
        except FileNotFoundError:
            self.remove()
            raise
        self.delivery = self.lmtp

    def fill(self, letters: Iterable[Letter]) -> None:
        self.start(fsync="never")
        try:
            with log_in(self) as client:
                left = iter(letters)
                while some := list(islice(left, MANY)):
                    client.append_many("INBOX", [_appended(letter) for letter in some])
        finally:
            self.stop()

    def remove(self) -> None:
        shutil.rmtree(self._place, ignore_errors=True)


async def account_of(office: Office, address: str) -> Person:
    """The account that owns an address."""
    (owner,) = (await office.directory.resolve(Address.parse(address))).local
    return owner


async def _fill(appender: Appender, place: Place, letter: Letter) -> None:
    bits = sum(SYSTEM[flag.encode()] for flag in letter.flags if flag.startswith("\\"))
    keywords = [flag for flag in letter.flags if not flag.startswith("\\")]
    await appender.begin(place)
    await appender.message(bits, keywords, int(letter.received.timestamp() * 1000))
    await appender.write(letter.octets)


def _appended(letter: Letter) -> tuple[bytes, bytes]:
    date = letter.received.strftime("%d-%b-%Y %H:%M:%S +0000")
    return f'({" ".join(letter.flags)}) "{date}"'.encode(), letter.octets
