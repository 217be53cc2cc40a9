import asyncio
import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.admin.relay_server import HOST, RelayServer
from tests.cli.conftest import Shell

SECRET = "geheim-häß"
SERVER = ("--host", "relay.example", "--port", "587", "--tls", "starttls")
LOGIN = ("--user", "me", "--password-stdin")


@contextlib.contextmanager
def listening(**settings: Any) -> Iterator[RelayServer]:
    """A mail server in a thread of its own; ``settings`` are its fields."""
    server, loop = RelayServer(**settings), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def at(server: RelayServer) -> list[str]:
    return ["--host", HOST, "--port", str(server.port), "--tls", "none"]


def test_a_relay_is_tried_out(shell: Shell) -> None:
    with listening(offers=("AUTH PLAIN",)) as server:
        shell.says("relay", "add", "office", *at(server), *LOGIN, typed=f"{SECRET}\n")
        said = shell.says("relay", "test", "office", "--to", "bob@far.test")
        told = shell.json("relay", "test", "office")
    assert said.splitlines() == [
        "dns        ok: addresses 127.0.0.1",
        "connect    ok: address 127.0.0.1",
        "greeting   ok: reply 220 relay.test ESMTP ready",
        "ehlo       ok: name relay.test",
        "           offers AUTH PLAIN",
        "login      ok: mechanism PLAIN",
        "           reply 235 2.7.0 welcome",
        "sender     ok: address postmaster@mx.demo.test",
        "           reply 250 2.1.0 fine",
        "recipient  ok: address bob@far.test",
        "           reply 250 2.1.5 fine",
        "the relay office works",
    ]
    assert (told["ok"], len(told["steps"])) == (True, 5)
    assert told["steps"][-1] == {
        "name": "login", "ok": True, "reason": "", "action": "",
        "seen": {"mechanism": "PLAIN", "reply": "235 2.7.0 welcome"},
    }  # fmt: skip
    assert not [line for line in server.lines if line.startswith(("DATA", "BDAT"))]


def test_a_relay_that_fails_says_where_and_what_to_do(shell: Shell) -> None:
    with listening(offers=("AUTH PLAIN",), replies={"AUTH": "535 5.7.8 \x1b[2Jwrong"}) as server:
        shell.says("relay", "add", "office", *at(server), *LOGIN, typed=f"{SECRET}\n")
        result = shell.run("relay", "test", "office")
        as_json = shell.run("relay", "test", "office", "--json")
    assert result.exit_code == as_json.exit_code == 1
    assert result.stdout.splitlines()[-2:] == [
        "login     failed: it said 535 5.7.8 ?[2Jwrong",
        "          mechanism PLAIN",
    ]
    assert (
        result.stderr
        == as_json.stderr
        == (
            "postroom: the relay office fails at the login: it said 535 5.7.8 ?[2Jwrong; check login"
            " and password, and whether the provider wants an app password: postroom relay set office"
            " --user U --password-stdin\n"
        )
    )
    told = json.loads(as_json.stdout)
    assert (told["ok"], told["steps"][-1]["ok"]) == (False, False)
    for text in (result.output, as_json.output):
        assert SECRET not in text


def test_what_is_tried_must_make_sense(shell: Shell) -> None:
    assert shell.refuses("relay", "test", "none") == "no relay none; see: postroom relay list"
    assert "--from needs --to" in shell.misuses("relay", "test", "x", "--from", "a@b.test")
    shell.says("relay", "add", "office", *SERVER)
    assert "has no @" in shell.refuses("relay", "test", "office", "--to", "nobody")


@pytest.fixture
def demo(shell: Shell) -> Shell:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "alice@demo.test")
    return shell


