"""SQL text of ours (``:name``, ``?``, ``instr``) in the words of psycopg and PostgreSQL."""

import functools
import re
from typing import Final

_WORDS: Final = {"?": "%s", "instr": "strpos"}
_TOKEN: Final = re.compile(
    r"""
    '(?:[^']|'')*'                              # a literal
    | "(?:[^"]|"")*"                            # a quoted name
    | --[^\n]* | /\*.*?\*/                      # a comment
    | (?<![:\w]):(?P<name>[A-Za-z_]\w*)
    | \binstr(?=\()
    | \?
    | %
    """,
    re.VERBOSE | re.DOTALL,
)


@functools.lru_cache(maxsize=2048)
def translate(sql: str) -> bytes:
    """``:name`` becomes ``%(name)s``, ``?`` ``%s``, ``instr`` ``strpos``; ``%`` is doubled."""
    return _TOKEN.sub(_one, sql).encode()


def _one(match: re.Match[str]) -> str:
    text = match[0]
    if match["name"]:
        return f"%({match['name']})s"
    if text in _WORDS:
        return _WORDS[text]
    return text.replace("%", "%%")
