import pytest

from postroom.message import returned

HEAD = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "body", "has_failed"),
    [
        (HEAD, b"Final-Recipient: rfc822; a@b\r\nAction: failed\r\n", True),
        (HEAD, b"Action: delayed\r\n\r\nFinal-Recipient: rfc822; c@d\r\naction : FAILED\r\n", True),
        (HEAD, b"Action: delayed\r\n", False),
        (HEAD, b"X-Action: failed\r\n", False),
        (b"Subject: I am away\r\n\r\n", b"Action: failed\r\n", False),
        (
            b"Subject: x\r\n\r\n",
            b"Content-Type: message/delivery-status\r\n\r\nAction: failed",
            True,
        ),
        (HEAD, b"x" * returned.LOOKED_AT + b"\r\nAction: failed\r\n", False),
    ],
)
def test_only_a_delivery_status_that_says_failed_counts(
    head: bytes, body: bytes, has_failed: bool
) -> None:
    assert returned.has_failed(head, body) is has_failed
