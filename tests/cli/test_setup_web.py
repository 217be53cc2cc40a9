"""``postroom setup --web`` from outside: the address on the console, and a server in the end."""

import contextlib
import os
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

from postroom.admin.facts import Fact
from postroom.cli import setup_web
from postroom.errors import Invalid, Refused
from rig.ports import HOST, free_port
from rig.server import Server, is_open

from .browsing import Client
from .smarthost import LOGIN, PASSWORD, smarthost
from .terminal import ROOT
from .world import CLOSED, OPEN, encoded

LONGEST = 300  # seconds; a busy machine may need many, and a good run waits for none of them


@contextlib.contextmanager
def console(
    config: Path, listen: str, *more: str, found: list[Fact] = OPEN
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and what it shows up to the address."""
    command = [
        sys.executable, "-u", "-m", "tests.cli.world", encoded(found), "-c", str(config), "setup",
        "--web", "--listen", listen, *more,
    ]  # fmt: skip
    process = subprocess.Popen(  # as shells start what is to run in the background
        ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
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
    with console(server.config, f"{HOST}:{port}", "--offline") as (process, said):
        assert f"ssh -L {port}:{HOST}:{port}" in said or "Open in a browser" in said
        client = begun(said)
        client.ask("/setup/place", {"domain": "rig.test"})
        fields = {"admin": "me@rig.test", "password": "a-Good-one-1"}
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
    with console(server.config, f":{port}", "--offline") as (process, said):
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


# What a person fills in, counted on every page


MINE = {"admin": "me@demo.test", "password": "a-Good-one-1"}


def fields(page: str) -> list[str]:
    """The names of what can be filled in, ticked or chosen."""
    found = re.findall(r"<(?:input|select|textarea)\b[^>]*>", page)
    seen = [one for one in found if 'type="hidden"' not in one]
    return [name[1] for one in seen if (name := re.search(r'name="(\w+)"', one))]


@contextlib.contextmanager
def opened(tmp_path: Path, *more: str, found: list[Fact]) -> Iterator[Client]:
    """The first page of a machine in such a network."""
    config = tmp_path / "postroom.toml"
    more = ("--data", str(tmp_path / "data"), *more)
    with console(config, f"{HOST}:{free_port()}", *more, found=found) as (_process, said):
        yield begun(said)


def test_three_fields_and_a_test_address_where_port_25_is_open(tmp_path: Path) -> None:
    with opened(tmp_path, found=OPEN) as client:
        assert fields(client.page) == ["domain"]
        assert "disk" in client.page
        client.ask("/setup/place", {"domain": "demo.test"})
        assert fields(client.page) == ["admin", "password"]
        client.ask("/setup/people", MINE)
        assert fields(client.page) == ["to"]
    with opened(tmp_path, found=OPEN) as client:  # again
        assert fields(client.page) == ["to"]
        assert "demo.test is set up" in client.page


def test_a_host_of_ones_own_makes_six_and_what_is_wrong_loses_nothing(tmp_path: Path) -> None:
    with smarthost() as host, opened(tmp_path, found=CLOSED) as client:
        seen = fields(client.page)
        assert client.ask("/setup/place", {"domain": "http://x y/"}) == 400
        assert 'value="http://x y/"' in client.page
        client.ask("/setup/place", {"domain": "demo.test"})
        seen += fields(client.page)
        assert len(seen) == 6
        relay = {"relay": f"{HOST}:{host.port}", "relay_login": LOGIN}
        assert client.ask("/setup/people", {**MINE, **relay, "relay_password": "wrong"}) == 400
        assert "does not take this login and password" in client.page
        assert fields(client.page) == seen[1:]
        for kept in ("me@demo.test", relay["relay"], LOGIN):
            assert f'value="{kept}"' in client.page
        assert MINE["password"] not in client.page
        again = {**relay, "admin": MINE["admin"], "password": "", "relay_password": PASSWORD}
        assert client.ask("/setup/people", again) == 200
        assert f"relay {HOST} for everything" in client.page
        assert "Your password" not in client.page  # it is the one that was typed before
        assert fields(client.page) == []


def test_receiving_only_and_a_password_that_is_made(tmp_path: Path) -> None:
    with opened(tmp_path, found=CLOSED) as client:
        client.ask("/setup/place", {"domain": "demo.test"})
        client.ask("/setup/people", {"admin": "", "password": "", "relay": ""})
        assert "account postmaster@demo.test" in client.page
        assert "Your password: <code>" in client.page
        assert fields(client.page) == []


def test_a_preset_makes_six(tmp_path: Path) -> None:
    with opened(tmp_path, "--offline", found=CLOSED) as client:
        client.ask("/setup/place", {"domain": "demo.test"})
        relay = {"relay": "gmail", "relay_login": "me@gmail.com", "relay_password": PASSWORD}
        client.ask("/setup/people", {**MINE, **relay})
        assert "relay smtp.gmail.com for everything" in client.page
        assert "The message that goes out is for me@gmail.com" in client.page
        assert fields(client.page) == []


def test_what_was_answered_before_the_end_is_there_again(tmp_path: Path) -> None:
    with opened(tmp_path, "--offline", found=CLOSED) as client:
        client.ask("/setup/place", {"domain": "demo.test"})
        wrong = {**MINE, "relay": "gmail", "relay_login": "me@gmail.com", "relay_password": ""}
        assert client.ask("/setup/people", wrong) == 400
    assert not (tmp_path / "postroom.toml").exists()
    with opened(tmp_path, "--offline", found=CLOSED) as client:
        assert 'value="demo.test"' in client.page
        client.ask("/setup/place", {"domain": "demo.test"})
        for kept in ("me@demo.test", "gmail", "me@gmail.com"):
            assert f'value="{kept}"' in client.page


def test_another_name_for_the_server_is_asked_only_of_who_wants_one(tmp_path: Path) -> None:
    with opened(tmp_path, "--offline", found=OPEN) as client:
        client.ask("/setup/place", {"domain": "demo.test"})
        assert "called mail.demo.test" in client.page
        client.ask("/setup?name")
        assert fields(client.page) == ["hostname"]
        assert client.ask("/setup/place", {"domain": "demo.test", "hostname": "-"}) == 400
        client.ask("/setup/place", {"domain": "demo.test", "hostname": "mx.demo.test"})
        assert "called mx.demo.test" in client.page
        client.ask("/setup?provider")
        assert len(fields(client.page)) == 5
        client.ask("/setup/people", MINE)
        assert 'hostname = "mx.demo.test"' in (tmp_path / "postroom.toml").read_text()
