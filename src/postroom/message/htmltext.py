"""HTML as plain text: what a reader sees, a line for each block.

Not a parser that builds a tree: to build one the way browsers do takes memory that grows
with the square of the input (``<b id=1><b id=2>..`` and then many ``<p>``: a gigabyte from
28 KiB). One pass over the tokens is enough to know where text stands, and nothing that is
written in them can make it slow.

Quoted blocks come out as mail quotes them, with ``> `` before each line. Scripts, style
sheets, titles and comments are left out; attributes are not looked at.
"""

import re
from typing import Final

MAX_MARKUP: Final = 256 * 1024  # characters that are looked at

_TOKEN: Final = re.compile(
    r"<(?:"
    r"!--(?:-?>|.*?--!?>|.*)"
    r"|(?P<raw>script|style|template|title)(?=[\s/>])[^>]*+>(?:.*?</(?P=raw)\b|.*)[^>]*+>?"
    r"|(?P<name>/?[a-z][^\s/>]*+)(?:[^>=]++|=\s*+(?:\"[^\"]*+\"?|'[^']*+'?)?+)*+>?"
    r"|[!?/][^>]*+>?"
    r")",
    re.IGNORECASE | re.DOTALL,
)
_NO_CHARACTER: Final = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
_CONTROLS: Final = dict.fromkeys((*range(9), *range(0x0E, 0x20), *range(0x7F, 0xA0)))

_OPENS, _CLOSES = "\x02", "\x03"  # a quoted block; no such octet is left in the input
_BLOCKS: Final = (
    "address article aside body br center dd div dl dt fieldset figcaption figure footer form h1 h2"
    " h3 h4 h5 h6 head header hr html legend li main nav ol option p pre section table tbody tfoot"
    " thead tr ul"
)
_INSTEAD: Final = {
    **{f"{slash}{name}": "\n" for name in _BLOCKS.split() for slash in ("", "/")},
    **{f"{slash}{name}": " " for name in ("td", "th") for slash in ("", "/")},
    "blockquote": f"\n{_OPENS}",
    "/blockquote": f"\n{_CLOSES}",
}


def html_text(markup: str) -> str:
    """The text of a document (at most ``MAX_MARKUP`` characters of it); no line is empty."""
    text = " ".join(markup[:MAX_MARKUP].translate(_CONTROLS).split())
    text = _TOKEN.sub(_instead, text)
    if "&" in text:
        import html  # a third of a megabyte of names

        text = html.unescape(_NO_CHARACTER.sub("\ufffd", text))
    lines: list[str] = []
    depth = 0
    for line in text.split("\n"):
        depth = max(0, depth + line.count(_OPENS) - line.count(_CLOSES))
        words = " ".join(line.strip(_OPENS + _CLOSES).split())
        if words:
            lines.append(f"> {words}" if depth else words)
    return "\n".join(lines)


def _instead(token: re.Match[str]) -> str:
    name = token["name"]
    return _INSTEAD.get(name.lower(), "") if name else ""
