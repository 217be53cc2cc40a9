from hypothesis import given, strategies as st

from postroom.admin.moving.mbox_fields import Kept, taken, written
from postroom.store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

MESSAGE = b"Status: mine\nSubject: x\n\nbody\n"


@given(st.integers(0, 31), st.sampled_from(["", "a", "$x b"]), st.integers(0), st.booleans())
def test_what_is_written_is_taken(flags: int, words: str, received: int, is_open: bool) -> None:
    kept = Kept(flags, words, received, is_open)
    assert taken(written(kept) + MESSAGE) == (kept, MESSAGE)


def test_other_programs_find_flags_in_an_export() -> None:
    lines = written(Kept(SEEN | FLAGGED | DRAFT, "a b", 5)).splitlines()
    assert lines[1:] == [b"Status: RO", b"X-Status: FD", b"X-Keywords: a b"]


def test_an_export_that_was_changed_loses_only_what_is_ours() -> None:
    own = written(Kept(SEEN)).splitlines(keepends=True)
    assert taken(own[0] + MESSAGE) == (Kept(SEEN), MESSAGE)
    assert taken(b"X-Postroom-Message: {nonsense\n\nbody") == (
        Kept(),
        b"X-Postroom-Message: {nonsense\n\nbody",
    )


def test_fields_of_other_programs_are_no_part_of_messages() -> None:
    head = (
        b"From: a\nStatus: RO\nx-status: AFTD\nX-Keywords: one, two\n three\nX-UID: 5\n"
        b"Content-Length: 4\nSubject: x\n folded\n\nStatus: R\n"
    )
    kept, rest = taken(head)
    assert kept.flags == SEEN | ANSWERED | FLAGGED | DELETED | DRAFT
    assert kept.keywords == "one two"
    assert rest == b"From: a\nSubject: x\n folded\n\nStatus: R\n"


def test_flags_of_thunderbird() -> None:
    kept, rest = taken(b"X-Mozilla-Status: 1007\nX-Mozilla-Keys: $label1\nFrom: a\n\n")
    assert (kept.flags, kept.keywords) == (SEEN | ANSWERED | FLAGGED, "$Forwarded $label1")
    assert rest == b"From: a\n\n"
    assert taken(b"X-Mozilla-Status: zz\n\n") == (Kept(), b"\n")


def test_the_note_of_uw_imap_is_no_message() -> None:
    assert taken(b"X-IMAP: 123 5\nSubject: FOLDER INTERNAL DATA\n\n")[0].is_internal
    assert not taken(b"X-IMAPbase: 123 5\n\n")[0].is_internal


def test_a_message_without_header_stays_as_it_is() -> None:
    assert taken(b"\nStatus: R\n") == (Kept(), b"\nStatus: R\n")
    assert taken(b"") == (Kept(), b"")
