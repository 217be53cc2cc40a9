"""Start, kill and restart ``postroom serve`` on loopback ports that were free.

Everything goes through the outside: the command line, the ports, signals.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from rig.ports import HOST, free_port

DOMAIN: Final = "rig.test"
START_SECONDS: Final = 120  # a machine may have much else to do
END_SECONDS: Final = 120

_PLAIN: Final = {
    "submission",
    "imap",
    "pop3",
    "managesieve",
}  # doors that may take a password in clear here


def is_open(port: int) -> bool:
    """True when the SMTP door greets."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1) as probe:
        probe.settimeout(5)
        return probe.recv(3) == b"220"
    return False


class Server:
    """One data folder with its configuration, and the process that serves it."""

    def __init__(
        self,
        folder: Path,
        *,
        doors: Iterable[str] = ("smtp", "imap"),
        settings: str = "",
        listen: str = "",
        wrapper: Sequence[str] = (),
        database: str | None = None,
        hostname: str = f"mail.{DOMAIN}",
        program: Sequence[str] = (sys.executable, "-m", "postroom"),
    ) -> None:
        """``settings`` are further lines of postroom.toml, ``listen`` of each listener.

        ``program`` is how postroom is called, this checkout's by default. ``wrapper`` is a command to run the server under, such as strace. ``database`` is the
        URL of a PostgreSQL, None for SQLite.
        """
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "postroom.toml"
        self.ports = {door: free_port() for door in doors}
        self._program = list(program)
        self._wrapper = list(wrapper)
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f'hostname = "{hostname}"', f'data = "{self.data}"']
        if database:
            lines.append(f'database = "{database}"')
        lines.append(settings)
        if "[dns]" not in settings:  # nobody answers there: nothing is asked outside this machine
            lines.append('[dns]\nservers = ["127.0.0.1:9"]')
        for door, port in self.ports.items():
            lines += ["[[listen]]", f'protocol = "{door}"', f'address = "{HOST}"', f"port = {port}"]
            if door in _PLAIN:
                lines.append('auth = "plain"')
            if door == "smtp":
                lines.append(listen)
        self.config.write_text("\n".join(lines) + "\n")

    def command(self, *arguments: str, stdin: str = "") -> str:
        """Run ``postroom -c CONFIG ...``; its standard output. Raises on another exit than 0."""
        done = subprocess.run(
            [*self._program, "-c", str(self.config), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"postroom {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The answer of a command with ``--json``."""
        return json.loads(self.command(*arguments, "--json"))

    def add_account(self, address: str, password: str, *options: str) -> None:
        """An account with a known password; its domain is added when it is new."""
        domain = address.partition("@")[2]
        with contextlib.suppress(RuntimeError):
            self.command("domain", "add", domain)
        self.command("account", "add", address, "--password-stdin", *options, stdin=password + "\n")

    def is_sound(self) -> bool:
        """Whether ``postroom doctor --deep`` finds no error; those that it finds are printed."""
        done = subprocess.run(
            [*self._program, "-c", str(self.config), "doctor", "--deep", "--offline", "--json"],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            print(f"doctor: {done.stderr.strip()}{done.stdout.strip()}")
        return not done.returncode

    @property
    def log(self) -> list[str]:
        """The lines of the event log so far."""
        path = self.data / "log" / "postroom.jsonl"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def pid(self) -> int:
        """The process id of the server (under a wrapper: of its child)."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        if not self._wrapper:
            return self._process.pid
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return int(children.read_text().split()[0])

    def start(self) -> float:
        """Start and wait for the first 220; the seconds that took."""
        began = time.monotonic()
        log = (self.folder / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [*self._wrapper, *self._program, "-c", str(self.config), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        while not is_open(self.ports["smtp"]):
            if self._process.poll() is not None or time.monotonic() > began + START_SECONDS:
                self.kill()
                tail = (self.folder / "server.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the server did not start:\n{tail}")
            time.sleep(0.01)
        return time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL, as a crash does it."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM and wait; the exit code."""
        return self._end(signal.SIGTERM)

    def wait(self, seconds: float) -> bool:
        """True when the process has ended within ``seconds``."""
        if self._process is None:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.poll() is not None

    def _end(self, which: signal.Signals) -> int:
        process, self._process = self._process, self._process
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError, IndexError, FileNotFoundError):
            os.kill(self.pid, which)
        try:
            code = process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        self._process = None
        return code

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
