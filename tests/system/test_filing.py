"""One 250, many opinions: said at a running server by commands, on both engines."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.server import DOMAIN, Server
from tests.databases import fresh
from tests.system.clients import eventually, takes
from tests.system.wire import ALICE, BOB, PASSWORDS, Wire, letters

LETTER = (
    b"From: Eve <eve@elsewhere.test>\r\nTo: alice@rig.test\r\nSubject: for all\r\n\r\nhello\r\n"
)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        url = None
        if request.param == "postgres":
            url = stack.enter_context(fresh(request.getfixturevalue("postgres")))
        folder = tmp_path_factory.mktemp("filing")
        made = Server(folder, doors=("smtp", "lmtp", "imap", "pop3"), database=url)
        for address in (ALICE, BOB):
            made.add_account(address, PASSWORDS[address])
        yield stack.enter_context(made)


def says(server: Server, door: str, *recipients: str, sender: str = "eve@elsewhere.test") -> bytes:
    """The reply to a letter, over LMTP one a recipient."""
    with Wire(server.ports[door]) as wire:
        wire.ask(b"LHLO c.test" if door == "lmtp" else b"EHLO c.test")
        wire.ask(f"MAIL FROM:<{sender}>".encode())
        for recipient in recipients:
            assert wire.ask(f"RCPT TO:<{recipient}>".encode()).startswith(b"250")
        assert wire.ask(b"DATA").startswith(b"354")
        wire.send(LETTER + b".\r\n")
        answers = [wire.reply() for _ in recipients[: None if door == "lmtp" else 1]]
    return b" ".join(answer[:3] for answer in answers)


def in_mailbox(server: Server, name: str, address: str = ALICE) -> int:
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(address, PASSWORDS[address])
        found = wire.imap(b"a", f"STATUS {name} (MESSAGES)".encode())
    return int(found[0].rpartition(b" ")[2].strip(b")")) if len(found) > 1 else 0


def test_who_is_blocked_is_refused_and_can_be_released(server: Server) -> None:
    server.command("account", "block", ALICE, "*.test")
    server.command("account", "block", ALICE, "elsewhere.test")
    assert eventually(lambda: says(server, "smtp", ALICE) == b"550")
    before, hers = len(letters(server, BOB)), len(letters(server))
    assert says(server, "smtp", ALICE, BOB) == b"250"
    assert says(server, "lmtp", ALICE, BOB, ALICE) == b"550 250 550"
    assert len(letters(server, BOB)) == before + 2
    assert len(letters(server)) == hers
    kept = server.json("rejects", "list", ALICE)
    assert len(kept) == 3
    assert {one["reason"] for one in kept} == {"elsewhere.test is on the block list"}
    assert all(one["recipient"] == BOB for one in server.json("rejects", "list", BOB))
    server.command("rejects", "release", ALICE, kept[0]["id"])
    *_, letter = letters(server)
    assert letter.startswith(b"Return-Path: <eve@elsewhere.test>\r\n")
    assert letter.endswith(LETTER)
    server.command("account", "block", ALICE, "--remove", "elsewhere.test", "*.test")
    assert eventually(lambda: says(server, "smtp", ALICE) == b"250")


def test_one_without_room_does_not_hold_up_the_others(server: Server) -> None:
    """Its copy waits, also through a crash, and comes once."""
    team = f"team@{DOMAIN}"

    def have() -> list[int]:  # beside what her mailbox tells her of itself
        return [sum(one.endswith(LETTER) for one in letters(server, who)) for who in (ALICE, BOB)]

    server.command("alias", "add", team, ALICE, BOB)
    assert says(server, "smtp", ALICE) == b"250"
    hers, his = have()
    server.command("account", "quota", ALICE, "--messages", "1")
    assert eventually(lambda: not takes(server, ALICE))
    assert says(server, "smtp", team) == b"250"
    assert says(server, "lmtp", team, BOB) == b"250 250"
    server.kill()
    server.start()
    assert have() == [hers, his + 2]
    waiting = server.json("queue", "list")
    assert [one["recipients"][0]["recipient"] for one in waiting] == [team, team]
    assert "the mailbox is full" in server.command("trace", waiting[0]["id"])
    server.command("account", "quota", ALICE, "--messages", "none")
    assert eventually(lambda: takes(server, ALICE))
    server.command("queue", "retry", "--all")
    assert eventually(lambda: not server.json("queue", "list"))
    assert have() == [hers + 2, his + 2]
    *_, letter = letters(server)
    assert letter.startswith(
        f"Return-Path: <eve@elsewhere.test>\r\nDelivered-To: {team}\r\n".encode()
    )


def test_the_story_tells_of_everybody(server: Server) -> None:
    server.command("account", "block", BOB, "eve@elsewhere.test")
    assert eventually(lambda: says(server, "smtp", BOB) == b"550")
    assert says(server, "smtp", ALICE, BOB) == b"250"
    story = server.json("trace", BOB)["messages"][0]
    told = {fact["kind"]: fact["account"] for fact in story["facts"]}
    assert (told["filed"], told["refused"]) == (ALICE, BOB)
    server.command("account", "block", BOB, "eve@elsewhere.test", "--remove")
    assert eventually(lambda: says(server, "smtp", BOB) == b"250")


def test_a_subaddress_goes_to_the_mailbox_that_it_names(server: Server) -> None:
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        wire.imap(b"a", b"CREATE Shops/Books")
    assert says(server, "smtp", f"alice+shops.books@{DOMAIN}") == b"250"
    assert in_mailbox(server, "Shops/Books") == 1


def test_a_masked_address_is_made_used_and_switched_off(server: Server) -> None:
    mask = server.json("mask", "add", ALICE, "--label", "shop")["address"]
    assert eventually(lambda: takes(server, mask))
    assert says(server, "smtp", mask) == b"250"
    (shown,) = server.json("mask", "list", ALICE)
    assert (shown["uses"], shown["label"]) == (1, "shop")
    assert takes(server, mask)
    server.command("mask", "off", mask)
    assert eventually(lambda: not takes(server, mask))


def test_a_script_files_and_refuses(server: Server, tmp_path: Path) -> None:
    carol = f"carol@{DOMAIN}"
    server.add_account(carol, "canary-Carol-3Bc")
    script = tmp_path / "carol.sieve"
    script.write_text(
        'require ["fileinto", "mailbox", "reject"];\n'
        'if address :is "from" "eve@elsewhere.test" { fileinto :create "Eve"; }\n'
        'else { reject "Only Eve writes here."; }\n'
    )
    server.command("sieve", "put", carol, "main", str(script), "--activate")

    def is_refused() -> bool:
        with Wire(server.ports["smtp"]).hello() as wire:
            wire.begin(carol)
            answer = wire.ask(LETTER.replace(b"eve@", b"mallory@") + b".")
        return answer == b"550 5.7.1 Only Eve writes here."

    assert eventually(is_refused)
    assert says(server, "lmtp", carol, ALICE) == b"250 250"
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(carol, "canary-Carol-3Bc")
        found = wire.imap(b"a", b"STATUS Eve (MESSAGES)")
    assert found[0] == b'* STATUS "Eve" (MESSAGES 1)'
    (kept,) = server.json("rejects", "list", carol, "--limit", "1")
    assert kept["reason"] == "the script main: Only Eve writes here."
