"""A whole server process on PostgreSQL: every door, and commands beside it."""

import imaplib
import poplib
import smtplib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rig.load import LARGE, Journal, Load, check, letter
from rig.ports import HOST
from rig.server import DOMAIN, Server
from tests.databases import fresh
from tests.system.clients import (
    ALICE,
    BOB,
    PASSWORD,
    PATIENCE,
    Idle,
    eventually,
    exists,
    logs_in,
    mailbox,
    send,
    takes,
)

DOORS = ("smtp", "submission", "lmtp", "imap", "pop3")


class House(Server):
    """The server, and a look into its database."""

    url = ""

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql.encode()).fetchall()


@pytest.fixture(scope="module")
def server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with fresh(postgres) as url:
        made = House(tmp_path_factory.mktemp("server"), doors=DOORS, database=url)
        made.url = url
        for address in (ALICE, BOB):
            made.add_account(address, PASSWORD)
        with made:
            yield made


@pytest.fixture
def inbox(server: House) -> Iterator[imaplib.IMAP4]:
    """Alice's, empty at first."""
    with mailbox(server) as client:
        client.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
        client.expunge()
        assert client.select("INBOX")[1] == [b"0"]
        yield client


def new(size: int = 900) -> tuple[str, bytes]:
    token = uuid.uuid4().hex
    return token, letter(token, size)


def bodies(client: imaplib.IMAP4, which: str = "1:*") -> list[bytes]:
    _, items = client.fetch(which, "(BODY.PEEK[])")
    return [item[1] for item in items if isinstance(item, tuple)]


def test_a_small_and_a_large_letter_are_read_as_they_were_sent(
    server: House, inbox: imaplib.IMAP4
) -> None:
    tokens = []
    for size in (200, 200_000, LARGE):
        token, octets = new(size)
        send(server, octets)
        tokens.append(token)
    assert exists(inbox) == 3
    found = bodies(inbox)
    assert [check(octets) for octets in found] == tokens
    _, items = inbox.fetch("3", "(BODY.PEEK[]<2000000.1000>)")
    assert isinstance(items[0], tuple)
    assert items[0][1] == found[2][2_000_000:2_001_000]
    assert server.ask("SELECT count(*) FROM blob_frame")[0][0] >= 2
    blobs = server.data / "blobs"
    assert not [path for path in blobs.rglob("*") if path.is_file()]  # all octets are in it


def test_lmtp_answers_each_recipient_and_stores_the_octets_once(
    server: House, inbox: imaplib.IMAP4
) -> None:
    token, octets = new()
    with smtplib.LMTP(HOST, server.ports["lmtp"], timeout=PATIENCE) as client:
        client.ehlo()
        client.mail("rig@load.test")
        assert [client.rcpt(one)[0] for one in (ALICE, BOB, f"nobody@{DOMAIN}")] == [250, 250, 550]
        client.putcmd("DATA")
        assert client.getreply()[0] == 354
        client.send(octets + b".\r\n")
        assert [client.getreply()[0] for _ in range(2)] == [250, 250]
    assert exists(inbox) == 1
    assert check(bodies(inbox)[0]) == token
    with mailbox(server, BOB) as other:
        assert check(bodies(other, "*")[0]) == token
    assert server.ask("SELECT refs FROM blob ORDER BY id DESC LIMIT 1") == [(2,)]


def test_a_letter_to_elsewhere_waits_in_the_queue(server: House) -> None:
    token, octets = new()
    server.command("account", "send-as", ALICE, "--add", "rig@load.test")
    with smtplib.SMTP(HOST, server.ports["submission"], timeout=PATIENCE) as client:
        client.login(ALICE, PASSWORD)
        refused = client.sendmail(ALICE, ["someone@elsewhere.test", BOB], octets)
        assert not refused
    with mailbox(server, BOB) as bob:
        assert check(bodies(bob, "*")[0]) == token
    waiting = server.json("queue", "list")
    assert [one["sender"] for one in waiting] == [ALICE]
    ident = waiting[0]["id"]
    assert waiting[0]["recipients"][0]["recipient"] == "someone@elsewhere.test"
    server.command("queue", "hold", ident)
    assert server.json("queue", "show", ident)["held"]
    server.command("queue", "release", ident)
    story = server.command("trace", ident)
    assert f"{token}@load.test" in story
    assert "queued" in story
    assert "in INBOX of bob@rig.test" in story
    assert ident in server.command("trace", ALICE)
    server.command("queue", "remove", ident)
    assert server.json("queue", "list") == []


