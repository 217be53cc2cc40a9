"""Signing keys for tests: made once a run, because an RSA key takes a while."""

import functools

from postroom.directory.dkim_keys import Pair, generate_pair


@functools.cache
def numbered(number: int) -> Pair:
    """The same pair for the same number."""
    return generate_pair()


def quick() -> Pair:
    """A pair that others have, too: for tests that do not look at it."""
    return numbered(0)
