"""States are written and read back; what is none is refused as such."""

import pytest
from hypothesis import given, strategies as st

from postroom.web.jmap import states
from postroom.web.jmap.box import Counts
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.states import Between, Folder, Seen

NUMBERS = st.integers(0, (1 << 63) - 1)
SEEN = st.builds(
    Seen,
    st.integers(1, 0xFFFFFFFF),
    NUMBERS,
    st.integers(1, 0xFFFFFFFF),
    st.booleans(),
    st.none() | st.sets(st.integers(1, 0xFFFFFFFF), max_size=9).map(lambda one: tuple(sorted(one))),
)
EMAILS = st.dictionaries(st.integers(1, (1 << 63) - 1), SEEN, max_size=9)
FOLDERS = st.dictionaries(
    st.integers(1, (1 << 63) - 1),
    st.builds(
        Folder,
        st.binary(min_size=states.DIGEST, max_size=states.DIGEST),
        st.builds(Counts, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    ),
    max_size=9,
)


@given(EMAILS, EMAILS | st.none(), NUMBERS, st.booleans())
def test_emails_are_read_back(
    since: states.Emails,
    known: states.Emails | None,
    last: int,
    is_late: bool,
) -> None:
    assert states.read_emails(states.pack_emails(since)) == since
    assert states.read_since(states.pack_emails(since)) == Between(since, None, 0, is_late=False)
    between = Between(since, known, last, is_late)
    assert states.read_since(states.pack_between(between)) == between


@given(FOLDERS)
def test_folders_are_read_back(folders: states.Folders) -> None:
    assert states.read_folders(states.pack_folders(folders)) == folders


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda octets: "ZQ" + octets.hex()))
def test_nothing_else_is_raised(text: str) -> None:
    for read in (states.read_since, states.read_folders, states.read_emails):
        try:
            read(text)
        except MethodError as error:
            assert error.kind == "cannotCalculateChanges"


@pytest.mark.parametrize(
    "state",
    ["", "x", "~", "~~~", "ü", "bQ~~0~", "ZYCAgICAgICAgICAgIA", "Z" * (states.MAX_STATE + 1)],
)
def test_what_is_none_of_ours(state: str) -> None:
    with pytest.raises(MethodError):
        states.read_since(state)


def test_one_kind_is_not_taken_for_another() -> None:
    with pytest.raises(MethodError):
        states.read_folders(states.pack_emails({}))
    with pytest.raises(MethodError):
        states.read_emails(states.pack_folders({}))


def test_a_usual_state_is_short() -> None:
    seen = {1 << 61 | at: Seen(1_790_000_000 + at, 5_000, 90_000, False, ()) for at in range(6)}
    assert len(states.pack_emails(seen)) < 80


def test_hidden_ones() -> None:
    seen = Seen(1, 1, 9, is_empty=False, hidden=(3, 5))
    assert [seen.is_hidden(uid) for uid in (2, 3, 4, 5, 6)] == [False, True, False, True, False]
    assert seen._replace(hidden=None).is_hidden(3) is None
