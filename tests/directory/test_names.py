import pytest
from hypothesis import given, strategies as st

from postroom.directory.names import MAX_BASES, Policy, fold, is_role

LOCALS = st.text(alphabet="aAbBß.+-é", min_size=1, max_size=12)
POLICIES = st.builds(
    Policy,
    separators=st.sampled_from(["", "+", "+-"]),
    case_sensitive=st.booleans(),
    dots_ignored=st.booleans(),
)


def test_case_is_folded_by_default_and_dots_count() -> None:
    policy = Policy()
    assert policy.canonical("Alice") == policy.canonical("ALICE") == "alice"
    assert policy.canonical("a.lice") != policy.canonical("alice")


def test_a_domain_may_tell_case_apart_and_ignore_dots() -> None:
    assert Policy(case_sensitive=True).canonical("Alice") == "Alice"
    assert Policy(dots_ignored=True).canonical("a.l.ice") == "alice"
    assert Policy(dots_ignored=True).canonical(".") == "."


@pytest.mark.parametrize("local", ["postmaster", "POSTMASTER", "PostMaster", "Abuse"])
def test_roles_have_no_case_whatever_the_policy(local: str) -> None:
    """RFC 5321 §4.5.1."""
    assert is_role(local)
    assert Policy(case_sensitive=True).canonical(local) == local.lower()


@pytest.mark.parametrize("local", ["postmasters", "abuse1", "root", ""])
def test_other_names_are_no_roles(local: str) -> None:
    assert not is_role(local)


@pytest.mark.parametrize(
    ("separators", "local", "expected"),
    [
        ("+", "alice+news", [("alice", "news")]),
        ("+", "alice+a+b", [("alice+a", "b"), ("alice", "a+b")]),
        ("-", "mary-ann-news", [("mary-ann", "news"), ("mary", "ann-news")]),
        ("+-", "a+b-c", [("a+b", "c"), ("a", "b-c")]),
        ("+", "alice+", [("alice", "")]),
        ("+", "+news", []),
        ("+", "alice", []),
        ("", "alice+news", []),
        ("+", "Alice+News", [("alice", "News")]),
    ],
)
def test_subaddresses_are_read_longest_user_first(
    separators: str, local: str, expected: list[tuple[str, str]]
) -> None:
    assert Policy(separators=separators).bases(local) == expected


def test_readings_are_bounded() -> None:
    assert len(Policy().bases("a" + "+" * 63)) == MAX_BASES


@given(POLICIES, LOCALS)
def test_the_key_of_a_key_is_itself(policy: Policy, local: str) -> None:
    key = policy.canonical(local)
    assert policy.canonical(key) == key


@given(POLICIES, LOCALS, LOCALS)
def test_equal_names_have_equal_folds(policy: Policy, one: str, other: str) -> None:
    if policy.canonical(one) == policy.canonical(other):
        assert fold(one) == fold(other)


@given(LOCALS, LOCALS)
def test_the_fold_of_a_name_begins_that_of_its_subaddresses(one: str, detail: str) -> None:
    """What ``addresses`` relies on when it looks for targets in a range."""
    if fold(one) != one.casefold() or one.strip("."):
        assert fold(f"{one}+{detail}").startswith(fold(one))
