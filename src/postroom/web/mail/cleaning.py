"""HTML of strangers, written anew with what is harmless in it.

Not a parser that builds a tree: to build one the way browsers do takes memory that grows with the
square of the input (``htmltext``). One pass over the tokens decides of each tag whether it stays,
and with which attributes; what comes out is always nested rightly, and so deep at most that the
browser which is to show it has no such work either.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Set as AbstractSet
from typing import Final

from markupsafe import escape

MAX_DEPTH: Final = 200
MAX_STYLED: Final = 20  # open elements that a browser opens again in each new block

Address = Callable[[str, str, str], str]
"""What may stand in an attribute that leads somewhere: of a tag, its name and value; "" for nothing."""

_TOKEN: Final = re.compile(
    r"<(?:"
    r"!--(?:-?>|.*?--!?>|.*)"
    r"|(?P<raw>script|style|template|title|textarea|iframe|xmp|noembed|noframes)(?=[\s/>])[^>]*+>"
    r"(?P<inside>.*?)(?:</(?P=raw)\b[^>]*+>?|\Z)"
    r"|(?P<name>/?[a-z][^\s/>]*+)(?P<rest>(?:[^>=]++|=\s*+(?:\"[^\"]*+\"?|'[^']*+'?)?+)*+)>?"
    r"|[!?/][^>]*+>?"
    r")",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(
    r"([^\s/>=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"?|'([^']*+)'?|([^\s>]++)))?+"
)
_NO_CHARACTER: Final = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")

_BLOCK_NAMES: Final = (
    "address article aside blockquote center details dir div dl dd dt fieldset figcaption figure"
    " footer h1 h2 h3 h4 h5 h6 header hr li main menu nav ol p pre section summary table ul"
)
_OTHER_NAMES: Final = (
    "abbr acronym bdi bdo cite del dfn ins kbd label legend map mark q rp rt ruby samp span sub sup"
    " time var"
)
_ATTRIBUTE_NAMES: Final = (
    "abbr align alt bgcolor border cellpadding cellspacing class clear color colspan coords dir face"
    " headers height hspace id lang name noshade nowrap open reversed rowspan rules scope shape size"
    " span start style summary title type usemap valign value vspace width"
)

_VOID: Final = frozenset({"area", "br", "col", "hr", "img", "wbr"})
_STYLED: Final = frozenset(
    {
        "a",
        "b",
        "big",
        "code",
        "em",
        "font",
        "i",
        "nobr",
        "s",
        "small",
        "strike",
        "strong",
        "tt",
        "u",
    }
)
_CELLS: Final = frozenset({"td", "th", "caption"})
_OF_TABLES: Final = _CELLS | {"table", "tr", "tbody", "thead", "tfoot", "colgroup"}
_BLOCKS: Final = frozenset(_BLOCK_NAMES.split())
_KEPT: Final = _VOID | _STYLED | _OF_TABLES | _BLOCKS | frozenset(_OTHER_NAMES.split())
_HIDDEN: Final = frozenset({"svg", "math"})
_ATTRIBUTES: Final = frozenset(_ATTRIBUTE_NAMES.split())
_LEADING: Final = frozenset({"href", "src", "background"})
_ENDED_BY: Final[dict[str, AbstractSet[str]]] = {
    "li": {"li"}, "dt": {"dt", "dd"}, "dd": {"dt", "dd"}, "td": _CELLS, "th": _CELLS, "tr": {"tr"},
    "tbody": {"tbody", "thead", "tfoot"}, "thead": {"tbody", "thead", "tfoot"},
    "tfoot": {"tbody", "thead", "tfoot"}, "a": {"a"}, "nobr": {"nobr"},
}  # fmt: skip
_LISTS: Final = frozenset({"ul", "ol", "dl", "menu", "dir"})


def cleaned(text: str, address: Address) -> str:
    """What is left of a document, to stand in the body of another."""
    return "".join(_Writer(text, address).pieces())


class _Writer:
    def __init__(self, text: str, address: Address) -> None:
        self._text = text
        self._address = address
        self._open: list[str] = []
        self._opened = Counter[str]()
        self._styled = 0
        self._hidden = ""
        ends = [found.start() for found in re.finditer("</(?:svg|math)", text, re.IGNORECASE)]
        self._last_end = ends[-1] if ends else 0

    def pieces(self) -> Iterator[str]:
        at = 0
        for token in _TOKEN.finditer(self._text):
            if not self._hidden:
                yield _plain(self._text[at : token.start()])
            at = token.end()
            yield from self._token(token)
        if not self._hidden:
            yield _plain(self._text[at:])
        yield from self._close(0)

    def _token(self, token: re.Match[str]) -> Iterator[str]:
        raw, name = (token["raw"] or "").lower(), (token["name"] or "").lower()
        if self._hidden:
            if name == f"/{self._hidden}":
                self._hidden = ""
        elif raw == "style":
            yield f"<style>{token['inside']}</style>"
        elif raw == "textarea":
            yield _plain(token["inside"])
        elif name in _HIDDEN:
            self._hidden = name if token.start() < self._last_end else ""
        elif name.startswith("/"):
            yield from self._close(self._place(name[1:], {name[1:]}))
        elif name in _KEPT:
            yield from self._start(name, token["rest"])

    def _start(self, name: str, rest: str) -> Iterator[str]:
        if name in _ENDED_BY:
            yield from self._close(self._place(name, _ENDED_BY[name]))
        if name in _BLOCKS:
            yield from self._close(self._place("p", {"p"}))
        if name not in _VOID:
            if len(self._open) >= MAX_DEPTH or (name in _STYLED and self._styled >= MAX_STYLED):
                return
            self._open.append(name)
            self._opened[name] += 1
            self._styled += name in _STYLED
        yield f"<{name}{self._attributes(name, rest)}>"

    def _place(self, name: str, wanted: AbstractSet[str]) -> int:
        """Where in what is open the nearest of these is; the end when there is none."""
        if not any(map(self._opened.__getitem__, wanted)):
            return len(self._open)
        for at in range(len(self._open) - 1, -1, -1):
            one = self._open[at]
            if one in wanted:
                return at
            if one == "table" or (one in _CELLS and name not in _OF_TABLES):
                break
            if one in _LISTS and name in ("li", "dt", "dd"):
                break
        return len(self._open)

    def _close(self, at: int) -> Iterator[str]:
        while len(self._open) > at:
            name = self._open.pop()
            self._opened[name] -= 1
            self._styled -= name in _STYLED
            yield f"</{name}>"

    def _attributes(self, tag: str, rest: str) -> str:
        made: dict[str, str] = {}
        for found in _ATTRIBUTE.finditer(rest):
            name = found[1].lower()
            if name in made or not (name in _ATTRIBUTES or name in _LEADING):
                continue
            value = found[2] or found[3] or found[4] or ""
            if "&" in value:
                value = html.unescape(_NO_CHARACTER.sub("\ufffd", value))
            if name in _LEADING:
                value = self._address(tag, name, value.strip())
                if not value:
                    continue
            made[name] = value
        if tag in ("a", "area") and "href" in made:
            made |= {"target": "_blank", "rel": "noopener noreferrer"}
        return "".join([f' {name}="{escape(value)}"' for name, value in made.items()])


def _plain(text: str) -> str:
    """Text between tags; what it says by entities it goes on saying by them."""
    return text.replace("<", "&lt;").replace(">", "&gt;")
