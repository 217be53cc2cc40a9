"""Who is at the door."""

import pytest

from postroom.intake.peer import Peer


@pytest.mark.parametrize(
    ("door", "is_lmtp", "is_submission"),
    [
        ("smtp", False, False),
        ("lmtp", True, False),
        ("submission", False, True),
        ("submissions", False, True),
    ],
)
def test_doors(door: str, is_lmtp: bool, is_submission: bool) -> None:
    peer = Peer("s", "127.0.0.1", 1, door)
    assert (peer.is_lmtp, peer.is_submission) == (is_lmtp, is_submission)
    assert (peer.trusted, peer.relay, peer.checks) == (False, False, True)
