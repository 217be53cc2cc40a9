"""Dovecot as Debian has it, with IMAP and LMTP, as a throw-away instance on loopback.

Its own configuration, base_dir, ports and passwd-file. Full-text search is off, as Debian's
default is, and so is hibernation of idle sessions. Each user has a uid of their own, because
the system lets a uid watch few files: a user with many sessions would keep the others from
hearing of news. Started and ended by its process id.
"""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from rig.ports import free_port
from rig.server import is_open

Format = Literal["maildir", "mdbox"]

PASSWORD: Final = "bench-password"

_CONF: Final = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = {format}:~/mail
mail_fsync = {fsync}
first_valid_uid = 1
default_internal_user = dovecot
default_login_user = dovenull
mail_max_userip_connections = 0
default_client_limit = 20000
auth_username_format = %n
passdb {{
  driver = passwd-file
  args = username_format=%n {folder}/passwd
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {folder}/passwd
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  service_count = 0
  process_limit = 2
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 20000
}}
service anvil {{
  client_limit = 40000
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
protocol imap {{
  mail_max_userip_connections = 0
}}
"""


class Dovecot:
    """One instance with one mailbox format."""

    def __init__(self, folder: Path, kind: Format, users: Sequence[str]) -> None:
        if os.geteuid() != 0:
            raise FileNotFoundError("Dovecot needs root")
        if not Path("/usr/lib/dovecot/imap").exists():
            raise FileNotFoundError("Dovecot is missing (apt-get install dovecot-imapd)")
        self.name = f"Dovecot {kind}"
        self.imap, self.lmtp = free_port(), free_port()
        self._folder = folder
        self._kind = kind
        self._config = folder / "dovecot.conf"
        self._process: subprocess.Popen[bytes] | None = None
        nobody = pwd.getpwnam("nobody")
        folder.chmod(0o755)
        (folder / "run").mkdir()
        lines = []
        for number, user in enumerate(users):
            home = folder / "users" / user.partition("@")[0]
            home.mkdir(parents=True)
            uid = nobody.pw_uid - number
            os.chown(home, uid, nobody.pw_gid)
            lines.append(f"{home.name}:{{PLAIN}}{PASSWORD}:{uid}:{nobody.pw_gid}::{home}\n")
        (folder / "passwd").write_text("".join(lines))

    def start(self, *, fsync: str = "optimized") -> None:
        """Start and wait for its greeting. ``fsync`` is "never" to fill it quickly."""
        self._config.write_text(
            _CONF.format(
                folder=self._folder, format=self._kind, fsync=fsync, imap=self.imap, lmtp=self.lmtp
            )
        )
        program = shutil.which("dovecot") or "/usr/sbin/dovecot"
        with (self._folder / "start.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-F", "-c", str(self._config)], stdout=log, stderr=log
            )
        end = time.monotonic() + 20
        while not is_open(self.lmtp):
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"Dovecot does not answer: {self._tail()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """SIGTERM to its master, which ends the others."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def pids(self) -> list[int]:
        """The master and its children."""
        if self._process is None:
            return []
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def _tail(self) -> str:
        logs = [self._folder / "start.log", self._folder / "dovecot.log"]
        return "".join(log.read_text()[-1500:] for log in logs if log.exists())
