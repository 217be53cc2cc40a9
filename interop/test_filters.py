"""clamd with a signature of ours, SpamAssassin's spamd and rspamd judge what comes."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from interop.conftest import BOB, PASSWORD, Mailbox
from rig.ports import HOST
from rig.server import Server

VIRUS = "a-virus-of-our-own"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
START_SECONDS = 60
LINES = "".join([f"{number:070d}\r\n" for number in range(60_000)])  # 4 MB


@contextlib.contextmanager
def running(command: Sequence[str], path: Path, package: str) -> Iterator[None]:
    """A daemon, from when its Unix socket can be connected to."""
    if shutil.which(command[0], path="/usr/sbin:/usr/bin") is None:
        pytest.fail(f"{command[0]} is missing: apt-get install {package}")
    log = path.with_suffix(".log")
    with log.open("wb") as out:
        daemon = subprocess.Popen(
            command, stdout=out, stderr=out, env={"PATH": "/usr/sbin:/usr/bin"}
        )
    try:
        end = time.monotonic() + START_SECONDS
        while not answers(path):
            if daemon.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{command[0]} does not start: {log.read_text()}")
            time.sleep(0.1)
        yield
    finally:
        daemon.terminate()
        daemon.wait(30)


def answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        return True
    return False


@contextlib.contextmanager
def filtered(folder: Path, settings: str) -> Iterator[Server]:
    """A server with this [[filter]], and bob."""
    server = Server(folder, settings=f"[[filter]]\n{settings}\n")
    server.add_account(BOB, PASSWORD)
    with server:
        yield server


def send(server: Server, subject: str, body: str) -> str:
    """The reply to the end of a letter to bob."""
    with socket.create_connection((HOST, server.ports["smtp"]), 60) as client:
        wire = client.makefile("rwb")
        wire.readline()
        for line in ("HELO c.elsewhere.test", "MAIL FROM:<c@elsewhere.test>", f"RCPT TO:<{BOB}>",
                     "DATA"):  # fmt: skip
            wire.write(f"{line}\r\n".encode())
            wire.flush()
            assert wire.readline()[:1] in b"23"
        wire.write(f"From: c@elsewhere.test\r\nSubject: {subject}\r\n\r\n{body}\r\n.\r\n".encode())
        wire.flush()
        return wire.readline().decode().strip()


def test_clamd(tmp_path: Path) -> None:
    signatures = tmp_path / "signatures"
    signatures.mkdir()
    (signatures / "own.ndb").write_text(f"Test.Virus:0:*:{VIRUS.encode().hex()}\n")
    path = tmp_path / "clamd.ctl"
    settings = tmp_path / "clamd.conf"
    settings.write_text(
        f"LocalSocket {path}\nDatabaseDirectory {signatures}\nForeground yes\nStreamMaxLength 25M\n"
    )
    with (
        running(["clamd", "-c", str(settings)], path, "clamav-daemon"),
        filtered(
            tmp_path / "server", f'kind = "clamav"\naddress = "{path}"\non_failure = "defer"'
        ) as server,
    ):
        assert send(server, "good", "hello").startswith("250 2.0.0")
        assert send(server, "long", LINES).startswith("250 2.0.0")
        told = "550 5.7.1 The message holds malware: Test.Virus.UNOFFICIAL"
        assert send(server, "bad", VIRUS) == told
        assert send(server, "long and bad", LINES + VIRUS) == told
        with contextlib.closing(Mailbox(server, BOB)) as bob:
            assert bob.find("good")
            assert len(bob.find("long")) == 1


def test_spamd(tmp_path: Path) -> None:
    path = tmp_path / "spamd.sock"
    command = ["spamd", "-L", "-x", "-m", "1", "-s", "stderr", f"--socketpath={path}"]
    with (
        running(command, path, "spamd"),
        filtered(
            tmp_path / "server",
            f'kind = "spamassassin"\naddress = "{path}"\non_failure = "defer"\nseconds = 60',
        ) as server,
    ):
        assert send(server, "good", "hello").startswith("250 2.0.0")
        assert send(server, "bad", GTUBE).startswith("250 2.0.0")
        with contextlib.closing(Mailbox(server, BOB)) as bob:
            assert len(bob.find("good")) == 1
            (junk,) = bob.find("bad", "Junk")
            assert b"GTUBE" in junk.partition(b"\r\n\r\n")[0]


def test_rspamd(tmp_path: Path) -> None:
    path = tmp_path / "rspamd.sock"
    settings = tmp_path / "rspamd.conf"
    settings.write_text(
        f"""options {{
            pidfile = "{tmp_path}/pid"; tempdir = "{tmp_path}"; filters = "";
            control_socket = "{tmp_path}/control";
            dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }}
        }}
        logging {{ type = "console"; }}
        worker "normal" {{ bind_socket = "{path}"; count = 1; }}
        """
    )
    with (
        running(["rspamd", "-f", "-i", "-c", str(settings)], path, "rspamd"),
        filtered(
            tmp_path / "server",
            f'kind = "rspamd"\naddress = "{path}"\non_failure = "defer"\nseconds = 60',
        ) as server,
    ):
        assert send(server, "good", "hello").startswith("250 2.0.0")
        assert send(server, "bad", GTUBE) == "550 5.7.1 Gtube pattern"
        with contextlib.closing(Mailbox(server, BOB)) as bob:
            assert len(bob.find("good")) == 1
