"""The units with which systemd runs a server: hardened, with its ports opened by systemd.

Sockets of systemd need no right of ours to ports below 1024, and stay open while the server is
restarted: no connection is refused. systemd.exec(5), systemd.socket(5).
"""

import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from postroom.config.model import Config, Listen, standard_listeners
from postroom.errors import Refused

USER: Final = "postroom"
FOLDER: Final = Path("/etc/systemd/system")
_HOMES: Final = (("home",), ("root",))  # what ProtectHome hides, from the top of the file system
_RUNNING: Final = Path("/run/systemd/system")  # sd_booted(3)

_SERVICE: Final = """\
[Unit]
Description=Postroom mail server
After=network-online.target nss-lookup.target
Wants=network-online.target
Requires=postroom.socket

[Service]
Type=notify
User={user}
Group={user}
ExecStart={python} -m postroom -c {config} serve
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=60
Restart=always
RestartSec=2
TimeoutStopSec=90
LimitNOFILE=524288
UMask=0077

ReadWritePaths={writable}
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
CapabilityBoundingSet=
AmbientCapabilities=
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
_SOCKET: Final = """\
[Unit]
Description=Ports of the Postroom mail server

[Socket]
{listen}
BindIPv6Only=ipv6-only
Backlog=1024
NoDelay=yes

[Install]
WantedBy=sockets.target
"""


class Units(msgspec.Struct, frozen=True):
    """Texts of the two units."""

    service: str
    socket: str


def may_take_over(*, is_root: bool) -> bool:
    """Whether ``install`` would hand the server to systemd at once."""
    return is_root and _RUNNING.exists()


def units(config: Config, file: Path, *, python: str = sys.executable) -> Units:
    """The units for a server with these settings, which stand in ``file``."""
    listeners = config.listen or standard_listeners()
    lines = [line for one in listeners if one.port for line in _listen(one)]
    places = (config.folder, file, Path(python))
    is_in_home = any(path.is_absolute() and path.parts[1:2] in _HOMES for path in places)
    return Units(
        service=_SERVICE.format(
            user=USER,
            python=_word(python),
            config=_word(str(file)),
            writable=" ".join(_writable(config)),
            home="read-only" if is_in_home else "yes",
        ),
        socket=_SOCKET.format(listen="\n".join(lines)),
    )


def install(config: Config, file: Path, folder: Path = FOLDER, *, is_root: bool) -> list[Path]:
    """Write the units, make the user, hand it the data folder, start. Raises Refused.

    Installing again writes them anew and restarts the server.
    """
    if not is_root:
        raise Refused("only root can install a service; see what it would be: --print")
    made = units(config, file)
    for path in (file, Path(sys.executable), Path(sys.executable).resolve()):
        if (closed := unreadable(path, config.folder)) is not None:
            raise Refused(
                f"the server runs as the user {USER}, who may not read {closed}: move {path} to where "
                f"everybody may, or: chmod o+rX {closed}"
            )
    written = [folder / "postroom.socket", folder / "postroom.service"]
    try:
        for path, text in zip(written, (made.socket, made.service), strict=True):
            path.write_text(text)
    except OSError as error:
        raise Refused(f"{error.filename} can't be written: {error.strerror}") from error
    _make_user()
    config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run("chown", "-R", f"{USER}:{USER}", str(config.folder))
    if config.backup.path is not None and not Path(config.backup.path).exists():
        Path(config.backup.path).mkdir(mode=0o700, parents=True)
        _run("chown", f"{USER}:{USER}", config.backup.path)
    if _RUNNING.exists() and folder == FOLDER:
        _run("systemctl", "daemon-reload")
        _run("systemctl", "enable", "--now", "postroom.socket", "postroom.service")
        _run("systemctl", "restart", "postroom.service")
    return written


def unreadable(path: Path, data: Path) -> Path | None:
    """The first part of a path that only its owner may read; None where all are open.

    The data folder is made the user's own.
    """
    for part in (*reversed(path.absolute().parents), path):
        if part == data or data in part.parents:
            return None
        mode = part.stat().st_mode
        if not mode & (stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH):
            return part
    return None


def _writable(config: Config) -> list[str]:
    """Where the server writes; the folder of backups may be on a disk that is not there yet."""
    words = [_word(config.data)]
    if config.backup.path is not None:
        words.append(_word(f"-{config.backup.path}"))
    return words


def _listen(listen: Listen) -> list[str]:
    if listen.address in {"", "localhost"}:
        hosts = ["127.0.0.1"] if listen.address else ["[::]", "0.0.0.0"]  # noqa: S104  as is set
    else:
        hosts = [f"[{listen.address}]" if ":" in listen.address else listen.address]
    return [f"ListenStream={host}:{listen.port}" for host in hosts]


def _make_user() -> None:
    import pwd

    try:
        pwd.getpwnam(USER)
    except KeyError:
        _run(
            "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
            "--shell", "/usr/sbin/nologin", USER,
        )  # fmt: skip


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise Refused(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")


def _word(text: str) -> str:
    """One word of a unit: blanks kept together, its own characters left alone."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if any(letter.isspace() for letter in text) or '"' in text else escaped
