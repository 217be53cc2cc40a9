"""The Sieve of rules: the same for the same rules, and no value ever leaves its string."""

from hypothesis import given, strategies as st

from postroom.directory.rules import Action, Condition, Rule
from postroom.directory.sieve_text import quoted, rules_text, vacation_text
from postroom.directory.vacations import Vacation
from postroom.sieve.compiler import compile_script
from postroom.sieve.lexer import tokens

BOSS = Rule(
    "all",
    (Condition("from", "is", "boss@demo.test"), Condition("size", "over", "5000", negated=True)),
    (Action("flag", "\\Flagged"), Action("move", "Work/Now"), Action("stop")),
)
LISTS = Rule(
    "any",
    (
        Condition("list-id", "is", "garden.lists.test"),
        Condition("header", "matches", "*no*", name="X-Mailer"),
        Condition("to", "contains", "garden"),
    ),
    (Action("copy", "Lists"), Action("forward", "bob@demo.test")),
)
ALL = Rule("all", (), (Action("discard"),))

SCRIPT = r"""# Made by Postroom; what is changed here is not kept.
require ["copy", "fileinto", "imap4flags", "include", "mailbox"];

# rule 1
if allof (address :is "from" "boss@demo.test", not size :over 5000) {
    addflag "\\Flagged";
    fileinto :create "Work/Now";
    stop;
}

# rule 2
if anyof (header :contains "list-id" "<garden.lists.test>", header :matches "X-Mailer" "*no*", header :contains ["to", "cc"] "garden") {
    fileinto :copy :create "Lists";
    redirect :copy "bob@demo.test";
}

# rule 3
discard;

# the active script
include :personal :optional "my \"own\"";
"""

ANSWER = """# Made by Postroom; what is changed here is not kept.
require ["date", "relational", "vacation"];

if allof (currentdate :value "ge" :zone "+0000" "date" "2026-04-01", currentdate :value "le" :zone "+0000" "date" "2026-04-30") {
    vacation :days 3 :subject "Away" :addresses ["b@demo.test"] "Back\r\nin May.";
}
"""

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def test_rules_then_the_active_script() -> None:
    assert rules_text([BOSS, LISTS, ALL], 'my "own"') == SCRIPT
    assert rules_text([ALL], None) == (
        "# Made by Postroom; what is changed here is not kept.\n\n# rule 1\ndiscard;\n"
    )


def test_what_is_made_is_valid() -> None:
    for text in (SCRIPT, ANSWER, rules_text([ALL], None), vacation_text(Vacation(""))):
        compile_script(text.encode())


def test_a_vacation_on_its_days() -> None:
    away = Vacation("Back\nin May.", "Away", "2026-04-01", "2026-04-30", 3, ("b@demo.test",))
    assert vacation_text(away) == ANSWER
    assert vacation_text(Vacation("gone")) == (
        "# Made by Postroom; what is changed here is not kept.\n"
        'require ["vacation"];\n\nvacation :days 7 "gone";\n'
    )
    assert "if currentdate" in vacation_text(Vacation("gone", begins="2026-04-01"))


@given(anything)
def test_any_text_stays_one_string(text: str) -> None:
    string, end = tokens(quoted(text).encode())
    assert (string.kind, end.kind) == ("string", "end")
    assert string.text == text.replace("\0", "").replace("\r\n", "\n").replace("\n", "\r\n")


@given(anything, anything, anything, anything)
def test_no_value_adds_a_token(value: str, name: str, action: str, script: str) -> None:
    def kinds(value: str, name: str, action: str, script: str) -> list[str]:
        conditions = [
            Condition("from", "is", value),
            Condition("subject", "matches", value),
            Condition("list-id", "is", value),
            Condition("header", "contains", value, name=name),
        ]
        actions = [Action(kind, action) for kind in ("move", "copy", "flag", "forward")]
        made = rules_text([Rule("any", tuple(conditions), tuple(actions))], script)
        away = Vacation(value, subject=name or "x", begins="2026-01-01", addresses=(action, script))
        made += vacation_text(away)
        return [
            one.kind + (one.text if one.kind != "string" else "") for one in tokens(made.encode())
        ]

    assert kinds(value, name, action, script) == kinds("a", "b", "c", "d")
