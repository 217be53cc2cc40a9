import pytest
from hypothesis import given, strategies as st

from postroom.sieve.compiler import compile_script
from postroom.sieve.limits import MAX_PROBLEMS
from postroom.sieve.problems import ScriptError
from postroom.sieve.rules import COMMANDS, EXTENSIONS, TESTS
from tests.sieve.desk import outcome, problems


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("frobnicate;", "1:1 frobnicate is no command that is known"),
        ("true;", "1:1 true is a test, not a command"),
        ("if keep { }", "1:4 keep is a command, not a test"),
        ("if vanish { }", "1:4 vanish is no test that is known"),
        ('fileinto "a";', '1:1 fileinto needs: require "fileinto";'),
        ('require "i;octet";', '1:9 the extension "i;octet" is not supported'),
        ('require "nope";', '1:9 the extension "nope" is not supported'),
        ('keep;\nrequire "fileinto";', "2:1 require must stand before all other commands"),
        ("require 5;", "1:1 require needs a string or a list of strings"),
        ("require;", "1:1 require needs a string or a list of strings"),
        ('require ["a"', "1:13 the list of strings needs , or ] here, not the end of the script"),
        ("else { }", "1:1 else must follow an if or elsif"),
        ("elsif true { }", "1:1 elsif must follow an if or elsif"),
        ("if true { } keep; else { }", "1:19 else must follow an if or elsif"),
        ("if true { } else { } else { }", "1:22 else must follow an if or elsif"),
        ("if true;", "1:1 if needs a block in braces"),
        ("if { }", "1:1 if needs one test"),
        ("if true, true { }", "1:8 if must end with ; or a block before , can stand"),
        ("if (true, true) { }", "1:1 if needs one test"),
        ("else true { }", "1:1 else must follow an if or elsif"),
        ("if allof true { }", "1:4 allof needs a list of tests in parentheses"),
        ("if not (true) { }", "1:4 not needs one test"),
        ("keep { }", "1:1 keep takes no block"),
        ("stop true;", "1:6 true can't stand here: stop takes no test"),
        ('stop "a";', "1:6 stop takes no arguments"),
        ('keep "a";', "1:6 keep takes no further argument"),
        ("redirect;", "1:1 redirect lacks an argument: a string"),
        ("redirect 5;", "1:10 redirect takes a string here, not a number"),
        ('redirect ["a@b.example"];', "1:10 redirect takes a string here, not a list"),
        ('redirect "a@b.example" "c";', "1:24 redirect takes no further argument"),
        ('redirect :fast "a@b.example";', "1:10 redirect takes no :fast"),
        ('redirect "a@b.example" :copy;', "1:24 redirect :copy must stand before the other"),
        ('redirect :copy "a@b.example";', '1:10 :copy needs: require "copy";'),
        ('redirect "nowhere";', "1:10 redirect: 'nowhere' is no address: 'nowhere' has no @"),
        ("if size 5 { }", "1:9 size takes no further argument"),
        ("if size { }", "1:4 size: it needs :over or :under with a number"),
        ("if size :over { }", "1:9 :over must be followed by a number"),
        ('if size :over "a" { }', "1:15 :over takes a number here, not a string"),
        ("if size :over 1 :under 2 { }", "1:17 :under can't go with :over"),
        ("if size :over 1 :over 2 { }", "1:17 :over stands here twice"),
        ('if header :is :contains "a" "b" { }', "1:15 :contains can't go with :is"),
        ('if header "a:" "b" { }', "1:11 header: 'a:' is no name of a header field"),
        ('if header "a" { }', "1:4 header lacks an argument: a string or a list of strings"),
        ('if header :comparator "i;nope" "a" "b" { }', "1:11 the comparator 'i;nope' is not known"),
        (
            'if header :comparator "i;ascii-numeric" "a" "b" { }',
            '1:11 i;ascii-numeric needs: require "comparator-i;ascii-numeric";',
        ),
        (
            (
                'require "comparator-i;ascii-numeric";\n'
                'if header :contains :comparator "i;ascii-numeric" "a" "b" { }'
            ),
            "2:21 numbers (i;ascii-numeric) can't be compared by :contains",
        ),
        (
            'require "relational"; if header :value "xx" "a" "b" { }',
            "1:33 :value needs one of gt, ge, lt, le, eq, ne",
        ),
        (
            'if address "subject" "b" { }',
            "1:12 address: 'subject' is no field that holds addresses",
        ),
        (
            'require "envelope"; if envelope "cc" "b" { }',
            "1:33 envelope: 'cc' is no part of the envelope: they are from, to and auth",
        ),
        (
            'require "index"; if header :last "a" "b" { }',
            "1:28 header: :last needs :index beside it",
        ),
        ('require "index"; if header :index 0 "a" "b" { }', "1:28 header: :index counts from 1"),
        (
            'require "mime"; if header :type "a" "b" { }',
            "1:27 header: :type needs :mime beside it",
        ),
        (
            'require "regex"; if header :regex "a" "(" { }',
            "1:39 header: the regular expression '(' is not valid: missing ): (",
        ),
        ('require "foreverypart"; break;', "1:25 there is no foreverypart here"),
        (
            'require "foreverypart"; foreverypart :name "a" { break :name "b"; }',
            "1:50 there is no foreverypart here",
        ),
        ('require "variables"; set "a b" "c";', "1:26 set: 'a b' is not a name"),
        ('require "variables"; set "${a}" "c";', "1:26 set: the name of a variable must stand"),
        ('require "variables"; set "x.y" "c";', "variables cannot be in the namespace 'x'"),
        ('require "variables"; redirect "${x.y}";', "1:31 variables cannot be in the namespace"),
        ('require "imap4flags"; addflag "x" "y";', "a variable for flags needs: require"),
        ('require "imap4flags"; addflag "(";', "1:31 addflag: '(' is no flag"),
        (
            'require ["special-use", "fileinto"]; fileinto :specialuse "Junk" "x";',
            "1:47 fileinto: 'Junk' is no special use such as \\\\Junk",
        ),
        ('require "fileinto"; fileinto "";', "1:30 fileinto: the name of the mailbox is empty"),
        (
            'require "encoded-character"; redirect "${hex:ff}";',
            "1:39 ${hex:ff} is not valid UTF-8",
        ),
    ],
)
def test_a_problem_and_its_place(script: str, expected: str) -> None:
    found = problems(script)
    assert len(found) == 1
    assert expected in found[0]


