import json
from pathlib import Path

import click.testing
import pytest

from postroom.cli import main
from rig.ports import HOST, free_port
from tests.cli.conftest import Shell


@pytest.fixture
def nothing(tmp_path: Path) -> Shell:
    """A place where nothing was set up."""
    shell = Shell(tmp_path)
    shell.config.unlink()
    return shell


def options(shell: Shell, *more: str) -> list[str]:
    return [
        "setup", "--yes", "--offline", "--no-test", "--no-certificates", "--password-stdin",
        "--data", str(shell.config.parent / "data"), *more,
    ]  # fmt: skip


def test_from_nothing_to_an_admin_and_again_without_harm(nothing: Shell) -> None:
    said = nothing.says(*options(nothing, "--domain", "demo.test"), typed="a-Good-one-1\n")
    assert "done  account postmaster@demo.test, an admin" in said
    assert f"postroom -c {nothing.config} dns demo.test" in said
    assert "█" in said
    before = nothing.config.read_text()
    accounts = nothing.json("account", "list")
    again = nothing.says(*options(nothing), typed="another-One-2\n")
    assert "kept  domain demo.test" in again
    assert "done" not in again
    assert nothing.config.read_text() == before
    assert nothing.json("account", "list") == accounts


def test_programs_get_the_facts_and_the_steps(nothing: Shell) -> None:
    typed = "a-Good-one-1\n"
    words = options(
        nothing, "--domain", "demo.test", "--admin", "me@demo.test", "--hostname", "m.test"
    )
    told = json.loads(nothing.says(*words, "--json", typed=typed))
    assert [one["was_there"] for one in told["done"]] == [False, False, False]
    assert {"address", "disk"} <= {one["what"] for one in told["facts"]}
    assert 'hostname = "m.test"' in nothing.config.read_text()


def test_questions_have_defaults_and_passwords_are_not_shown(nothing: Shell) -> None:
    result = click.testing.CliRunner().invoke(
        main.postroom,
        [
            "-c",
            str(nothing.config),
            "setup",
            "--offline",
            "--no-test",
            "--data",
            str(nothing.config.parent / "d"),
        ],
        input="demo.test\n\n\nn\n",
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    assert "Name of this server [mail.demo.test]" in result.stderr
    assert "Your address [postmaster@demo.test]" in result.stderr
    assert 'hostname = "mail.demo.test"' in nothing.config.read_text()
    assert "acme" not in nothing.config.read_text()


def test_what_is_missing_or_wrong_is_told_and_nothing_is_left(nothing: Shell) -> None:
    assert "--yes needs --domain" in nothing.misuses(*options(nothing), typed="x\n")
    refused = nothing.run(*options(nothing, "--domain", "a b"), typed="x\n")
    assert refused.exit_code == 1
    assert not nothing.config.exists()


def test_a_relay_takes_what_the_network_does_not_let_out(nothing: Shell) -> None:
    words = options(nothing, "--domain", "demo.test", "--relay", "gmail")
    assert "relay smtp.gmail.com for everything" in nothing.says(*words, typed="a-Good-one-1\n")
    assert [one["host"] for one in nothing.json("relay", "list")] == ["smtp.gmail.com"]


def test_it_ends_with_a_message_that_comes_in(nothing: Shell) -> None:
    port = free_port()
    nothing.config.write_text(
        f'hostname = "mx.demo.test"\ndata = "data"\n[dns]\nservers = ["127.0.0.1:9"]\n'
        f'[[listen]]\nprotocol = "smtp"\naddress = "{HOST}"\nport = {port}\n'
    )
    words = [one for one in options(nothing, "--domain", "demo.test") if one != "--no-test"]
    said = nothing.says(*words, typed="a-Good-one-1\n")
    assert "ok    mail in   it lies in INBOX of postmaster@demo.test" in said


def test_a_message_that_can_t_be_tried_is_no_failure(nothing: Shell) -> None:
    nothing.config.write_text(
        'hostname = "mx.demo.test"\ndata = "data"\n'
        '[[listen]]\nprotocol = "smtp"\naddress = "192.0.2.77"\nport = 25\n'
    )
    words = [one for one in options(nothing, "--domain", "demo.test") if one != "--no-test"]
    result = nothing.run(*words, typed="a-Good-one-1\n")
    assert result.exit_code == 0
    assert "note: no test message: " in result.stderr
    assert "test-letter" in result.stderr


def test_what_was_mistyped_is_asked_again_with_the_reason(nothing: Shell) -> None:
    result = click.testing.CliRunner().invoke(
        main.postroom,
        [
            "-c", str(nothing.config), "setup", "--offline", "--no-test", "--no-certificates",
            "--data", str(nothing.config.parent / "d"),
        ],
        input="a b\nAnna@B\u00fccher.example.\nlocalhost\n\nanna@other.test\nanna\n",
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "a b: " in result.stderr
    assert "localhost is no whole name" in result.stderr
    assert "anna@other.test is not in b\u00fccher.example" in result.stderr
    assert "Name of this server [mail.xn--bcher-kva.example]" in result.stderr
    assert "account anna@b\u00fccher.example, an admin" in result.output
    assert 'hostname = "mail.xn--bcher-kva.example"' in nothing.config.read_text()


def test_an_admin_of_another_domain_is_refused_before_anything_is_made(nothing: Shell) -> None:
    words = options(nothing, "--domain", "demo.test", "--admin", "me@other.test")
    refused = nothing.run(*words, typed="x\n")
    assert refused.exit_code == 1
    assert "is not in demo.test" in refused.stderr
    assert not nothing.config.exists()
