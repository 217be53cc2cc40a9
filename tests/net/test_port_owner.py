import os
import socket
from pathlib import Path

from postroom.net.port_owner import is_held, owner


def test_who_listens_is_named_with_the_process() -> None:
    for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
        with socket.create_server((host, 0), family=family) as listener:
            port = listener.getsockname()[1]
            name = Path("/proc/self/comm").read_text().strip()
            assert owner(port) == f"{name} (pid {os.getpid()})"
        assert owner(port) is None


def test_a_connection_is_no_listener() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        assert owner(client.getsockname()[1]) is None


def test_another_persons_process_is_another_program(tmp_path: Path) -> None:
    net = tmp_path / "net"
    net.mkdir()
    net.joinpath("tcp").write_text(
        "  sl  local_address rem_address   st tx rx tr tm retrnsmt   uid  timeout inode\n"
        "   0: 00000000:0019 00000000:0000 0A 0:0 00:0 0 0 0 4711 1\n"
    )
    assert owner(25, tmp_path) == "another program"
    assert owner(26, tmp_path) is None


def test_a_process_holds_its_ports_and_no_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert is_held(port, os.getpid())
        assert not is_held(port, os.getppid())
    assert not is_held(port, os.getpid())
