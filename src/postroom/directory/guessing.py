"""Passwords that are guessed first: those that everybody takes, and those that a name gives away.

Who guesses tries what was found in many leaks before, with the usual changes (capitals, digits or
signs before and behind, ``@`` for ``a``), and the names of the person and the place. A password
that is long enough and none of these is not judged further: rules on kinds of characters make
people write them down (NIST SP 800-63B §5.1.1.2).
"""

import re
from typing import Final

from postroom.address import Address

LEAST_DIFFERENT: Final = 5  # different characters
SHORTEST_NAME: Final = 3  # characters of a name that is looked for

_COMMON: Final = frozenset(
    """
    access admin administrator adobe alexander amanda andrea angel anthony apple arsenal
    austin azerty banana baseball basketball batman berlin blink buster butterfly changeme
    charlie chelsea chocolate chris computer cookie daniel default demo donald dragon england
    facebook family fish flower football forever freedom george ginger google guest
    hallo hannah hello hockey hunter iloveyou internet jasmine jennifer jessica jesus jordan joshua
    justin killer ladies letmein liverpool login london loveme lovely lover maggie mail mailserver
    manager marina martin master matrix matthew merlin michael michelle monkey mustang nicole nothing
    office orange pass passwd password passwort peanut pepper pokemon postmaster postroom
    princess purple qazwsx qwert qwerty qwertyuiop qwertz ranger root samsung secret service shadow
    silver soccer sommer sophie spring starwars summer sunshine superman support taylor temp test
    testing thomas thunder tigger trustno welcome whatever william willkommen winter yankees zaq
    zaqwsx zxcvbn zxcvbnm
    """.split()  # noqa: SIM905 - a list of words
)
_ROWS: Final = ("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "1234567890", "abcdefghijklmnopqrstuvwxyz")  # fmt: skip
_LOOKS_LIKE: Final = str.maketrans("@4301!$57", "aaeoiisst")
_ENDS: Final = re.compile(r"^[^a-z]+|[^a-z]+$")


def reason(password: str, address: Address, *names: str) -> str:
    """Why a password would be guessed, as the end of a sentence; "" for no reason.

    ``names`` are what else is near: of the person, of the server.
    """
    lower = password.casefold()
    if len(set(lower)) < LEAST_DIFFERENT:
        return f"it has fewer than {LEAST_DIFFERENT} different characters"
    if any(_is_run(lower, row) for row in _ROWS):
        return "it is a row of keys or letters"
    if _words(lower) & _COMMON:
        return "it is one of those that everybody tries first"
    domain = address.domain.unicode
    near = {address.local, domain, *domain.split("."), *" ".join(names).split()}
    for name in sorted(one.casefold() for one in near):
        rest = lower.replace(name, "") if len(name) >= SHORTEST_NAME else lower
        if rest != lower and len(rest) < LEAST_DIFFERENT:
            return f"it is little more than the name {name!r}"
    return ""


def _words(lower: str) -> set[str]:
    """What a password is without its usual changes."""
    plain, changed = _ENDS.sub("", lower), _ENDS.sub("", lower.translate(_LOOKS_LIKE))
    return {lower, plain, changed, plain.translate(_LOOKS_LIKE)}


def _is_run(lower: str, row: str) -> bool:
    """Whether it is part of a row, there or back, again and again."""
    for one in (row, row[::-1]):
        start = one.find(lower[:4])
        if start >= 0 and len(lower) >= 4:
            length = len(one) - start
            piece = one[start : start + min(length, len(lower))]
            if (piece * (len(lower) // len(piece) + 1)).startswith(lower):
                return True
    return False
