from hypothesis import given, strategies as st

from postroom.sieve.compiler import compile_script
from postroom.sieve.problems import ScriptError


def test_a_script_can_be_compared_and_kept() -> None:
    text = b'require "fileinto"; if header "subject" "x" { fileinto "y"; } else { stop; }'
    assert compile_script(text) == compile_script(text)
    assert compile_script(text).extensions == {"fileinto"}
    assert compile_script(b"").commands == ()


@given(st.binary(max_size=200))
def test_octets_are_a_script_or_have_problems(octets: bytes) -> None:
    try:
        compile_script(octets)
    except ScriptError as error:
        assert all(one.line >= 1 and one.column >= 1 and one.text for one in error.problems)
        assert str(error.problems[0]) in str(error)
