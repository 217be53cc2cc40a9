from postroom.sieve.actions import FileInto, Keep
from postroom.sieve.compiler import compile_script
from postroom.sieve.limits import Limits
from postroom.sieve.questions import Answer, Question, ScriptText
from tests.sieve.desk import actions, outcome, problems

NEEDED = 'require ["include", "variables", "fileinto"];'


def scripts(**texts: str) -> dict[Question, Answer]:
    return {ScriptText(name): f"{NEEDED}\n{text}".encode() for name, text in texts.items()}


def filed(script: str, answers: dict[Question, Answer]) -> list[str]:
    found = actions(NEEDED + script, answers=answers)
    return [one.mailbox for one in found if isinstance(one, FileInto)]


def test_a_script_in_a_script() -> None:
    answers = scripts(a='fileinto "a";')
    assert filed('include "a"; fileinto "b";', answers) == ["a", "b"]
    assert filed('include :personal "a"; include "a"; fileinto "b";', answers) == ["a", "b"]
    everybody: dict[Question, Answer] = {
        ScriptText("a", is_global=True): compile_script(b"discard;")
    }
    assert filed('include :global "a"; fileinto "b";', everybody) == ["b"]


def test_return_ends_the_inner_one_and_stop_all() -> None:
    answers = scripts(a='if true { fileinto "a"; return; } fileinto "never";', b="stop;")
    assert filed('include "a"; fileinto "b";', answers) == ["a", "b"]
    assert filed('include "b"; fileinto "b";', answers) == []
    assert filed('fileinto "x"; return; fileinto "y";', answers) == ["x"]


def test_return_out_of_a_loop() -> None:
    answers: dict[Question, Answer] = {
        ScriptText("a"): b'require ["include", "foreverypart"]; foreverypart { return; } discard;'
    }
    script = 'require "foreverypart"; foreverypart { include "a"; fileinto "b"; }'
    assert filed(script, answers) == ["b"]


def test_once_and_optional() -> None:
    answers = scripts(a='set "n" "${n}."; global "x"; set "x" "${x}.";')
    script = 'global "x"; include :once "a"; include :once "a"; fileinto "${x}";'
    assert filed(script, answers) == ["."]
    assert filed('include :optional "none"; fileinto "b";', answers) == ["b"]
    found = outcome(NEEDED + 'include "none";')
    assert found.error == 'line 1: there is no script "none" to include'


def test_variables_are_the_scripts_own() -> None:
    answers = scripts(
        a='set "v" "inner"; global "g"; set "g" "G"; set "global.h" "H";'
        'if header :matches "subject" "*" { }'
    )
    script = (
        'set "v" "outer"; if header :matches "message-id" "<*>" { } include "a"; global "g";'
        'fileinto "${v} ${g} ${global.h} ${1}";'
    )
    assert filed(script, answers) == ["outer G H 1@example.org"]


def test_scripts_that_are_wrong() -> None:
    found = outcome(NEEDED + 'include "a";', answers={ScriptText("a"): b"\n keep"})
    assert found.error
    assert found.error.startswith('line 1: the included script "a" has errors: line 2, column 6')
    found = outcome(NEEDED + 'include "a";', answers=scripts(a='redirect "${x}";'))
    assert found.error
    assert found.error.startswith('line 2 of the included script "a": ')
    assert found.actions == (Keep(is_implicit=True),)


def test_no_script_includes_itself() -> None:
    found = outcome(NEEDED + 'include "a";', answers=scripts(a='include "b";', b='include "a";'))
    assert found.error
    assert 'the script "a" includes itself' in found.error


def test_depth_and_number_are_bounded() -> None:
    chain = {f"s{n}": f'include "s{n + 1}";' for n in range(20)}
    found = outcome(NEEDED + 'include "s0";', answers=scripts(**chain))
    assert found.error
    assert "more than 10 deep" in found.error
    found = outcome(
        NEEDED + 'include "a";' * 9, answers=scripts(a=""), limits=Limits(max_included=8)
    )
    assert found.error
    assert "more than 8 scripts" in found.error


def test_names_are_as_they_stand() -> None:
    assert problems(NEEDED + 'include "${a}";')[0].endswith("include: variables can't stand here")
    assert problems('require "include"; global "a";')
    assert problems(NEEDED + 'global "${a}";')
    assert problems(NEEDED + 'set "a" "b"; global "a";')[0].endswith(
        "was used before it was made global"
    )
    assert not problems(NEEDED + 'global "a"; set "a" "b"; global ["a", "c"];')
