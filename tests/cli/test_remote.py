"""Options that name a mailbox elsewhere."""

import click
import click.testing
import pytest

from postroom.admin.moving.remote import Remote
from postroom.cli.remote import Options, advising, remote, remote_options
from postroom.errors import Invalid, Refused
from postroom.net.channel import RemoteFailed


def asked(*words: str, typed: str) -> tuple[Remote, str]:
    found: list[Remote] = []

    @click.command()
    @remote_options
    def command(**options: bool | str | int | None) -> None:
        given: Options = options
        found.append(remote(given, "imap"))

    result = click.testing.CliRunner().invoke(
        command, words, input=typed, catch_exceptions=False, standalone_mode=False
    )
    assert result.exit_code == 0, result.output
    return found[0], result.stderr


def test_what_to_do_about_a_certificate_is_told_and_nothing_else_is_touched() -> None:
    with pytest.raises(Refused, match=r"^x.test: self-signed; .* --any-certificate$"), advising():
        raise RemoteFailed("x.test: self-signed", is_certificate=True)
    with pytest.raises(RemoteFailed, match=r"^x.test: no answer$"), advising():
        raise RemoteFailed("x.test: no answer")


def test_a_preset_knows_the_server_and_what_to_know_first() -> None:
    there, told = asked(
        "--preset", "gmail", "--user", "a", "--password-stdin", typed="word\nmore\n"
    )
    assert there == Remote("imap", "imap.gmail.com", 993, "implicit", "a", "word")
    assert told.startswith("note: gmail: make an app password there first")


def test_all_can_be_said() -> None:
    there, told = asked(
        "--host", "x.test", "--port", "5", "--tls", "starttls", "--any-certificate", "--user", "a",
        "--token-stdin", typed="token\n",
    )  # fmt: skip
    assert there == Remote("imap", "x.test", 5, "starttls", "a", "token", True, False)
    assert told == ""


@pytest.mark.parametrize(
    ("options", "typed", "reason"),
    [
        (("--token-stdin",), "", "there is no token on standard input"),
        (("--password-stdin",), "\n", "there is no password on standard input"),
        (("--password-stdin", "--token-stdin"), "word\n", "can't stand together"),
    ],
)
def test_a_secret_is_piped_once(options: tuple[str, ...], typed: str, reason: str) -> None:
    with pytest.raises(click.UsageError, match=reason):
        asked("--host", "x.test", "--user", "a", *options, typed=typed)


def test_the_password_is_asked_for() -> None:
    there, told = asked("--host", "x.test", "--user", "a", typed="word\n")
    assert there.secret == "word"
    assert "word\n" not in told.removeprefix("Password there: ")


def test_a_server_must_be_named() -> None:
    with pytest.raises(Invalid, match="name the server"):
        asked("--user", "a", "--password-stdin", typed="word\n")
