import contextlib
import os
import re
import subprocess
import sys

import pytest

from tests.cli.conftest import Shell

PROMPT = re.compile(rb"(Password|confirmation|\[y/N\]): ")
APP = re.compile(r"[a-z0-9]{4}(-[a-z0-9]{4}){4}")


@pytest.fixture
def demo(shell: Shell) -> Shell:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "alice@demo.test")
    return shell


def test_a_password_is_read_from_standard_input(demo: Shell) -> None:
    set_ = demo.run(
        "account", "password", "alice@demo.test", "--password-stdin", typed="long enough\nrest"
    )
    assert (set_.exit_code, set_.stdout) == (0, "password of alice@demo.test set\n")
    assert set_.stderr == ""
    short = demo.run(
        "account", "password", "alice@demo.test", "--password-stdin", typed="short\r\n"
    )
    assert (short.exit_code, short.stderr) == (
        0,
        "note: the password would be guessed: it has fewer than 8 characters\n",
    )
    for typed in ("", "\n"):
        assert "no password on standard input" in demo.misuses(
            "account", "password", "alice@demo.test", "--password-stdin", typed=typed
        )


def test_what_is_no_text_is_no_password(demo: Shell) -> None:
    said = demo.run(
        "account", "password", "alice@demo.test", "--password-stdin", typed=b"\xff\xfe\n"
    )
    assert (said.exit_code, said.stdout) == (1, "")
    assert "no text in UTF-8" in said.stderr


def test_a_password_is_set_or_removed(demo: Shell) -> None:
    both = ("account", "password", "alice@demo.test", "--remove", "--password-stdin")
    assert "can't stand together" in demo.misuses(*both, typed="long enough\n")
    assert demo.json("account", "show", "alice@demo.test")["has_password"]


def test_without_a_terminal_one_is_made_up_and_printed_once(demo: Shell) -> None:
    said = demo.says("account", "password", "alice@demo.test").splitlines()
    assert said[0] == "password of alice@demo.test set"
    assert APP.fullmatch(said[1].removeprefix("password: "))
    told = demo.json("account", "password", "alice@demo.test")
    assert APP.fullmatch(told["password"])
    assert told["password"] not in said[1]


@pytest.mark.parametrize(
    "typed",
    [
        ["long enough", "long enough"],
        ["one thing", "another thing", "long enough", "long enough"],
        ["password", "password", "n", "long enough", "long enough"],
        ["password", "password", "y"],
    ],
    ids=["same", "different", "weak", "weak and meant"],
)
def test_on_a_terminal_it_is_asked_for_twice_without_echo(demo: Shell, typed: list[str]) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "postroom", "-c", str(demo.config)]
    said = b""
    with subprocess.Popen(
        [*command, "account", "add", "bob@demo.test"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # no controlling terminal: prompts read standard input
    ) as process:
        os.close(theirs)
        for number, line in enumerate(typed, 1):
            while len(PROMPT.findall(said)) < number:
                said += os.read(ours, 1024)
            os.write(ours, line.encode() + b"\n")
        with contextlib.suppress(OSError):  # Linux says EIO when the other end has closed
            while octets := os.read(ours, 1024):
                said += octets
    os.close(ours)
    assert process.returncode == 0, said
    assert b"account bob@demo.test added" in said
    assert (b"do not match" in said) == (len(typed) == 4)
    assert (b"everybody tries first" in said) == ("password" in typed)
    assert b"long enough" not in said


def test_app_passwords_are_printed_once_and_listed_without(demo: Shell) -> None:
    made = demo.says(
        "account",
        "app-password",
        "add",
        "alice@demo.test",
        "--label",
        "phone",
        "--scope",
        "imap, smtp",
    )
    assert APP.fullmatch(made.strip())
    told = demo.json("account", "app-password", "add", "alice@demo.test", "--label", "tablet")
    assert APP.fullmatch(told["password"])
    assert demo.says("account", "app-password", "list", "alice@demo.test").split()[:2] == [
        "LABEL",
        "SCOPES",
    ]
    listed = demo.json("account", "app-password", "list", "alice@demo.test")
    assert [(one["label"], one["scopes"]) for one in listed] == [
        ("phone", ["imap", "smtp"]),
        ("tablet", ["imap", "pop3", "sieve", "smtp"]),
    ]
    demo.says("account", "app-password", "remove", "alice@demo.test", "phone")
    assert "no app password 'phone'" in demo.refuses(
        "account", "app-password", "remove", "alice@demo.test", "phone"
    )
    assert "'web' is no scope" in demo.refuses(
        "account", "app-password", "add", "alice@demo.test", "--label", "x", "--scope", "web"
    )
    assert "--label" in demo.misuses("account", "app-password", "add", "alice@demo.test")