def test_a_relay_is_added_listed_shown_and_removed(shell: Shell) -> None:
    added = shell.run("relay", "add", "office", *SERVER, *LOGIN, "--default", typed=f"{SECRET}\n")
    assert (added.exit_code, added.stdout) == (0, "relay office added\n")
    assert added.stderr == "note: mail by default goes through the relay office from now on\n"
    assert shell.says("relay", "list").splitlines() == [
        "NAME    HOST           PORT  TLS       LOGIN  TAKES",
        "office  relay.example  587   starttls  me     mail by default",
    ]
    shown = shell.says("relay", "show", "office")
    assert re.search(r"^TLS +starttls, its certificate is verified$", shown, re.MULTILINE)
    assert re.search(r"^password +set$", shown, re.MULTILINE)
    told = shell.json("relay", "show", "office")
    assert (told["login"], told["password"], told["verify"]) == ("me", True, True)
    assert told["uses"] == [{"kind": "default", "of": ""}]
    assert shell.json("relay", "list") == [told]
    assert shell.json("relay", "list", "--search", "other") == []
    for text in (shown, str(told), added.output):
        assert SECRET not in text
    removed = shell.run("relay", "remove", "office")
    assert removed.stdout == "relay office removed\n"
    assert removed.stderr == "note: mail by default goes directly from now on\n"
    assert shell.json("relay", "list") == []
    assert shell.refuses("relay", "show", "office") == "no relay office; see: postroom relay list"


def test_the_password_is_in_no_file_of_the_data_folder(shell: Shell) -> None:
    shell.says("relay", "add", "office", *SERVER, *LOGIN, typed=f"{SECRET}\n")
    folder = shell.config.parent / "data"
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "seal" for path in found)
    assert not [path for path in found if SECRET.encode() in path.read_bytes()]


def test_presets_fill_in_what_is_not_given(shell: Shell) -> None:
    gmail = shell.run("relay", "add", "mine", "--preset", "gmail", *LOGIN, typed="x\n")
    assert "needs an app password" in gmail.stderr
    assert "no mail goes through it yet; see: postroom relay use mine" in gmail.stderr
    told = shell.json("relay", "show", "mine")
    assert (told["host"], told["port"], told["tls"]) == ("smtp.gmail.com", 465, "implicit")
    assert told["preset"] == "gmail"
    told = shell.json(
        "relay", "add", "grid", "--preset", "sendgrid", "--password-stdin", typed="x\n"
    )
    assert told["login"] == "apikey"
    told = shell.json(
        "relay", "add", "test", "--preset", "postmark", "--host", "127.0.0.1", "--port", "2500",
        "--tls", "none",
    )  # fmt: skip
    assert (told["host"], told["port"], told["tls"]) == ("127.0.0.1", 2500, "none")
    assert told["verify"] is False
    old = shell.run("relay", "add", "old", "--preset", "qwest")
    assert "is historic; the provider's server of today: q" in old.stderr
    assert "a login" not in old.stderr
    bare = shell.run("relay", "add", "bare", "--preset", "brevo")
    assert "Brevo (Sendinblue) wants a login (api-key)" in bare.stderr
    assert "--host" in shell.refuses("relay", "add", "ses", "--preset", "amazon-ses")
    told = shell.json("relay", "add", "ses", "--preset", "amazon-ses", "--host", "eu-north-1")
    assert told["host"] == "email-smtp.eu-north-1.amazonaws.com"


def test_a_login_without_tls_only_on_this_machine(shell: Shell) -> None:
    open_ = ("--port", "25", "--tls", "none", *LOGIN)
    assert "without TLS" in shell.refuses(
        "relay", "add", "one", "--host", "relay.example", *open_, typed="x\n"
    )
    assert shell.json("relay", "list") == []
    shell.says("relay", "add", "one", "--host", "127.0.0.1", *open_, typed="x\n")


def test_what_is_missing_or_too_much_is_told(shell: Shell) -> None:
    for words in ((), ("--host", "a"), ("--host", "a", "--port", "25"), ("--tls", "none")):
        assert "give --preset, or --host, --port and --tls" in shell.misuses(
            "relay", "add", "one", *words
        )
    assert "can't stand together" in shell.misuses(
        "relay", "add", "one", *SERVER, *LOGIN, "--token-stdin", typed="x\n"
    )
    for option in ("--password-stdin", "--token-stdin"):
        assert f"{option}: there is no " in shell.misuses(
            "relay", "add", "one", *SERVER, "--user", "me", option, typed="\n"
        )
    assert "--password-stdin" in shell.refuses("relay", "add", "one", *SERVER, "--user", "me")
    assert "--user" in shell.refuses("relay", "add", "one", *SERVER, LOGIN[-1], typed="x\n")
    assert "No such option" in shell.misuses("relay", "add", "one", *SERVER, "--password", "x")
    assert "nothing to set" in shell.misuses("relay", "set", "one")
    assert "say which mail" in shell.misuses("relay", "use", "one")
    assert "--port" in shell.misuses("relay", "add", "one", "--port", "0")
    assert "--tls" in shell.misuses("relay", "add", "one", "--tls", "ssl")
    assert shell.json("relay", "list") == []


