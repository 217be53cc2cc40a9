from collections.abc import Callable

import click.testing
import pytest

from postroom.cli.questions import Questions
from postroom.errors import Invalid


def read(text: str) -> int:
    if not text.isdigit():
        raise Invalid(f"{text!r} is no number")
    return int(text)


def asking(work: Callable[[Questions], object], typed: str) -> click.testing.Result:
    @click.command()
    def command() -> None:
        questions = Questions()
        click.echo(work(questions))
        click.echo(f"inputs {questions.inputs}")

    return click.testing.CliRunner().invoke(command, input=typed)


def test_what_is_not_understood_is_asked_again_and_counts_once() -> None:
    said = asking(lambda questions: questions.ask("How many", "", read), "x\n\n3\n")
    assert said.stdout == "3\ninputs 1\n"
    assert "'x' is no number" in said.stderr
    assert said.stderr.count("How many") == 3


@pytest.mark.parametrize(("is_hidden", "count"), [(False, 1), (True, 0)])
def test_a_default_is_shown_unless_the_answer_is_hidden(is_hidden: bool, count: int) -> None:
    def work(questions: Questions) -> int:
        return questions.ask("How many", "7", read, is_hidden=is_hidden)

    said = asking(work, "\n")
    assert said.stdout == "7\ninputs 1\n"
    assert said.stderr.count("[7]") == count


def test_whoever_leaves_is_not_asked_again() -> None:
    assert asking(lambda questions: questions.ask("How many", "", read), "").exit_code == 1
