"""``postroom setup --web`` from outside: the address on the console, and a server in the end."""

import contextlib
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.cli import setup_web
from postroom.errors import Invalid
from rig.ports import HOST, free_port
from rig.server import Server, is_open


@contextlib.contextmanager
def console(server: Server, listen: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and what it shows up to the address."""
    command = [
        sys.executable, "-u", "-m", "postroom", "-c", str(server.config), "setup", "--web",
        "--offline", "--listen", listen,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
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


class Client:
    """Keeps the cookie, follows to where it is sent."""

    def __init__(self, url: str) -> None:
        self._base = url
        trust = ssl.create_default_context()
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(), urllib.request.HTTPSHandler(context=trust)
        )
        self.page = ""

    def ask(self, path: str, fields: dict[str, str] | None = None) -> int:
        word = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page)
        whole = None if fields is None else {**({"csrf": word[1]} if word else {}), **fields}
        body = None if whole is None else urllib.parse.urlencode(whole).encode()
        try:
            with self._opener.open(self._base + path, body, timeout=30) as answer:
                self.page = answer.read().decode()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                self.page = error.read().decode()
            return error.code


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
        end = time.monotonic() + 20
        while time.monotonic() < end:  # the pages are gone, the server stays
            try:
                client.ask("/setup")
            except (urllib.error.URLError, ConnectionError):
                break
        else:
            raise AssertionError("the pages are still there")
        assert is_open(server.ports["smtp"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_beyond_this_machine_it_is_served_over_tls_only(tmp_path: Path) -> None:
    server, port = Server(tmp_path), free_port()
    with console(server, f":{port}") as (process, said):
        assert re.search(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", said)
        url = re.search(r"https://[^/]+(/setup\?key=\S+)", said)
        assert url
        client = Client(f"https://{HOST}:{port}")
        assert client.ask(url[1]) == 200
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            urllib.request.urlopen(f"http://{HOST}:{port}/setup", timeout=10)
        process.send_signal(signal.SIGINT)
        process.wait(30)


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