def test_all_problems_are_told_in_order() -> None:
    script = "nope;\nif vanish { }\nif true { redirect 5;\n fileinto; }\nkeep;\nelse { }"
    assert [one.split()[0] for one in problems(script)] == ["1:1", "2:4", "3:20", "4:2", "6:1"]
    assert len(problems("nope;" * 1000)) == MAX_PROBLEMS


def test_words_know_no_case() -> None:
    assert not problems(
        'REQUIRE "fileinto"; IF Header :IS "a" "b" { FileInto "x"; } ElsIf TRUE { }'
    )


def test_only_what_is_allowed_may_be_required() -> None:
    with pytest.raises(ScriptError, match='"fileinto" is not supported'):
        compile_script(b'require ["copy", "fileinto"];', extensions=["copy"])
    script = compile_script(b'require ["copy", "comparator-i;octet"];', extensions=["copy"])
    assert script.extensions == {"copy", "comparator-i;octet"}


def test_what_is_advertised_is_in_the_tables() -> None:
    assert len(set(EXTENSIONS)) == len(EXTENSIONS)
    known = {rule.extension for rule in (*COMMANDS.values(), *TESTS.values())}
    known |= {tag.extension for rule in (*COMMANDS.values(), *TESTS.values()) for tag in rule.tags}
    others = {name for name in EXTENSIONS if not name.startswith("comparator-")}
    assert others - {"encoded-character"} == known - {""}


WORDS = [
    *COMMANDS, *TESTS, ":is", ":matches", ":index", ":mime", ":flags", ":count", ":zone", ":over",
    '"a"', '"from"', '"gt"', '["a", "b"]', "5", "{", "}", "(", ")", ",", ";", ";", ";",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_whatever_the_words_it_is_a_script_that_runs_or_has_problems(words: list[str]) -> None:
    required = ", ".join(f'"{name}"' for name in EXTENSIONS)
    script = f"require [{required}];\n" + " ".join(words)
    if not problems(script):
        assert outcome(script).actions


@pytest.mark.parametrize(
    "script",
    [
        'if ihave "nope" { frobnicate :x; } else { keep; }',
        'if not ihave "nope" { keep; } else { fileinto "${x}"; }',
        'if allof (ihave "nope", frob "x") { }',
        'if anyof (not ihave ["copy", "nope"], frob "x") { }',
        'if ihave ["fileinto", "copy"] { fileinto :copy "a"; }',
        'if ihave "comparator-i;octet" { }',
    ],
)
def test_what_ihave_rules_out_is_not_looked_at(script: str) -> None:
    assert not problems('require "ihave";\n' + script)
    assert outcome('require "ihave";\n' + script).error is None


def test_ihave_at_run_time() -> None:
    script = 'require "ihave"; if ihave "%s" { discard; } else { error "no"; }'
    assert outcome(script % "copy").error is None
    assert outcome(script % "nope").error == "line 1: no"
    assert problems('require ["ihave", "variables"]; if ihave "${x}" { keep :flags "a"; }')
