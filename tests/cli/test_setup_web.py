"""``postroom setup --web`` from outside: the address on the console, and a server in the end."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.cli import setup_web
from postroom.errors import Invalid, Refused
from rig.ports import HOST, free_port
from rig.server import Server, is_open

from .browsing import Client

LONGEST = 300  # seconds; a busy machine may need many, and a good run waits for none of them


@contextlib.contextmanager
def console(server: Server, listen: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and what it shows up to the address."""
    command = [
        sys.executable, "-u", "-m", "postroom", "-c", str(server.config), "setup", "--web",
        "--offline", "--listen", listen,
    ]  # fmt: skip
    process = subprocess.Popen(  # as shells start what is to run in the background
        ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    while "key=" not in said:
        line = process.stdout.readline()
        assert line
        said += line
    try:
        yield process, said
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def begun(said: str) -> Client:
    found = re.search(r"(https?://[^/]+)(/setup\?key=(\S+))", said)
    assert found
    client = Client(found[1])
    assert client.ask(found[2]) == 200
    assert client.ask("/setup", {"key": found[3]}) == 200
    return client


def test_a_person_with_a_browser_gets_a_server_that_takes_mail(tmp_path: Path) -> None:
    server = Server(tmp_path)
    port = free_port()
    with console(server, f"{HOST}:{port}") as (process, said):
        assert f"ssh -L {port}:{HOST}:{port}" in said or "Open in a browser" in said
        client = begun(said)
        client.ask("/setup/place", {"domain": "rig.test"})
        fields = {"admin": "me@rig.test", "password": "a-Good-one-1", "again": "a-Good-one-1"}
        client.ask("/setup/people", fields)
        assert "The server runs." in client.page
        client.ask("/setup/letter", {"to": ""})
        assert "it lies in INBOX of me@rig.test" in client.page
        client.ask("/setup/finish", {})
        assert "These pages are gone" in client.page
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:  # the pages are gone, the server stays
            try:
                client.ask("/setup")
            except (urllib.error.URLError, ConnectionError):
                break
        else:
            raise AssertionError("the pages are still there")
        assert is_open(server.ports["smtp"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST) == 0


def test_beyond_this_machine_it_is_served_over_tls_only(tmp_path: Path) -> None:
    server, port = Server(tmp_path), free_port()
    with console(server, f":{port}") as (process, said):
        assert re.search(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", said)
        url = re.search(r"https://[^/]+(/setup\?key=\S+)", said)
        assert url
        client = Client(f"https://{HOST}:{port}")
        assert client.ask(url[1]) == 200
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            urllib.request.urlopen(f"http://{HOST}:{port}/setup", timeout=LONGEST)
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST) == 1


def test_without_a_place_named_the_next_free_port_is_taken() -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Refused, match="another program does"):
            setup_web.first_free(HOST, range(port, port + 1))
        (listener,) = setup_web.first_free(HOST, range(port, min(port + 200, 65_536)))
        with listener:
            assert listener.getsockname()[1] > port


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8025", ("127.0.0.1", 8025)),
        ("[::1]:80", ("::1", 80)),
        (":8443", ("", 8443)),
        ("localhost:1", ("localhost", 1)),
    ],
)
def test_where_it_listens(text: str, address: tuple[str, int]) -> None:
    assert setup_web.address(text) == address


@pytest.mark.parametrize("text", ["", "x", "x:1", "127.0.0.1", "127.0.0.1:x", ":70000"])
def test_where_it_can_not_listen(text: str) -> None:
    with pytest.raises(Invalid, match="is not like"):
        setup_web.address(text)
