import random

import pytest
from hypothesis import given, strategies as st

from interop.sieve_cases import Cases
from postroom.sieve.actions import FileInto, Keep
from postroom.sieve.compiler import compile_script
from postroom.sieve.interpreter import Passed, run
from postroom.sieve.limits import MAX_NESTING
from tests.sieve.answers import run_with
from tests.sieve.desk import HERE, actions, letter, outcome


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ('if true { fileinto "a"; } elsif true { fileinto "b"; } else { fileinto "c"; }', "a"),
        ('if false { fileinto "a"; } elsif true { fileinto "b"; } else { fileinto "c"; }', "b"),
        ('if false { fileinto "a"; } elsif false { fileinto "b"; } else { fileinto "c"; }', "c"),
        ('if true { } else { fileinto "a"; } if true { fileinto "d"; }', "d"),
        ('if true { if false { } else { if true { fileinto "e"; stop; } } keep; } keep;', "e"),
    ],
)
def test_branches(chain: str, expected: str) -> None:
    assert actions(f'require "fileinto"; {chain}') == (FileInto(mailbox=expected),)


def test_an_error_drops_what_was_done_before() -> None:
    found = outcome(
        'require ["fileinto", "variables", "imap4flags"];\n'
        'setflag "a";\nfileinto "x";\nif true {\n  redirect "${none}"; }'
    )
    assert found.actions == (Keep(is_implicit=True),)
    assert found.error
    assert found.error.startswith("line 5: ")


def test_blocks_as_deep_as_they_may_be() -> None:
    deep = MAX_NESTING
    assert actions("if true {" * deep + "discard;" + "}" * deep) != (Keep(is_implicit=True),)


@given(st.binary(max_size=300))
def test_whatever_the_letter_a_script_ends(octets: bytes) -> None:
    script = """require ["fileinto", "mime", "foreverypart", "variables", "subaddress", "index"];
    if header :matches ["subject", "from"] "*a*" { set "x" "${1}"; }
    if address :detail "from" "x" { stop; }
    foreverypart { if header :mime :anychild :param "a" "content-type" "b" { break; } }
    """
    assert outcome(script, octets).error is None


def test_what_was_run_can_be_told() -> None:
    script = compile_script(b"if false { keep; } else {\n  stop; }\ndiscard;")
    trail: list[Passed] = []
    run_with(run(script, letter(), HERE, trail), {})
    assert trail == [Passed(1, 1, "if"), Passed(2, 3, "stop")]


def test_random_scripts_end_whatever_happens_to_the_letter() -> None:
    """What they come to is compared with another program's answers in ``interop``."""
    cases, chance = Cases(7), random.Random(7)
    for _ in range(60):
        octets = bytearray(cases.letter())
        for _ in range(10):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        found = outcome(cases.script(), bytes(octets))
        assert found.actions
        assert found.error is None
