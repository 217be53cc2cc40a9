"""What a systemd unit tells us and hears from us: sockets, readiness, watchdog.

sd_notify(3), sd_listen_fds(3). Without systemd every function does nothing.
"""

import os
import socket
from collections.abc import Mapping
from typing import Final

_FIRST_FD: Final = 3  # SD_LISTEN_FDS_START


def inherited_sockets(environment: Mapping[str, str], pid: int) -> list[socket.socket]:
    """The listening sockets handed over by the service manager, ready for use."""
    if environment.get("LISTEN_PID") != str(pid):
        return []
    try:
        count = int(environment.get("LISTEN_FDS", "0"))
    except ValueError:
        return []
    sockets = []
    for descriptor in range(_FIRST_FD, _FIRST_FD + count):
        os.set_inheritable(descriptor, False)
        inherited = socket.socket(fileno=descriptor)
        inherited.setblocking(False)
        sockets.append(inherited)
    return sockets


class Notifier:
    """Speaks to ``NOTIFY_SOCKET``; silent when there is none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Reads NOTIFY_SOCKET and WATCHDOG_USEC from ``environment``."""
        path = environment.get("NOTIFY_SOCKET", "")
        self._path = "\0" + path[1:] if path.startswith("@") else path
        usec = environment.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(usec) / 1_000_000 if usec.isdigit() else 0.0

    def send(self, state: str) -> bool:
        """Send e.g. ``READY=1``; False when nobody listens."""
        if not self._path:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.connect(self._path)
                out.sendall(state.encode())
        except OSError:
            return False
        return True
