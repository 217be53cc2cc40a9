import re

import pytest

from postroom.protocol.smtp.commands import Command
from postroom.protocol.smtp.help import NOT_NOW, UNKNOWN_TOPIC, help_reply
from postroom.protocol.smtp.parse import parse_command

VERBS = sorted(kind.verb for kind in Command.__subclasses__())


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_help_with_an_example(verb: str) -> None:
    answer = help_reply(verb, VERBS)
    assert answer.code == 214
    assert answer.lines[0].startswith(verb)
    assert any("xample:" in line for line in answer.lines)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "DATA"])
def test_the_examples_are_commands(verb: str) -> None:
    example = help_reply(verb, VERBS).lines[-1].removeprefix("Example: ")
    assert parse_command(example.encode()).verb == verb


def test_the_letter_begins_with_to_from_and_subject() -> None:
    lines = [line.strip() for line in help_reply("DATA", VERBS).lines]
    letter = lines[lines.index("DATA", 1) + 1 :]
    assert [line.partition(":")[0] for line in letter[:3]] == ["To", "From", "Subject"]
    assert letter[-1] == "."


def test_help_alone_lists_what_may_be_used() -> None:
    answer = help_reply("", ["EHLO", "NOOP"])
    assert answer.lines[1] == "EHLO NOOP"
    assert help_reply("NONE", VERBS) is UNKNOWN_TOPIC


def test_what_may_not_be_used_now_is_told_of_all_the_same() -> None:
    whole = help_reply("AUTH", VERBS)
    assert help_reply("AUTH PLAIN", VERBS) == whole
    assert help_reply("AUTH", ["EHLO"]).lines == (*whole.lines, NOT_NOW)
    for verb, other in (("LHLO", "EHLO"), ("EHLO", "LHLO"), ("HELO", "LHLO")):
        assert help_reply(verb, [other]) is UNKNOWN_TOPIC


def test_no_version_is_told() -> None:
    for topic in ("", *VERBS):
        assert not re.search(r"[0-9]+\.[0-9]+", " ".join(help_reply(topic, VERBS).lines))
