"""Sessions end within a moment when a command takes away what they were opened with."""

import base64
import contextlib
from collections.abc import Iterator

import pytest

from rig.server import Server
from tests.system.wire import ALICE, BOB, PASSWORDS, Wire, running

TOLD = b"The account or the password has changed"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("revocation")) as one:
        yield one


@contextlib.contextmanager
def logged_in(server: Server, address: str, password: str) -> Iterator[dict[str, Wire]]:
    """A session at each door, the one of IMAP in IDLE."""
    plain = base64.b64encode(f"\0{address}\0{password}".encode())
    with contextlib.ExitStack() as stack:
        found = {
            door: stack.enter_context(Wire(server.ports[door]))
            for door in ("imap", "pop3", "managesieve", "submission")
        }
        found["imap"].imap_login(address, password)
        found["imap"].imap(b"s", b"SELECT INBOX")
        found["imap"].send(b"i IDLE\r\n")
        assert found["imap"].line().startswith(b"+")
        assert found["pop3"].ask(b"USER " + address.encode()).startswith(b"+OK")
        assert found["pop3"].ask(b"PASS " + password.encode()).startswith(b"+OK")
        while not found["managesieve"].line().startswith(b"OK"):
            pass
        found["managesieve"].send(b'AUTHENTICATE "PLAIN" "%s"\r\n' % plain)
        assert found["managesieve"].line().startswith(b"OK")
        found["submission"].ask(b"EHLO c.test")
        assert found["submission"].ask(b"AUTH PLAIN " + plain).startswith(b"235")
        yield found


def farewells(sessions: dict[str, Wire]) -> dict[str, bytes]:
    return {door: wire.line() for door, wire in sessions.items()}


def test_a_disabled_account(server: Server) -> None:
    with (
        logged_in(server, ALICE, PASSWORDS[ALICE]) as hers,
        logged_in(server, BOB, PASSWORDS[BOB]) as his,
    ):
        server.command("account", "disable", ALICE)
        said = farewells(hers)
        assert all(TOLD in line for line in said.values()), said
        assert said["imap"].startswith(b"* BYE ")
        assert said["managesieve"].startswith(b"BYE ")
        assert said["submission"].startswith(b"421 4.7.0 ")
        assert his["pop3"].ask(b"NOOP").startswith(b"+OK")
        assert his["submission"].ask(b"NOOP").startswith(b"250")
    server.command("account", "enable", ALICE)


def test_another_password(server: Server) -> None:
    with logged_in(server, BOB, PASSWORDS[BOB]) as his:
        server.command("account", "password", BOB, "--password-stdin", stdin="another-Secret-8\n")
        assert all(TOLD in line for line in farewells(his).values())
    with logged_in(server, BOB, "another-Secret-8") as his:
        assert his["pop3"].ask(b"NOOP").startswith(b"+OK")
        server.command("account", "password", BOB, "--password-stdin", stdin=PASSWORDS[BOB])
        assert all(TOLD in line for line in farewells(his).values())


def test_an_app_password(server: Server) -> None:
    made = server.json("account", "app-password", "add", ALICE, "--label", "laptop")
    with (
        logged_in(server, ALICE, made["password"]) as laptop,
        logged_in(server, ALICE, PASSWORDS[ALICE]) as phone,
    ):
        server.command("account", "app-password", "remove", ALICE, "laptop")
        assert all(TOLD in line for line in farewells(laptop).values())
        assert phone["pop3"].ask(b"NOOP").startswith(b"+OK")
