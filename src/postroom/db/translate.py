"""SQL text of ours (``:name``, ``?``) in the parameter style of psycopg."""

import functools
import re
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    '(?:[^']|'')*'                              # a literal
    | "(?:[^"]|"")*"                            # a quoted name
    | --[^\n]* | /\*.*?\*/                      # a comment
    | (?<![:\w]):(?P<name>[A-Za-z_]\w*)
    | \?
    | %
    """,
    re.VERBOSE | re.DOTALL,
)


@functools.lru_cache(maxsize=2048)
def translate(sql: str) -> bytes:
    """``:name`` becomes ``%(name)s``, ``?`` becomes ``%s``, ``%`` is doubled everywhere."""
    return _TOKEN.sub(_one, sql).encode()


def _one(match: re.Match[str]) -> str:
    text = match[0]
    if match["name"]:
        return f"%({match['name']})s"
    if text == "?":
        return "%s"
    return text.replace("%", "%%")
