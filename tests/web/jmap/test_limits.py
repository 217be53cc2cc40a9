"""The limits are not below what RFC 8620 §2 suggests."""

from postroom.web.jmap import limits


def test_suggested_minima() -> None:
    assert limits.MAX_UPLOADS >= 4
    assert limits.MAX_REQUEST >= 10_000_000
    assert limits.MAX_REQUESTS >= 4
    assert limits.MAX_CALLS >= 16
    assert limits.MAX_GET >= 500
    assert limits.MAX_SET >= 500
