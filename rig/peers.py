"""Postfix, and Postfix with Dovecot's LMTP, as throw-away instances on loopback.

Both need root: Postfix starts its master as root and drops privileges itself. Nothing of
the machine's own configuration is read or changed.
"""

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final, Protocol

from rig.ports import free_port
from rig.server import DOMAIN, is_open

_MAIN_CF: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/lib
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.{domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:b/
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_transport = {transport}
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
smtpd_client_connection_count_limit = 0
default_process_limit = 110
smtpd_peername_lookup = no
"""

_DOVECOT_CONF: Final = """\
base_dir = {folder}/run
log_path = {folder}/log/dovecot.log
protocols = lmtp
ssl = no
mail_location = maildir:{folder}/mail/b
first_valid_uid = 1
default_internal_user = dovecot
default_login_user = dovenull
auth_username_format = %n
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


class Peer(Protocol):
    """What the benchmark asks of a server."""

    name: str
    port: int
    recipient: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def pids(self) -> list[int]: ...
    def visible(self) -> int: ...


class PostfixVirtualPeer:
    """Postfix with virtual(8) into a Maildir."""

    name = "postfix-virtual"

    def __init__(self, folder: Path, transport: str = "virtual", more: str = "") -> None:
        """``more`` are further lines of main.cf."""
        if os.geteuid() != 0:
            raise FileNotFoundError("Postfix needs root")
        if not Path("/usr/lib/postfix/sbin/master").exists():
            raise FileNotFoundError("Postfix is missing (apt-get install postfix)")
        self._folder = folder
        self._config = folder / "etc"
        self.port = free_port()
        self.recipient = f"b@{DOMAIN}"
        nobody = pwd.getpwnam("nobody")
        for name in ("etc", "queue", "lib", "mail", "log", "run"):
            (folder / name).mkdir()
        shutil.chown(folder / "lib", "postfix", "postfix")
        os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)
        (folder / "log").chmod(0o777)
        (self._config / "main.cf").write_text(
            _MAIN_CF.format(
                folder=folder,
                domain=DOMAIN,
                transport=transport,
                uid=nobody.pw_uid,
                gid=nobody.pw_gid,
            )
            + more
        )
        master = Path("/usr/share/postfix/master.cf.dist").read_text().splitlines()
        services = [_service(line, self.port) for line in master]
        services.append("postlog unix-dgram n - n - 1 postlogd")
        (self._config / "master.cf").write_text("\n".join(services) + "\n")

    def start(self) -> None:
        self._postfix("start")
        for _ in range(500):
            if is_open(self.port):
                return
            time.sleep(0.02)
        raise RuntimeError(f"Postfix does not answer: {self._tail()}")

    def stop(self) -> None:
        self._postfix("stop")

    def pids(self) -> list[int]:
        """The master and its children."""
        path = self._folder / "queue" / "pid" / "master.pid"
        return family(int(path.read_text()))

    def visible(self) -> int:
        new = self._folder / "mail" / "b" / "new"
        return len(os.listdir(new)) if new.exists() else 0

    def _postfix(self, what: str) -> None:
        done = subprocess.run(
            ["postfix", "-c", str(self._config), what], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"postfix {what}: {done.stderr}{self._tail()}")

    def _tail(self) -> str:
        log = self._folder / "log" / "mail.log"
        return log.read_text()[-1500:] if log.exists() else ""


class DovecotPeer(PostfixVirtualPeer):
    """Postfix that hands over to Dovecot by LMTP."""

    name = "postfix-dovecot"

    def __init__(self, folder: Path) -> None:
        if not Path("/usr/lib/dovecot/lmtp").exists():
            raise FileNotFoundError("Dovecot is missing (apt-get install dovecot-lmtpd)")
        self._lmtp = free_port()
        super().__init__(folder, transport=f"lmtp:inet:127.0.0.1:{self._lmtp}")
        nobody = pwd.getpwnam("nobody")
        self._dovecot = folder / "etc" / "dovecot.conf"
        self._dovecot.write_text(
            _DOVECOT_CONF.format(
                folder=folder, port=self._lmtp, uid=nobody.pw_uid, gid=nobody.pw_gid
            )
        )

    def start(self) -> None:
        subprocess.run(
            ["dovecot", "-c", str(self._dovecot)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        super().start()

    def stop(self) -> None:
        super().stop()
        subprocess.run(["doveadm", "-c", str(self._dovecot), "stop"], check=False)

    def pids(self) -> list[int]:
        master = int((self._folder / "run" / "master.pid").read_text())
        return super().pids() + family(master)


def _service(line: str, port: int) -> str:
    """A line of master.cf without chroot, with our port for smtpd."""
    parts = line.split()
    if line.startswith(("#", " ", "\t")) or len(parts) < 8:
        return line
    if parts[:2] == ["smtp", "inet"]:
        parts[0] = f"127.0.0.1:{port}"
    parts[4] = "n"
    return " ".join(parts)


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        return []
    return [pid, *map(int, children.read_text().split())]
