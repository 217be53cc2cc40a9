import json
from pathlib import Path

import click.testing
import pytest

from postroom.admin import facts as measured
from postroom.admin.facts import Fact, Place, Reach
from postroom.cli import main
from rig.ports import HOST, free_port
from tests.cli.conftest import Shell
from tests.cli.smarthost import LOGIN, PASSWORD, smarthost
from tests.cli.terminal import Terminal
from tests.cli.world import CLOSED, OPEN


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
        input="demo.test\n\n",
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    assert "The server is called mail.demo.test." in result.stdout
    assert "Your address [postmaster@demo.test]" in result.stderr
    assert 'hostname = "mail.demo.test"' in nothing.config.read_text()
    assert "acme" not in nothing.config.read_text()


def test_what_is_missing_or_wrong_is_told_and_nothing_is_left(nothing: Shell) -> None:
    assert "--yes needs --domain" in nothing.misuses(*options(nothing), typed="x\n")
    refused = nothing.run(*options(nothing, "--domain", "a b"), typed="x\n")
    assert refused.exit_code == 1
    assert not nothing.config.exists()


def asked(nothing: Shell, *more: str, typed: str) -> click.testing.Result:
    """The questions on a terminal, and what is typed."""
    words = ["setup", "--data", str(nothing.config.parent / "d"), "--no-certificates", *more]
    return click.testing.CliRunner().invoke(
        main.postroom, ["-c", str(nothing.config), *words], input=typed, catch_exceptions=False
    )


def test_an_empty_answer_and_a_page_of_the_domain(nothing: Shell) -> None:
    typed = "\nhttps://Demo.Test/start\n\n"
    result = asked(nothing, "--offline", "--no-test", typed=typed)
    assert result.exit_code == 0, result.output
    assert "type the domain, what stands after the @" in result.stderr
    assert "account postmaster@demo.test" in result.output
    assert 'hostname = "mail.demo.test"' in nothing.config.read_text()


def test_again_it_is_for_the_admin_who_is_there(nothing: Shell) -> None:
    words = options(nothing, "--domain", "demo.test")
    nothing.says(*words, "--admin", "anna@demo.test", typed="a-Good-one-1\n")
    again = asked(nothing, "--offline", "--no-test", typed="\n\n")
    assert "Your address [anna@demo.test]" in again.stderr
    assert "kept  account anna@demo.test" in again.stdout
    assert "kept  account anna@demo.test" in nothing.says(*words)
    assert [one["address"] for one in nothing.json("account", "list")] == ["anna@demo.test"]


def test_whoever_leaves_is_told_what_became_of_it(nothing: Shell) -> None:
    before = asked(nothing, "--offline", typed="demo.test\n")
    assert before.exit_code == 1
    told = "nothing is set up yet, your answers are kept; go on with"
    assert f"{told}: postroom -c {nothing.config} setup" in before.stderr
    assert not nothing.config.exists()
    with pytest.MonkeyPatch.context() as world:
        world.setattr(measured, "may_send", lambda _facts: True)
        after = asked(nothing, "--offline", typed="\n\n")  # at the test message
    assert after.exit_code == 1
    assert "done  account postmaster@demo.test" in after.stdout
    assert "what is set up so far stays" in after.stderr


