"""How much a script may ask for: each of these ends in a problem that names it.

RFC 5228 §2.10.5 (redirects), RFC 5229 §6 (variables), RFC 6609 §3.1 (depth of inclusion).
"""

from typing import Final

import msgspec

MAX_SCRIPT: Final = 256 * 1024  # octets
MAX_NESTING: Final = 32  # blocks and tests inside each other
MAX_PROBLEMS: Final = 20  # told of one script
MAX_VARIABLES: Final = 256  # names in one script, and as many global ones
MAX_VARIABLE: Final = 8192  # characters of a value, what is longer is cut
MAX_TEXT: Final = 64 * 1024  # characters of a string with its variables filled in
MAX_CAPTURES: Final = 64  # wildcards whose match can be referred to
MAX_REGEX: Final = 2048  # octets
MAX_FLAGS: Final = 100  # in one variable, the rest is left out


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a postmaster may want to set.

    A step is a command, a test, or the comparison of up to 256 characters with one key;
    ``max_steps`` is a second or two of one processor.
    """

    max_steps: int = 400_000
    max_actions: int = 32
    max_redirects: int = 4
    max_notices: int = 4
    max_depth: int = 10
    max_included: int = 50
    min_period: int = 0
    """Seconds between two vacation replies to one sender, at least."""
    max_period: int = 90 * 86_400
    """... and at most; what a script asks for is brought between the two."""
    max_tracked: int = 7 * 86_400
    """Seconds a letter is remembered for ``duplicate``, at most."""
