"""A mailing list at a running server: made by commands, posted to, moderated, archived."""

from collections.abc import Iterator

import pytest

from rig.server import DOMAIN, Server
from tests.system.clients import eventually
from tests.system.wire import ALICE, BOB, PASSWORDS, Wire, letters

DEV = f"dev@{DOMAIN}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("lists"), doors=("smtp", "pop3"))
    for address in (ALICE, BOB):
        made.add_account(address, PASSWORDS[address])
    said = made.command("list", "add", DEV, BOB, "--owner", ALICE, "--archive", ALICE)
    assert f"mailing list {DEV} added, with 1 member" in said
    with made:
        yield made


def post(server: Server, subject: str) -> bytes:
    octets = (
        f"From: {BOB}\r\nTo: {DEV}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@else.test>\r\n"
        "\r\nHello.\r\n"
    )
    with Wire(server.ports["smtp"]) as wire:
        wire.hello()
        wire.begin(DEV, BOB)
        wire.send(octets.encode() + b".\r\n")
        return wire.reply()


def got(server: Server, address: str, subject: str) -> list[bytes]:
    wanted = f"\r\nSubject: {subject}\r\n".encode()
    return [one for one in letters(server, address) if wanted in one]


def test_a_post_reaches_the_members_and_the_archive(server: Server) -> None:
    server.command("list", "set", DEV, "--moderation", "none")
    assert eventually(lambda: post(server, "first").startswith(b"250 "))
    assert eventually(lambda: len(got(server, ALICE, "first")) == 1)
    assert eventually(lambda: len(got(server, BOB, "first")) == 1)
    (octets,) = got(server, BOB, "first")
    assert octets.startswith(b"Return-Path: <dev+bounce-")
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in octets
    assert octets.endswith(b"\r\n\r\nHello.\r\n")
    assert "sends it to 2 addresses" in server.command("trace", "first@else.test")


def test_a_post_waits_over_a_restart_until_it_is_accepted(server: Server) -> None:
    server.command("list", "set", DEV, "--moderation", "all")
    assert eventually(lambda: post(server, "second").startswith(b"250 "))
    assert eventually(lambda: bool(server.json("list", "held", DEV)))
    assert eventually(lambda: bool(got(server, ALICE, f"A post to {DEV} waits")))
    server.kill()
    server.start()
    held = server.json("list", "held", DEV)
    assert {one["subject"] for one in held} == {"second"}
    assert got(server, BOB, "second") == []
    server.command("list", "accept", held[0]["id"])
    assert eventually(lambda: len(got(server, BOB, "second")) == 1)
    assert eventually(lambda: len(got(server, ALICE, "second")) == 1)
