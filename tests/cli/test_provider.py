from collections.abc import Callable

import click
import click.testing

from postroom.admin.answers import Answers
from postroom.admin.outgoing import choice
from postroom.admin.outgoing.relays import Wanted
from postroom.cli.provider import Given, Provider
from postroom.cli.questions import Questions
from postroom.config.model import Config
from rig.ports import free_port
from tests.cli.smarthost import LOGIN, PASSWORD, smarthost


def asked(
    typed: str,
    given: Given = Given(),  # noqa: B008 - it is frozen
    *,
    answers: Answers = Answers(),  # noqa: B008
    is_offline: bool = False,
    act: Callable[[Provider], Wanted | None] = Provider.ask,
) -> tuple[click.testing.Result, list[object]]:
    """What is said, and: what is wanted, the mailbox, the inputs, what is kept."""
    found: list[object] = []

    @click.command()
    def command() -> None:
        kept: dict[str, str] = {}
        questions = Questions()
        provider = Provider(
            questions, given, answers, kept.__setitem__, config=Config(hostname="mx.demo.test"),
            is_offline=is_offline,
        )  # fmt: skip
        found.extend([act(provider), provider.mailbox, questions.inputs, kept])

    said = click.testing.CliRunner().invoke(command, input=typed, catch_exceptions=False)
    return said, found


def own(port: int) -> Wanted:
    return Wanted(host="127.0.0.1", port=port, tls="starttls", login=LOGIN, password=PASSWORD)


def test_one_that_takes_it_is_asked_for_three_things() -> None:
    with smarthost() as host:
        typed = f"127.0.0.1:{host.port}\n{LOGIN}\n{PASSWORD}\n"
        said, (wanted, mailbox, inputs, kept) = asked(typed)
    assert (wanted, mailbox, inputs) == (own(host.port), "", 3)
    assert kept == {"relay": f"127.0.0.1:{host.port}", "login": LOGIN}
    assert "Port 25 is closed here" in said.stderr


def test_what_is_typed_twice_is_meant() -> None:
    port = free_port()
    answer = f"127.0.0.1:{port}\n{LOGIN}\n{PASSWORD}\n"
    said, (wanted, *_) = asked(answer + answer)
    assert wanted == own(port)
    assert said.stderr.count("does not answer") == 1


def test_receive_only_in_any_of_three_ways() -> None:
    for typed in ("\n", "none\n", "-\n"):
        _, (wanted, _, inputs, _) = asked(typed)
        assert (wanted, inputs) == (None, 1)


def test_no_login_leads_back_to_the_choice_where_one_is_needed() -> None:
    _, (wanted, *_) = asked("gmail\n\nfastmail\nme\n\nnone\n", is_offline=True)
    assert wanted is None


def test_a_host_of_ones_own_may_do_without_a_login() -> None:
    _, (wanted, *_) = asked("smtp.example.net\n\n", is_offline=True)
    assert wanted == Wanted(host="smtp.example.net", port=587, tls="starttls")


def test_where_everybody_has_the_same_login_only_the_password_is_asked() -> None:
    _, (wanted, _, inputs, _) = asked("sendgrid\nkey\n", is_offline=True)
    assert (wanted, inputs) == (Wanted(preset="sendgrid", login="apikey", password="key"), 2)


def test_what_was_answered_before_is_proposed() -> None:
    before = Answers(relay="gmail", login="me@gmail.com")
    said, (wanted, mailbox, *_) = asked("\n\nsecret\n", answers=before, is_offline=True)
    assert wanted == Wanted(preset="gmail", login="me@gmail.com", password="secret")
    assert mailbox == "me@gmail.com"
    assert "[me@gmail.com]" in said.stderr


def test_options_answer_in_advance_and_what_they_say_is_asked_once_it_is_wrong() -> None:
    with smarthost() as host:
        given = Given(choice.read(f"127.0.0.1:{host.port}"), LOGIN, "wrong")
        said, (wanted, _, inputs, _) = asked(f"{LOGIN}\n{PASSWORD}\n", given)
        assert (wanted, inputs) == (own(host.port), 2)
        assert "does not take this login" in said.stderr
        assert "Port 25" not in said.stderr
        said, (wanted, *_) = asked("", given, act=Provider.take)
    assert isinstance(wanted, Wanted)
    assert wanted.password == "wrong"
    assert "it is kept all the same" in said.stderr
    assert asked("", act=Provider.take)[1][0] is None
