"""One server for all clients, and what a test needs to look at its mailboxes."""

import fcntl
import imaplib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bench.dovecot import Dovecot
from rig.package import debian_package
from rig.ports import HOST
from rig.server import DOMAIN, Server

ALICE = f"alice@{DOMAIN}"
BOB = f"bob@{DOMAIN}"
PASSWORD = "interop-Password-1"
DOORS = (
    "smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s", "lmtp", "managesieve",
)  # fmt: skip

Run = Callable[..., str]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="postroom-interop-"))
    server = Server(folder, doors=DOORS, settings="[limits]\nmax_connections_per_ip = 1000")
    for address in (ALICE, BOB):
        server.add_account(address, PASSWORD)
    with server:
        yield server
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Debian's, with the account alice."""
    folder = Path(tempfile.mkdtemp(prefix="postroom-oracle-"))
    server = Dovecot(folder, "maildir", ["alice"])
    server.start(fsync="never")
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package of this checkout; of several processes that test, one makes it."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    place = shared / "package"
    with (shared / "package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            made = debian_package(tmp_path_factory.mktemp("source"))
            place.mkdir()
            shutil.copy(made, place)
    (found,) = place.iterdir()
    return found


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a client; its output. A missing client is a failure that names its package."""

    def run_client(*command: str, stdin: str = "", package: str = "", seconds: float = 90) -> str:
        if shutil.which(command[0]) is None:
            pytest.fail(f"{command[0]} is missing: apt-get install {package or command[0]}")
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    return run_client


def deliver(server: Server, run: Run, subject: str, to: str = ALICE) -> None:
    run(
        "swaks", "--server", f"{HOST}:{server.ports['smtp']}", "--to", to,
        "--from", "c@elsewhere.test", "--header", f"Subject: {subject}", "--body", "read me",
    )  # fmt: skip


class Mailbox:
    """An account's INBOX, looked at with imaplib."""

    def __init__(self, server: Server, login: str) -> None:
        self._client = imaplib.IMAP4(HOST, server.ports["imap"], timeout=120)
        self._client.login(login, PASSWORD)

    def find(self, subject: str, folder: str = "INBOX") -> Sequence[bytes]:
        """The whole letters with this in the subject, waiting for the first."""
        uids: list[bytes] = []
        end = time.monotonic() + 120
        while not uids and time.monotonic() < end:
            uids = self._search(subject, folder)
        return [self._fetch(uid) for uid in uids]

    def has(self, subject: str) -> bool:
        """Whether INBOX holds such a letter just now."""
        return bool(self._search(subject, "INBOX"))

    def flags(self, subject: str) -> bytes:
        self._client.select("INBOX")
        _, answer = self._client.uid("SEARCH", "SUBJECT", f'"{subject}"')
        _, items = self._client.uid("FETCH", answer[0].decode(), "(FLAGS)")
        return b" ".join(item for item in items if isinstance(item, bytes))

    def append(self, octets: bytes) -> None:
        kind, _ = self._client.append("INBOX", None, None, octets)
        assert kind == "OK"

    def _search(self, subject: str, folder: str) -> list[bytes]:
        self._client.select(folder)
        _, answer = self._client.uid("SEARCH", "SUBJECT", f'"{subject}"')
        found: list[bytes] = answer[0].split()
        return found

    def close(self) -> None:
        self._client.logout()

    def _fetch(self, uid: bytes) -> bytes:
        _, items = self._client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")
        return next(bytes(item[1]) for item in items if isinstance(item, tuple))


@pytest.fixture
def alice(server: Server) -> Iterator[Mailbox]:
    mailbox = Mailbox(server, ALICE)
    yield mailbox
    mailbox.close()


@pytest.fixture
def bob(server: Server) -> Iterator[Mailbox]:
    mailbox = Mailbox(server, BOB)
    yield mailbox
    mailbox.close()
