import os
import socket
from pathlib import Path

from postroom.net.systemd import Notifier, inherited_sockets


def test_without_systemd_nothing_happens() -> None:
    notifier = Notifier({})
    assert not notifier.send("READY=1")
    assert notifier.watchdog_seconds == 0
    assert inherited_sockets({}, os.getpid()) == []


def test_sockets_meant_for_another_process_are_left_alone() -> None:
    assert inherited_sockets({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, 2) == []
    assert inherited_sockets({"LISTEN_PID": "2", "LISTEN_FDS": "many"}, 2) == []


def test_the_state_reaches_the_service_manager(data: Path) -> None:
    path = str(data / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"})
        assert notifier.watchdog_seconds == 30
        assert notifier.send("READY=1")
        assert manager.recv(100) == b"READY=1"
    Path(path).unlink()
    assert not notifier.send("WATCHDOG=1")
