import pytest
from hypothesis import given, strategies as st

from postroom.admin.moving.folder_names import fitting, uses
from postroom.store.names import checked


def test_folders_for_sent_and_deleted_mail_are_known_by_many_names() -> None:
    assert uses(["INBOX", "Sent Items", "Papierkorb", "[Gmail]/Spam", "Work"]) == {
        "Sent Items": "\\Sent",
        "Papierkorb": "\\Trash",
        "[Gmail]/Spam": "\\Junk",
    }
    assert uses(["Entwu\u0308rfe"]) == {"Entwu\u0308rfe": "\\Drafts"}


def test_the_very_name_comes_first_and_a_use_goes_to_one_folder() -> None:
    assert uses(["Sent Items", "sent", "Sent Messages"]) == {"sent": "\\Sent"}
    assert uses(["Spam", "Bulk Mail"]) == {"Bulk Mail": "\\Junk"}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Work/Plans", "Work/Plans"),
        ("inbox/Plans", "INBOX/Plans"),
        ("50% *off*", "50_ _off_"),
        ("/a//b/ c ", "a/b/c"),
        ("../x", "_./x"),
        ("#news/~me", "_news/_me"),
        ("\x00\n", "__"),
        ("//", "INBOX"),
    ],
)
def test_a_name_is_made_to_fit(name: str, kept: str) -> None:
    assert fitting(name) == kept


@given(st.text())
def test_whatever_a_folder_is_called_it_gets_a_good_name(name: str) -> None:
    assert checked(fitting(name)) == fitting(name)


def test_long_names_are_cut() -> None:
    assert len(fitting("ü" * 5000).encode()) <= 255
    assert len(fitting("/".join(["x" * 200] * 20)).encode()) <= 1000