def test_ctrl_c_while_it_measures_is_told_as_well(
    nothing: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(_place: Place, _reach: Reach) -> list[Fact]:
        raise KeyboardInterrupt

    monkeypatch.setattr(measured, "outside", interrupted)
    result = asked(nothing, typed="demo.test\n")
    assert result.exit_code == 1
    assert "your answers are kept; go on with" in result.stderr


@pytest.fixture
def behind_a_closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    async def outside(_place: Place, _reach: Reach) -> list[Fact]:
        return CLOSED

    monkeypatch.setattr(measured, "outside", outside)


@pytest.mark.usefixtures("behind_a_closed_port")
def test_a_mistyped_provider_is_asked_again_with_those_like_it(nothing: Shell) -> None:
    typed = "demo.test\n\ngmial\ngmail\nme@gmail.com\nsecret-App-1\n"
    result = asked(nothing, "--offline", "--no-test", typed=typed)
    assert result.exit_code == 0, result.output
    assert "no preset gmial; perhaps gmail" in result.stderr
    assert [one["login"] for one in nothing.json("relay", "list")] == ["me@gmail.com"]
    again = asked(nothing, "--no-test", typed="\n\n")
    assert "rovider" not in again.stderr
    assert "kept" in again.stdout


@pytest.mark.usefixtures("behind_a_closed_port")
def test_a_provider_with_a_host_for_each_customer_is_asked_for_it(nothing: Shell) -> None:
    typed = "demo.test\n\namazon-ses\namazon-ses:eu-west-1\nuser\nsecret\n"
    result = asked(nothing, "--offline", "--no-test", typed=typed)
    assert "your own region, too; type amazon-ses:REGION" in result.stderr
    (relay,) = nothing.json("relay", "list")
    assert relay["host"] == "email-smtp.eu-west-1.amazonaws.com"


@pytest.mark.usefixtures("behind_a_closed_port")
def test_receiving_only_no_test_message_outside_is_offered(nothing: Shell) -> None:
    result = asked(nothing, typed="demo.test\n\n\n")
    assert result.exit_code == 0, result.output
    assert "elsewhere" not in result.stderr
    assert "relay" not in result.stdout


def test_what_a_provider_needs_is_told_before_anything_is_made(nothing: Shell) -> None:
    words = options(nothing, "--domain", "demo.test")
    refused = nothing.run(*words, "--relay", "amazon-ses", typed="a-Good-one-1\n")
    assert "it needs your own region" in refused.stderr
    refused = nothing.run(*words, "--relay", "gmail", "--relay-user", "me", typed="a-Good-one-1\n")
    assert "only with a login and a password" in refused.stderr
    assert not nothing.config.exists()


def test_a_script_brings_the_password_of_a_provider_in_a_file(
    nothing: Shell, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret-App-1\n")
    words = options(nothing, "--domain", "demo.test", "--relay", "gmail", "--relay-user", "me@a.b")
    file = ("--relay-password-file", str(tmp_path / "secret"))
    nothing.says(*words, *file, typed="a-Good-one-1\n")
    assert [one["login"] for one in nothing.json("relay", "list")] == ["me@a.b"]


@pytest.mark.parametrize(("path", "is_there"), [("/usr/bin/systemctl", True), (None, False)])
def test_systemd_is_proposed_where_it_is(
    nothing: Shell, monkeypatch: pytest.MonkeyPatch, path: str | None, is_there: bool
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: path)
    said = nothing.says(*options(nothing, "--domain", "demo.test"), typed="a-Good-one-1\n")
    assert ("install-service" in said) is is_there
    assert f"{nothing.config} serve" in said
    assert "https://mail.demo.test/" in said


def test_a_folder_that_can_t_be_used_leaves_nothing(nothing: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = options(nothing, "--domain", "demo.test")
    words[words.index("--data") + 1] = str(tmp_path / "file" / "data")
    refused = nothing.run(*words, typed="a-Good-one-1\n")
    assert "name another as data" in refused.stderr
    assert not nothing.config.exists()  # or the next run would be held to it


def test_a_mistyped_address_outside_is_asked_again(nothing: Shell) -> None:
    port = free_port()
    nothing.config.write_text(
        f'hostname = "mx.demo.test"\ndata = "data"\n[dns]\nservers = ["127.0.0.1:9"]\n'
        f'[[listen]]\nprotocol = "smtp"\naddress = "{HOST}"\nport = {port}\n'
    )
    with pytest.MonkeyPatch.context() as world:
        world.setattr(measured, "may_send", lambda _facts: True)
        result = asked(nothing, "--offline", typed="demo.test\n\nfoo\n\n")
    assert "'foo' has no @" in result.stderr
    assert "ok    mail in   it lies in INBOX" in result.stdout


def test_a_relay_takes_what_the_network_does_not_let_out(nothing: Shell) -> None:
    words = options(nothing, "--domain", "demo.test", "--relay", "gmail")
    result = nothing.run(*words, typed="a-Good-one-1\n")
    assert "relay smtp.gmail.com for everything" in result.stdout
    assert "relay set default --user" in result.stderr  # it takes nothing from strangers
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
        input="a b\nAnna@B\u00fccher.example.\nanna@other.test\nanna\n",
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "'a b' is not a domain name" in result.stderr
    assert "anna@other.test is not in b\u00fccher.example" in result.stderr
    assert "The server is called mail.xn--bcher-kva.example." in result.stdout
    assert "account anna@b\u00fccher.example, an admin" in result.output
    assert 'hostname = "mail.xn--bcher-kva.example"' in nothing.config.read_text()


def test_an_admin_of_another_domain_is_refused_before_anything_is_made(nothing: Shell) -> None:
    words = options(nothing, "--domain", "demo.test", "--admin", "me@other.test")
    refused = nothing.run(*words, typed="x\n")
    assert refused.exit_code == 1
    assert "is not in demo.test" in refused.stderr
    assert not nothing.config.exists()


# What a person types, counted on a real terminal


DOMAIN, ADDRESS, MINE = "Domain of", "Your address", "Your password"
CHOICE, LOGIN_THERE, SECRET = "Provider, host or none", "Login at", "Password of"


def terminal(nothing: Shell, found: list[Fact], *more: str) -> Terminal:
    data = str(nothing.config.parent / "d")
    return Terminal(found, "-c", str(nothing.config), "setup", "--data", data, *more)


def begins(one: Terminal) -> None:
    one.answers(DOMAIN, "demo.test")
    one.answers(ADDRESS, "me")
    one.answers(MINE, "a-Good-one-1")


def test_three_inputs_and_a_test_address_where_port_25_is_open(nothing: Shell) -> None:
    with terminal(nothing, OPEN) as one:
        begins(one)
        one.answers("test message (empty: none)", "")
        assert one.ends() == 0, one.screen
        assert one.inputs == 4
        assert one.screen.index("disk") < one.screen.index(DOMAIN) < one.screen.index("port 25  ")
        assert "a-Good-one-1" not in one.screen
    assert [one["address"] for one in nothing.json("account", "list")] == ["me@demo.test"]


def test_an_address_typed_for_the_domain_is_proposed_and_one_elsewhere_is_no_domain(
    nothing: Shell,
) -> None:
    with terminal(nothing, OPEN, "--no-test") as one:
        one.answers(DOMAIN, "me@gmail.com")
        one.reads("name a domain of your own")
        one.answers(DOMAIN, "Anna@Demo.Test.")
        one.answers(f"{ADDRESS} [Anna@demo.test]", "")
        one.answers(MINE, "anna1234")
        one.reads("would be guessed: it is little more than the name 'anna'")
        one.answers(MINE, "a-Good-one-1")
        assert one.ends() == 0, one.screen
    assert [one["address"] for one in nothing.json("account", "list")] == ["Anna@demo.test"]


def test_a_preset_makes_six(nothing: Shell) -> None:
    with terminal(nothing, CLOSED, "--offline") as one:
        begins(one)
        one.answers(CHOICE, "gmail")
        one.answers(LOGIN_THERE, "me@demo.test")
        one.answers(SECRET, PASSWORD)
        assert one.ends() == 0, one.screen
        assert one.inputs == 6
    assert [one["host"] for one in nothing.json("relay", "list")] == ["smtp.gmail.com"]


def test_a_host_of_ones_own_makes_six_and_what_is_wrong_is_asked_again(nothing: Shell) -> None:
    with smarthost() as host, terminal(nothing, CLOSED, "--no-test") as one:
        begins(one)
        one.answers(CHOICE, f"127.0.0.1:{free_port()}")
        one.answers(LOGIN_THERE, LOGIN)
        one.answers(SECRET, PASSWORD)
        one.reads("does not answer on port")
        one.answers(CHOICE, f"127.0.0.1:{host.port}")
        one.answers(f"[{LOGIN}]", "")
        one.answers(SECRET, "wrong")
        one.reads("does not take this login and password")
        one.answers(f"[{LOGIN}]", "")
        one.answers(SECRET, PASSWORD)
        assert one.ends() == 0, one.screen
        assert one.inputs == 6 + 2 + 3  # two that were wrong
        assert PASSWORD not in one.screen
    (relay,) = nothing.json("relay", "list")
    assert (relay["host"], relay["port"], relay["login"]) == ("127.0.0.1", host.port, LOGIN)


def test_a_host_that_is_right_at_once_makes_six(nothing: Shell) -> None:
    with smarthost() as host, terminal(nothing, CLOSED) as one:
        begins(one)
        one.answers(CHOICE, f"127.0.0.1:{host.port}")
        one.answers(LOGIN_THERE, LOGIN)
        one.answers(SECRET, PASSWORD)
        assert one.ends() == 0, one.screen
        assert one.inputs == 6


def test_receiving_only_makes_four_and_a_password_is_made_and_shown_once(nothing: Shell) -> None:
    with terminal(nothing, CLOSED) as one:
        one.answers(DOMAIN, "demo.test")
        one.answers(ADDRESS, "")
        one.answers(MINE, "")
        one.answers(CHOICE, "none")
        assert one.ends() == 0, one.screen
        assert one.inputs == 4
        assert one.screen.count("password of postmaster@demo.test: ") == 1
    assert nothing.json("relay", "list") == []


def test_again_there_is_less_to_type(nothing: Shell) -> None:
    nothing.says(*options(nothing, "--domain", "demo.test"), typed="a-Good-one-1\n")
    with terminal(nothing, OPEN, "--no-test") as one:
        one.answers("[demo.test]", "")
        one.answers("[postmaster@demo.test]", "")
        assert one.ends() == 0, one.screen
        assert one.inputs == 2
        assert "done" not in one.screen
    with terminal(nothing, OPEN, "--no-test") as one:
        one.answers("[demo.test]", "")
        one.leaves("[postmaster@demo.test]")
        assert one.ends() == 1
        assert "nothing was changed; go on with" in one.screen


QUESTIONS = (
    (DOMAIN, "demo.test"),
    (ADDRESS, "me"),
    (MINE, "a-Good-one-1"),
    (CHOICE, "gmail"),
    (LOGIN_THERE, "me@gmail.com"),
    (SECRET, PASSWORD),
)


@pytest.mark.parametrize("left", range(len(QUESTIONS)))
def test_whoever_leaves_at_a_question_types_nothing_twice_but_passwords(
    nothing: Shell, left: int
) -> None:
    words = ("--offline", "--no-test")
    with terminal(nothing, CLOSED, *words) as one:
        for question, typed in QUESTIONS[:left]:
            one.answers(question, typed)
        one.leaves(QUESTIONS[left][0])
        assert one.ends() == 1
        assert "go on with" in one.screen
    assert not nothing.config.exists()
    kept = nothing.config.with_name(".postroom.toml.answers")
    assert "a-Good-one-1" not in (kept.read_text() if left else "")
    with terminal(nothing, CLOSED, *words) as one:
        for number, (question, typed) in enumerate(QUESTIONS):
            is_known = number < left and question not in {MINE, SECRET}
            one.answers(question, "" if is_known else typed)
        assert one.ends() == 0, one.screen
        assert one.inputs == 6
    assert not kept.exists()
    assert [one["login"] for one in nothing.json("relay", "list")] == ["me@gmail.com"]
    assert [one["address"] for one in nothing.json("account", "list")] == ["me@demo.test"]
