"""Errors as tagged responses."""

import pytest

from postroom.blobs.damage import BlobCorrupt
from postroom.errors import (
    AlreadyExists,
    Invalid,
    MailboxFull,
    MailError,
    NotFound,
    Permanent,
    Refused,
    StorageFailed,
    StorageFull,
)
from postroom.listen.imap.refusals import TRYCREATE, answer_to


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x"), b"NONEXISTENT"),
        (AlreadyExists("x"), b"ALREADYEXISTS"),
        (Invalid("x"), b"CANNOT"),
        (Refused("x"), b"CANNOT"),
        (MailboxFull(), b"OVERQUOTA"),
        (StorageFull(), b"UNAVAILABLE"),
        (BlobCorrupt(), b"CORRUPTION"),
        (StorageFailed(), b"UNAVAILABLE"),
        (Permanent(), b"LIMIT"),
    ],
)
def test_codes(error: Refused | MailError, code: bytes) -> None:
    assert answer_to(error)[::2] == ("NO", code)


def test_a_target_that_is_missing_can_be_made() -> None:
    assert answer_to(NotFound("there is none"), missing=TRYCREATE) == (
        "NO",
        "There is none",
        b"TRYCREATE",
    )


def test_the_detail_is_not_for_the_peer() -> None:
    assert "secret" not in answer_to(StorageFailed(detail="secret"))[1]
