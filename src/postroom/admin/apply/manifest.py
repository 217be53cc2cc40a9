"""What is set up here as one file, in TOML: domains, people, aliases, relays, rules, shares.

``read`` checks a file and makes items of it, ``written`` makes the file. A member that is left
out of a file stays as it is; ``written`` leaves out nothing but what has no value. TOML 1.0.
"""

import io
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from postroom.admin.apply.items import AccountItem, DomainItem, Manifest, RelayItem
from postroom.admin.apply.slips import in_words
from postroom.config.toml import string
from postroom.errors import Invalid

MAX_FAULTS: Final = 20  # that are told
_HEADER: Final = re.compile(r"\s*\[\[\s*(\w+)\s*\]\]")
_LINE: Final = re.compile(r"line (\d+)")
_TOKEN: Final = re.compile(r"""#.*|\"{3}|'{3}|"(?:\\.|[^"\\])*"|'[^']*'|[^"'#]+|.""", re.DOTALL)
_ENDS: Final = {
    '"""': re.compile(r'(?:\\.|[^"\\]|"{1,2}(?!"))*"{3,5}', re.DOTALL),
    "'''": re.compile(r"(?:[^']|'{1,2}(?!'))*'{3,5}", re.DOTALL),
}
_ENDLESS: Final = 1 << 62
_WIDE: Final = 96  # a list that would be longer stands in several lines


class Places:
    """Where the items of a file stand. Without a text, their number is all that is known."""

    def __init__(self, text: str = "", source: str = "") -> None:
        self._source = source
        self._lines: dict[str, list[int]] = {}
        self._kept: Mapping[str, Sequence[int]] = {}
        for number, piece in pieces(text):
            if found := _HEADER.match(piece):
                self._lines.setdefault(found[1], []).append(number)

    def of(self, kind: str, index: int) -> str:
        """``hosts.toml, line 7``, or ``account[2]``."""
        if kind in self._kept:
            index = self._kept[kind][index]
        lines = self._lines.get(kind, ())
        return f"{self._source}, line {lines[index]}" if index < len(lines) else f"{kind}[{index}]"

    def narrowed(self, kept: Mapping[str, Sequence[int]]) -> "Places":
        """Those of only these items, which are counted anew."""
        found = Places()
        found._source, found._lines, found._kept = self._source, self._lines, kept
        return found


class Faulty(Invalid):
    """What is wrong with a file: one of ``faults`` is a sentence with its place."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Of very many the first are told."""
        more = len(faults) - MAX_FAULTS
        self.faults = (*faults[:MAX_FAULTS], *([f"and {more} more"] if more > 0 else []))
        super().__init__("; ".join(self.faults))


def decoded(octets: bytes, source: str) -> str:
    """The text of a file, which TOML wants in UTF-8. Raises Invalid."""
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise Invalid(f"{source}, line {line}: the file is not UTF-8; save it as that") from None


def read(text: str, source: str = "the file") -> Manifest:
    """The items of a file. Raises Invalid with every slip and its place."""
    found: dict[str, list[object]] = {}
    slips: list[str] = []
    for line, piece in pieces(text):
        try:
            parsed = tomllib.loads(piece)
        except tomllib.TOMLDecodeError as error:
            raise Invalid(f"{source} is no TOML: {_moved(str(error), line - 1)}") from None
        for kind, items in parsed.items():
            before = found.setdefault(kind, [])
            is_list = kind in Manifest.__struct_fields__ and isinstance(items, list)
            for item in items if is_list else [None]:
                try:
                    one = msgspec.convert({kind: [item] if is_list else items}, Manifest)
                except msgspec.ValidationError as error:
                    why, at, place = str(error).partition(" - at `$.")
                    place = place.replace(f"{kind}[0]", f"{kind}[{len(before)}]", 1)
                    told = f"{f'`{place}: ' if at else ''}{in_words(why)}"
                    slips.append(f"{source}{f', line {line}' if is_list else ''}: {told}")
                    before.append(None)
                else:
                    before += getattr(one, kind)
    if slips:
        raise Faulty(slips)
    return msgspec.structs.replace(
        Manifest(), **{kind: tuple(some) for kind, some in found.items()}
    )


def _moved(told: str, lines: int) -> str:
    return _LINE.sub(lambda match: f"line {int(match[1]) + lines}", told)


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """The file cut at the headers of its tables, each piece after the number of its first line."""
    lines: list[str] = []
    start, quote = 1, ""
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        if not quote and lines and _HEADER.match(line):
            yield start, "".join(lines)
            lines, start = [], number
        if '"""' in line or "'''" in line:
            quote = _open_after(line, quote)
        lines.append(line)
    if lines:
        yield start, "".join(lines)


def _open_after(line: str, quote: str) -> str:
    """The quotes of the string that goes on in the next line; "" when none does."""
    place = 0
    while place < len(line):
        if quote:
            end = _ENDS[quote].match(line, place)
            if end is None:
                return quote
            place, quote = end.end(), ""
        else:
            token = _TOKEN.match(line, place)
            if token is None or token[0].startswith("#"):
                return ""
            place = token.end()
            quote = token[0] if token[0] in _ENDS else ""
    return quote


def written(manifest: Manifest) -> Iterator[str]:
    """The file, a table at a time."""
    for kind in manifest.__struct_fields__:
        for item in getattr(manifest, kind) or ():
            yield table(kind, item)


def table(kind: str, item: msgspec.Struct) -> str:
    """One table of the file, after an empty line."""
    return "\n" + _table(kind, item)


def in_line(value: object) -> str:
    """A value as it stands in a file, in one line."""
    return _value(value, -_ENDLESS)


def _table(path: str, item: msgspec.Struct) -> str:
    """A table of an array, and the arrays of tables in it."""
    lines, inner = [f"[[{path}]]"], []
    for name, value in msgspec.structs.asdict(item).items():
        if value is None:
            continue
        if isinstance(value, str) and "\n" in value:
            lines.append(f"{name} = {_long(value)}")
        elif isinstance(value, tuple) and value and name in _TABLES.get(type(item), ()):
            inner += [_table(f"{path}.{name}", one) for one in value]
        else:
            lines.append(f"{name} = {_value(value, len(name) + 3)}")
    return "\n".join([*lines, ""]) + "".join(inner)


_TABLES: Final[Mapping[type, Sequence[str]]] = {
    DomainItem: ("dkim_key",),
    AccountItem: ("retention", "rule", "mask", "script", "fetch"),
    RelayItem: ("use",),
}


def _long(text: str) -> str:
    """A string of several lines, which stands in several lines."""
    return '"""\n' + "\n".join(string(line)[1:-1] for line in text.split("\n")) + '"""'


def _value(value: object, used: int = 0) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case tuple() | list():
            parts = [_value(one) for one in value]
            line = f"[{', '.join(parts)}]"
            if used + len(line) <= _WIDE:
                return line
            return "[\n" + "".join(f"  {part},\n" for part in parts) + "]"
        case msgspec.Struct():
            pairs = msgspec.structs.asdict(value).items()
            return "{ " + ", ".join(f"{n} = {_value(v)}" for n, v in pairs if v is not None) + " }"
        case _:
            return string(str(value))
