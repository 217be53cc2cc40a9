from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from postroom.admin.filters import rules
from postroom.admin.office import Office
from postroom.directory.rules import Action, Condition, Rule
from postroom.directory.sieve_text import rules_text
from postroom.errors import Invalid, NotFound
from postroom.sieve.compiler import compile_script
from tests.admin.bureau import Story
from tests.admin.filters.test_scripts import ALICE, furnish
from tests.fakes import Clock

Tell = Callable[[Story], None]
SUBJECT = Condition("subject", "contains", "x")


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        (("From", "Is", "bob@demo.test"), Condition("from", "is", "bob@demo.test")),
        (("header:X-Spam", "matches", "*"), Condition("header", "matches", "*", "X-Spam")),
        (("size", "over", "5m"), Condition("size", "over", "5242880")),
        (("size", "under", "10"), Condition("size", "under", "10")),
    ],
)
def test_conditions_are_read(words: tuple[str, str, str], condition: Condition) -> None:
    assert rules.condition(*words) == condition
    assert rules.condition(*words, negated=True).negated


@pytest.mark.parametrize(
    "words",
    [
        ("body", "contains", "x"), ("header", "is", "x"), ("from:x", "is", "x"),
        ("header:", "is", "x"), ("header:a b", "is", "x"), ("header:a:b", "is", "x"),
        ("header:é", "is", "x"), ("subject", "over", "5"), ("subject", "regex", "x"),
        ("subject", "is", ""), ("subject", "is", "a\nb"), ("subject", "is", "x" * 1001),
        ("size", "is", "5"), ("size", "over", "5T"), ("size", "over", "-1"), ("size", "over", ""),
    ],
)  # fmt: skip
def test_conditions_that_make_no_sense(words: tuple[str, str, str]) -> None:
    with pytest.raises(Invalid):
        rules.condition(*words)


@pytest.mark.parametrize(
    ("words", "action"),
    [
        (("move", "inbox/Lists"), Action("move", "INBOX/Lists")),
        (("copy", "Läsning"), Action("copy", "Läsning")),
        (("flag", "Seen"), Action("flag", "\\Seen")),
        (("flag", "\\flagged"), Action("flag", "\\Flagged")),
        (("flag", "$Work"), Action("flag", "$Work")),
        (("forward", "Bob@EXAMPLE.org"), Action("forward", "Bob@example.org")),
        (("discard",), Action("discard")),
        (("stop",), Action("stop")),
    ],
)
def test_actions_are_read(words: tuple[str, ...], action: Action) -> None:
    assert rules.action(*words) == action


@pytest.mark.parametrize(
    "words",
    [
        ("move", ""), ("move", "../x"), ("copy", "a*"), ("flag", ""), ("flag", "a b"),
        ("flag", '"'), ("flag", "\\Own"), ("forward", "bob"), ("forward", ""), ("explode",),
    ],
)  # fmt: skip
def test_actions_that_make_no_sense(words: tuple[str, ...]) -> None:
    with pytest.raises(Invalid):
        rules.action(*words)


def test_actions_are_done_in_a_fixed_order(tell: Tell) -> None:
    given = [Action("stop"), Action("move", "A"), Action("flag", "\\Seen"), Action("copy", "B")]

    async def story(office: Office, _clock: Clock) -> None:
        await furnish(office)
        found = await rules.add(office, ALICE, [SUBJECT], [*given, *given], any_of=True)
        (rule,) = found.rules
        assert rule.match == "any"
        assert [one.kind for one in rule.actions] == ["flag", "copy", "move", "stop"]

    tell(story)


def test_rules_are_added_moved_shown_and_removed(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await furnish(office)
        for name in ("A", "B"):
            await rules.add(office, ALICE, [SUBJECT], [Action("move", name)])
        await rules.add(office, ALICE, [], [Action("flag", "x")], number=1)
        found = await rules.move(office, ALICE, 1, 3)
        assert [one.actions[0].value for one in found.rules] == ["A", "B", "x"]
        text = await rules.sieve(office, ALICE)
        compile_script(text.encode())
        assert "# rule 3\naddflag" in text
        assert [one.actions[0].value for one in (await rules.remove(office, ALICE, 2)).rules] == [
            "A", "x",
        ]  # fmt: skip
        assert (await rules.show(office, ALICE)).script == ""
        with pytest.raises(NotFound):
            await rules.remove(office, ALICE, 3)

    tell(story)


def test_rules_that_make_no_sense(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await furnish(office)
        forwards = [Action("forward", f"x{number}@example.org") for number in range(5)]
        for conditions, actions in (
            ([SUBJECT], []),
            ([SUBJECT] * 21, [Action("stop")]),
            ([], forwards),
            ([], [Action("flag", f"k{number}") for number in range(21)]),
        ):
            with pytest.raises(Invalid):
                await rules.add(office, ALICE, conditions, actions)
        with pytest.raises(NotFound):
            await rules.add(office, "bob@demo.test", [], [Action("stop")])
        assert (await rules.show(office, ALICE)).rules == ()

    tell(story)


texts = st.text(max_size=30)


@given(st.sampled_from(["from", "to", "subject", "list-id", "header:X-A"]), texts, texts)
def test_whatever_is_taken_is_valid_sieve(field: str, value: str, folder: str) -> None:
    for test in ("contains", "is", "matches"):
        try:
            conditions = (rules.condition(field, test, value),)
            actions = (rules.action("move", folder), rules.action("flag", folder))
        except Invalid:
            return
        compile_script(rules_text([Rule("all", conditions, actions)], folder).encode())