def test_what_imap_changes(server: House, inbox: imaplib.IMAP4) -> None:
    token, octets = new()
    for _ in range(3):
        assert inbox.append("INBOX", r"(\Seen $Mine)", None, octets)[0] == "OK"
    assert inbox.store("2", "+FLAGS", r"(\Flagged)")[0] == "OK"
    assert inbox.search(None, "FLAGGED")[1] == [b"2"]
    assert inbox.search(None, "KEYWORD", "$Mine", "HEADER", "X-Rig", token)[1] == [b"1 2 3"]
    assert inbox.search(None, "BODY", octets.splitlines()[-1].decode())[1] == [b"1 2 3"]
    assert inbox.create("Kept")[0] == "OK"
    assert inbox.copy("2", "Kept")[0] == "OK"
    assert inbox._simple_command("MOVE", "1", "Kept")[0] == "OK"
    assert inbox.search(None, "ALL")[1] == [b"1 2"]
    assert inbox.store("1:*", "+FLAGS", r"(\Deleted)")[0] == "OK"
    inbox.response("EXPUNGE")  # that of MOVE
    assert inbox.expunge()[1] == [b"2", b"1"]
    with mailbox(server, name="Kept") as kept:
        assert [check(one) for one in bodies(kept)] == [token, token]
        assert kept.search(None, "FLAGGED")[1] == [b"1"]
    assert inbox.rename("Kept", "Old/Kept")[0] == "OK"
    assert inbox.delete("Old/Kept")[0] == "OK"
    assert inbox.select('"Old/Kept"')[0] == "NO"


def test_sessions_change_a_mailbox_that_letters_pour_into(
    server: House, inbox: imaplib.IMAP4
) -> None:
    """Each command gets its turn, however many batches change the same rows."""
    load = Load(server.ports["smtp"], ALICE, connections=6, journal=Journal())
    load.start()
    try:
        assert eventually(lambda: exists(inbox) > 50)
        assert inbox.create("Aside")[0] == "OK"
        for first in range(1, 21):
            which = f"{first}:{first + 1}"
            assert inbox.store(which, "+FLAGS.SILENT", r"(\Seen \Deleted)")[0] == "OK"
            assert inbox.copy(which, "Aside")[0] == "OK"
            assert inbox._simple_command("MOVE", which, "Aside")[0] == "OK"
            assert inbox.expunge()[0] == "OK"
    finally:
        load.stop()
    told = [line for line in server.log if "storage.trouble" in line]
    assert not [line for line in told if '"folder"' not in line]  # that it is in memory


def test_idle_is_woken(server: House, inbox: imaplib.IMAP4) -> None:
    with Idle(server) as idle:
        send(server, new()[1])
        assert idle.news() == 1
        idle.done()
    assert exists(inbox) == 1


def test_pop3_reads_and_deletes(server: House, inbox: imaplib.IMAP4) -> None:
    tokens = []
    for size in (200, LARGE):
        token, octets = new(size)
        send(server, octets)
        tokens.append(token)
    client = poplib.POP3(HOST, server.ports["pop3"], timeout=PATIENCE)
    client.user(ALICE)
    client.pass_(PASSWORD)
    assert client.stat()[0] == 2
    for number, token in enumerate(tokens, 1):
        assert check(b"\r\n".join(client.retr(number)[1]) + b"\r\n") == token
    client.dele(1)
    client.quit()
    assert exists(inbox) == 1
    assert [check(one) for one in bodies(inbox)] == tokens[1:]


def test_commands_count_at_once(server: House) -> None:
    assert not takes(server, f"carol@{DOMAIN}")
    server.add_account(f"carol@{DOMAIN}", PASSWORD)
    assert takes(server, f"carol@{DOMAIN}")
    assert logs_in(server, f"carol@{DOMAIN}", PASSWORD)
    assert not takes(server, f"sales@{DOMAIN}")
    server.command("alias", "add", f"sales@{DOMAIN}", ALICE, f"carol@{DOMAIN}")
    assert takes(server, f"sales@{DOMAIN}")
    server.command("account", "disable", f"carol@{DOMAIN}")
    assert not logs_in(server, f"carol@{DOMAIN}", PASSWORD)
    server.command("alias", "remove", f"sales@{DOMAIN}")
    assert not takes(server, f"sales@{DOMAIN}")
    names = [one["address"] for one in server.json("account", "list")]
    assert f"carol@{DOMAIN}" in names


def test_a_second_server_on_the_same_data_folder_is_refused(server: House, tmp_path: Path) -> None:
    second = Server(tmp_path, database=server.url)
    text = second.config.read_text().replace(str(second.data), str(server.data))
    second.config.write_text(text)
    with pytest.raises(RuntimeError, match="already running"):
        second.start()
    assert eventually(lambda: takes(server, ALICE))
