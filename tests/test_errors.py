"""Errors know their reply, and the tree in the docstring is the tree in the code."""

import re

import pytest

from postroom import errors
from postroom.errors import MailboxFull, MailError, Permanent, Refused, StorageFull, Temporary

KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)
]


def test_the_tree_in_the_docstring_is_true() -> None:
    drawn: dict[int, str] = {}
    parents = {}
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ((?:[│ ]   )*(?:[├└]── )?)(\w+)", line):
            depth = len(match[1]) // 4
            drawn[depth] = match[2]
            parents[match[2]] = drawn.get(depth - 1)
    assert parents.pop("Exception") is None
    assert parents == {kind.__name__: kind.__bases__[0].__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, MailError)])
def test_code_and_status_agree(kind: type[MailError]) -> None:
    error = kind()
    first = "5" if isinstance(error, Permanent) else "4"
    assert str(error.code).startswith(first)
    assert re.fullmatch(rf"{first}\.\d\.\d", error.status)
    assert error.text.isascii()
    assert error.text.isprintable()
    assert str(error) == f"{error.code} {error.status} {error.text}"


def test_a_reply_can_be_made_exact() -> None:
    error = Permanent("No such user", code=550, status="5.1.1", detail="not in the directory")
    assert (error.code, error.status, error.text) == (550, "5.1.1", "No such user")
    assert str(error) == "550 5.1.1 No such user (not in the directory)"
    assert (Permanent.code, Permanent.status) == (554, "5.0.0")


def test_a_full_disk_or_mailbox_may_be_tried_again() -> None:
    assert issubclass(MailboxFull, Temporary)
    assert issubclass(StorageFull, Temporary)
    assert MailboxFull().code == StorageFull().code == 452


def test_what_people_are_refused_has_a_kind_of_its_own() -> None:
    kinds = [kind.kind for kind in KINDS if issubclass(kind, Refused)]
    assert len(set(kinds)) == len(kinds) == 6
    assert (
        str(errors.NotFound("no such domain: x; add it first")) == "no such domain: x; add it first"
    )
