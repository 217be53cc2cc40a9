"""Mailboxes as objects: what a state remembers of one, and what of it is told."""

import msgspec
import pytest

from postroom.access import rights as letters
from postroom.web.jmap import mailbox
from postroom.web.jmap.box import Counts
from postroom.web.jmap.mailbox import PROPERTIES, Mailbox

ONE = Mailbox(7, "a/b", "b", 3, "sent", 3, Counts(1, 2, 3, 4), letters.ALL, is_subscribed=True)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "c"}, {"parent": 4}, {"role": ""}, {"sort_order": 9}, {"rights": frozenset("lr")},
        {"is_subscribed": False}, {"counts": Counts(1, 2, 3, 5)},
    ],
)  # fmt: skip
def test_every_change_is_seen(change: dict[str, object]) -> None:
    other = msgspec.structs.replace(ONE, **change)
    assert other.seen() != ONE.seen()
    assert (other.seen().digest == ONE.seen().digest) is ("counts" in change)


def test_every_property_is_told() -> None:
    told = ONE.told()
    assert tuple(told) == PROPERTIES
    assert (told["id"], told["parentId"], told["totalThreads"]) == ("F7", "F3", 3)
    assert all(told["myRights"].values())
    inbox = msgspec.structs.replace(ONE, path="INBOX", parent=0).told()
    assert inbox["parentId"] is None
    assert [name for name, value in inbox["myRights"].items() if not value] == [
        "mayRename",
        "mayDelete",
    ]


@pytest.mark.parametrize("ident", ["", "M7", "F0", "Fü", "F7 ", 7, None])
def test_ids_of_others(ident: object) -> None:
    assert mailbox.number_of(ident) == 0
    assert mailbox.number_of("F7") == 7
