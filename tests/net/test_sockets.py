import asyncio
import errno
import os
import socket
from pathlib import Path

import pytest

from postroom.net.sockets import close, least_port, listeners, outward_addresses, refusal
from tests.listen.loops import both_loops, run


def test_an_address_gets_one_socket_that_listens() -> None:
    (listener,) = listeners("127.0.0.1", 0)
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        close([listener])


def test_a_port_that_is_taken_is_named_with_the_next_action() -> None:
    (listener,) = listeners("localhost", 0)
    port = listener.getsockname()[1]
    with pytest.raises(OSError) as caught:
        listeners("127.0.0.1", port)
    close([listener])
    assert f"port {port}: another program does" in str(refusal("127.0.0.1", port, caught.value))


def test_every_address_means_both_families_on_one_port() -> None:
    opened = listeners("", 0)
    ports = {one.getsockname()[1] for one in opened}
    close(opened)
    assert len(ports) == 1
    assert all(one.fileno() == -1 for one in opened)


def test_an_inherited_socket_is_taken() -> None:
    (mine,) = listeners("127.0.0.1", 0)
    assert listeners("", mine.getsockname()[1], [mine]) == [mine]
    close([mine])


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "ports below 1024"),
        (errno.EADDRNOTAVAIL, "port 25: this machine has no such address"),
        (errno.ENOBUFS, "cannot listen on 192.0.2.1"),
    ],
)
def test_errors_are_worded(number: int, words: str) -> None:
    assert words in str(refusal("192.0.2.1", 25, OSError(number, "x")))


@both_loops
def test_small_answers_are_not_held_back(loop: str) -> None:
    """Both event loops set TCP_NODELAY on what such a listener accepts."""

    async def main() -> int:
        accepted: asyncio.Future[asyncio.BaseTransport] = asyncio.Future()

        class Peer(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                accepted.set_result(transport)

        (listening,) = listeners("127.0.0.1", 0)
        server = await asyncio.get_running_loop().create_server(Peer, sock=listening)
        async with server:
            _, writer = await asyncio.open_connection(*listening.getsockname())
            transport = await accepted
            found: int = transport.get_extra_info("socket").getsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY
            )
            writer.close()
            transport.close()
            return found

    assert run(loop, main())


@pytest.mark.parametrize(("effective", "least"), [("000001ffffffffff", 0), ("400", 0), ("0", 80)])
def test_from_which_port_on_a_process_may_listen(
    effective: str, least: int, tmp_path: Path
) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_text(f"Name:\tpython\nCapEff:\t{effective}\nThreads:\t1\n")
    (tmp_path / "sys/net/ipv4").mkdir(parents=True)
    (tmp_path / "sys/net/ipv4/ip_unprivileged_port_start").write_text("80\n")
    assert least_port(tmp_path) == least


def test_where_the_kernel_does_not_tell_only_root_may(tmp_path: Path) -> None:
    assert least_port(tmp_path) == (1024 if os.geteuid() else 0)
    assert least_port() <= 1024


def test_outward_addresses_are_of_this_machine() -> None:
    for address in outward_addresses():
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
