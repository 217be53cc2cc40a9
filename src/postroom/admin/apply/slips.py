"""What is wrong with a member of a file, in words of who writes it by hand."""

import re
from typing import Final

_TYPES: Final = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `([^`]+)`")
_MISSING: Final = re.compile(r"Object missing required field `([^`]+)`")
_WORDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": 'a text in quotes ("..")',
    "bool": "true or false",
    "array": "a list ([..])",
    "object": "a table",
}


def in_words(told: str) -> str:
    """``told`` is what msgspec says without its place; what it says otherwise stays as it is."""
    told = _TYPES.sub(lambda found: f"{_of(found[1])} is wanted, not {_of(found[2])}", told)
    told = _UNKNOWN.sub(
        r"unknown field `\1`; what there is: docs/apply-example.toml, or postroom export", told
    )
    return _MISSING.sub(r"`\1` is missing", told)


def _of(types: str) -> str:
    names = [one.strip() for one in types.split("|")]
    return " or ".join(_WORDS.get(one, one) for one in names if one != "null" or len(names) == 1)
