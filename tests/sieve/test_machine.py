import pytest

from postroom.sieve.actions import Discard, FileInto, Keep
from postroom.sieve.limits import MAX_TEXT, Limits
from postroom.sieve.machine import Machine
from postroom.sieve.problems import RunError
from postroom.sieve.script import Reference, Template
from tests.sieve.desk import HERE, letter, outcome


def test_steps_are_bounded() -> None:
    found = outcome("if true { }" * 100, limits=Limits(max_steps=50))
    assert found.error == "line 1: the script takes too long with this letter"
    assert found.actions == (Keep(is_implicit=True),)
    assert outcome("if true { }" * 100).steps == 200


def test_long_texts_cost_more() -> None:
    test = 'if header :contains "s" ["a", "b"] { }'
    short = outcome(test, b"S: x\r\n\r\n").steps
    assert outcome(test, b"S: " + b"x" * 10_000 + b"\r\n\r\n").steps > short + 70


def test_texts_are_bounded() -> None:
    machine = Machine(letter(), HERE)
    machine.assign("a", "x" * 8000)
    text = machine.text((Template((Reference("a"),) * 100),))
    assert len(text) == MAX_TEXT


def test_one_mailbox_gets_a_letter_once_with_the_latest_flags() -> None:
    machine = Machine(letter(), HERE)
    machine.add(FileInto(mailbox="a", flags=("x",)))
    machine.add(Discard())
    machine.add(FileInto(mailbox="a", flags=("y",), copy=True))
    assert machine.actions == [FileInto(mailbox="a", flags=("y",)), Discard()]


def test_variables_are_bounded() -> None:
    machine = Machine(letter(), HERE)
    for number in range(256):
        machine.assign(f"v{number}", "")
    machine.assign("v0", "again")
    with pytest.raises(RunError, match="more than 256 variables"):
        machine.assign("more", "")
