"""What a notice says that has come back: whether delivery has failed for good.

A notice that some server sends in its own words is nothing to go by, as an absence note looks the
same; only one with a delivery status counts (RFC 3464 §2.3.3).
"""

import re
from typing import Final

LOOKED_AT: Final = 256 * 1024
"""Octets of a notice within which the status stands."""

_ACTION: Final = re.compile(rb"^action[ \t]*:[ \t]*([a-z]+)", re.IGNORECASE | re.MULTILINE)


def has_failed(head: bytes, body: bytes) -> bool:
    """Whether the message is a delivery status notification that says "failed"."""
    if b"delivery-status" not in head.lower() and b"delivery-status" not in body.lower():
        return False
    return any(one.lower() == b"failed" for one in _ACTION.findall(body[:LOOKED_AT]))