def test_settings_are_changed_one_by_one(shell: Shell) -> None:
    shell.says("relay", "add", "one", *SERVER, *LOGIN, typed="x\n")
    assert shell.says("relay", "set", "one", "--port", "465") == "relay one changed\n"
    told = shell.json("relay", "set", "one", "--tls", "implicit", "--no-verify")
    assert (told["port"], told["tls"], told["verify"]) == (465, "implicit", False)
    told = shell.json("relay", "set", "one", "--token-stdin", typed="token\n")
    assert (told["mechanism"], told["login"]) == ("xoauth2", "me")
    shown = shell.says("relay", "show", "one")
    assert re.search(r"^token +set$", shown, re.MULTILINE)
    assert "any certificate will do" in shown
    told = shell.json("relay", "set", "one", "--user", "")
    assert (told["login"], told["password"]) == ("", False)


def test_mail_is_sent_through_relays_by_what_it_is(demo: Shell) -> None:
    demo.says("relay", "add", "one", *SERVER, "--sender-domain", "demo.test", "--default")
    demo.says("relay", "add", "two", *SERVER)
    lines = demo.says(
        "relay", "use", "two", "--default", "--account", "alice@demo.test",
        "--recipient-domain", "a.test", "--recipient-domain", "b.test",
    ).splitlines()  # fmt: skip
    assert lines == [
        "mail by default goes through the relay two from now on (so far: one)",
        "mail to a.test goes through the relay two from now on",
        "mail to b.test goes through the relay two from now on",
        "mail of alice@demo.test goes through the relay two from now on",
    ]
    assert "and 1 more" in demo.says("relay", "list")
    said = demo.says("relay", "unuse", "two", "--recipient-domain", "a.test")
    assert said == "mail to a.test goes through the relay two from now on\n"
    told = demo.json("relay", "unuse", "two")
    assert {one["now"] for one in told["rerouted"]} == {"", "one"}  # Alice's goes with her domain's
    assert told["uses"] == []
    assert demo.says("relay", "unuse", "two") == "no mail goes through the relay two\n"
    assert demo.says("relay", "unuse", "one", "--sender-domain", "demo.test") == (
        "mail from demo.test goes directly from now on\n"
    )
    assert "no account bob@demo.test" in demo.refuses(
        "relay", "use", "two", "--account", "bob@demo.test"
    )
    assert demo.json("relay", "use", "two", "--default")["uses"] == [{"kind": "default", "of": ""}]


def test_presets_are_searched(shell: Shell) -> None:
    everything = shell.says("relay", "presets").splitlines()
    assert len(everything) > 60
    assert everything[0].split()[:3] == ["PRESET", "PROVIDER", "HOST"]
    assert all("historic" in line for line in everything[-8:])
    assert not any("historic" in line for line in everything[:-8])
    found = shell.run("relay", "presets", "gmx.de")
    assert [line.split()[0] for line in found.stdout.splitlines()] == ["PRESET", "gmx"]
    assert found.stderr.startswith("note: ")
    told = shell.json("relay", "presets", "earthlink")
    assert [one["name"] for one in told] == ["earthlink", "earthlink-classic"]
    assert told[1]["historic"] is True
    assert told[1]["successor"] == "earthlink"
    assert shell.json("relay", "presets", "acme") == []
    assert "no preset has 'acme'" in shell.refuses("relay", "presets", "acme")
    assert not (shell.config.parent / "data").exists()  # a table needs no database


def test_on_a_terminal_the_password_is_asked_for(shell: Shell) -> None:
    shell.says("domain", "list")
    here, there = pty.openpty()
    command = [
        sys.executable, "-m", "postroom", "-c", str(shell.config),
        "relay", "add", "one", *SERVER, "--user", "me",
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=there, stdout=there, stderr=there) as process:
        os.close(there)
        seen = b""
        typed = False
        with contextlib.suppress(OSError):  # the other side has gone
            while octets := os.read(here, 1000):
                seen += octets
                if b"Password: " in seen and not typed:
                    typed = True
                    os.write(here, f"{SECRET}\n".encode())
        assert process.wait() == 0, seen
    os.close(here)
    assert SECRET.encode() not in seen
    assert b"relay one added" in seen
    assert shell.json("relay", "show", "one")["password"] is True
