from postroom.sieve.compiler import compile_script
from postroom.sieve.script import Match, Reference, Template


def test_calls_hold_what_the_interpreter_needs() -> None:
    script = compile_script(
        b'require ["variables", "relational"];\n'
        b'if header :value "GE" :comparator "i;octet" "x" ["1", "a${b}${2}"] { stop; }'
    )
    (call,) = script.commands
    ((test, block),) = call.branches
    assert test is not None
    assert test.match == Match("value", "i;octet", "ge")
    assert test.arguments == (
        ("x",),
        ("1", Template(("a", Reference("b"), Reference(index=2)))),
    )
    assert [one.name for one in block] == ["stop"]
