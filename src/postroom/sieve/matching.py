r"""Match types and comparators: one text, many keys.

The time is linear in the text for each key; a ``:matches`` key with question marks takes the
product of both lengths at worst, never more. Wildcards match as little as they can
(RFC 5229 §3.2); what they matched is the text as it was, whatever the comparator maps.

RFC 5228 §2.7 (match types, comparators), RFC 4790 §9 (ascii-casemap, octet, numeric), RFC 5051
(unicode-casemap), RFC 5231 (relational); regular expressions are those of RE2.
"""

import functools
import re
from collections.abc import Sequence
from typing import Any, Final

from postroom.message.casemap import casemap
from postroom.sieve.limits import MAX_CAPTURES, MAX_REGEX
from postroom.sieve.problems import RunError
from postroom.sieve.script import Match

RELATIONS: Final = ("gt", "ge", "lt", "le", "eq", "ne")

MAX_KEPT: Final = 500  # characters of a key with wildcards that is remembered taken apart

Captures = tuple[str, ...]

_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_WILD: Final = re.compile(r"\\(.)|([*?])|([^\\*?]++)|\\", re.DOTALL)
_DIGITS: Final = re.compile(r"[0-9]*+")
_ONE: Final = ".[\u0300-\u036f]*+"  # a character, with the marks that casemap has parted from it


def folded(text: str, comparator: str) -> str:
    """The text as the comparator sees it: equal ones are equal strings, and sort so."""
    if comparator == "i;ascii-casemap":
        return text.lower() if text.isascii() else text.translate(_LOWER)
    if comparator == "i;unicode-casemap":
        return casemap(text)
    return text


def number(text: str) -> int | None:
    """i;ascii-numeric: the digits at the beginning; None is more than every number."""
    digits = _DIGITS.match(text)
    found = digits[0].lstrip("0") if digits else ""
    if digits and digits[0] and not found:
        return 0
    if not found:
        return None
    if len(found) > 1000:
        raise RunError("a number of more than 1000 digits cannot be compared")
    return int(found)


class Keys:
    """The keys of one test, ready to be compared with many texts."""

    def __init__(self, match: Match, keys: Sequence[str]) -> None:
        """Raises RunError for a regular expression that is none."""
        self._match = match
        self._kind = match.kind
        self.captures: Captures | None = None
        """What the wildcards of the key that fitted last have matched, the whole first."""
        self.weight = len(keys)
        """What a comparison with a short text costs, in steps."""
        self.price = len(keys) // 4
        """What it cost to make the keys ready."""
        if match.kind == "matches":
            self._globs = [glob(key, match.comparator) for key in keys]
            self.weight += sum([key.count("?") * len(key) for key in keys]) // 16
            self.weight += sum([key.count("*") for key in keys]) // 4
        elif match.kind == "regex":
            self._patterns = [pattern(key, match.comparator) for key in keys]
            self.weight = sum([1 + one.programsize for one in self._patterns])
            self.price += sum(map(len, keys))
        elif match.comparator == "i;ascii-numeric":
            self._numbers = [number(key) for key in keys]
        else:
            self._folded = [folded(key, match.comparator) for key in keys]

    def fit(self, text: str) -> bool:
        """True when one of the keys fits the text."""
        if self._kind == "matches":
            return self._wild(text)
        if self._kind == "regex":
            return self._regular(text)
        relation = self._match.relation or "eq"
        if self._match.comparator == "i;ascii-numeric":
            value = number(text)
            return any(_holds(_compared(value, key), relation) for key in self._numbers)
        mapped = folded(text, self._match.comparator)
        if self._kind == "is":
            return mapped in self._folded
        if self._kind == "contains":
            return any(key in mapped for key in self._folded)
        return any(_holds((mapped > key) - (mapped < key), relation) for key in self._folded)

    def _wild(self, text: str) -> bool:
        mapped = folded(text, self._match.comparator)
        for one in self._globs:
            spans = one.spans(mapped)
            if spans is not None:
                self.captures = (text, *_parts(text, mapped, spans))
                return True
        return False

    def _regular(self, text: str) -> bool:
        for one in self._patterns:
            found = one.search(text)
            if found:
                groups = found.groups()[:MAX_CAPTURES]
                self.captures = (found.group(0), *[group or "" for group in groups])
                return True
        return False


def _compared(left: int | None, right: int | None) -> int:
    if left is None or right is None:
        return (left is None) - (right is None)
    return (left > right) - (left < right)


def _holds(order: int, relation: str) -> bool:
    match relation:
        case "gt":
            return order > 0
        case "ge":
            return order >= 0
        case "lt":
            return order < 0
        case "le":
            return order <= 0
        case "ne":
            return order != 0
        case _:
            return order == 0


# -- regular expressions


@functools.lru_cache(maxsize=64)
def pattern(key: str, comparator: str) -> Any:
    """Raises RunError when it is none, or takes too much memory."""
    import re2  # type: ignore[import-untyped]  # megabytes that few scripts need

    if len(key.encode("utf-8", "replace")) > MAX_REGEX:
        raise RunError(f"the regular expression is longer than {MAX_REGEX} octets")
    options = re2.Options()
    options.max_mem = 1 << 20
    options.log_errors = False
    options.dot_nl = True
    options.case_sensitive = comparator == "i;octet"
    try:
        return re2.compile(key, options)
    except re2.error as error:
        said = error.args[0] if error.args else error
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise RunError(f"the regular expression {key[:60]!r} is not valid: {why[:200]}") from None


# -- wildcards


class _Segment:
    """What stands between two stars: literal texts, and question marks."""

    def __init__(self, pieces: Sequence[str | None], *, has_marks: bool) -> None:
        """A piece None is a question mark; ``has_marks``: one may be of several characters."""
        self.literal = "".join([piece for piece in pieces if piece is not None])
        self.marks = sum([piece is None for piece in pieces])
        self._expression = ""
        if self.marks:
            one = f"({_ONE})" if has_marks else "(.)"
            self._expression = "".join(
                [one if piece is None else re.escape(piece) for piece in pieces]
            )

    def find(self, text: str, at: int, *, is_first: bool, is_last: bool) -> "Spans | None":
        """The first place from ``at`` on (at it, when first; at the end, when last).

        The span of the whole comes first, then those of the question marks.
        """
        if not self.marks:
            return self._literal(text, at, is_first=is_first, is_last=is_last)
        found = (
            _compiled(self._expression, is_last).match(text, at)
            if is_first
            else _compiled(self._expression, is_last).search(text, at)
        )
        if found is None:
            return None
        return [found.span(group) for group in range(self.marks + 1)]

    def _literal(self, text: str, at: int, *, is_first: bool, is_last: bool) -> "Spans | None":
        literal = self.literal
        if is_last and not is_first:
            start = len(text) - len(literal)
            if start < at or not text.endswith(literal):
                return None
        elif is_first:
            start = at
            if not text.startswith(literal, at):
                return None
        else:
            start = text.find(literal, at)
            if start < 0:
                return None
        end = start + len(literal)
        return [(start, end)] if not is_last or end == len(text) else None


Spans = list[tuple[int, int]]


@functools.lru_cache(maxsize=64)
def _compiled(expression: str, is_last: bool) -> re.Pattern[str]:
    return re.compile(expression + (r"\Z" if is_last else ""), re.DOTALL)


class Glob:
    """A key of ``:matches``."""

    def __init__(self, segments: Sequence[_Segment]) -> None:
        self._segments = segments

    def spans(self, text: str) -> Spans | None:
        """Where each wildcard matched, in order; None when the text does not fit."""
        found: Spans = []
        at = 0
        last = len(self._segments) - 1
        for number_, segment in enumerate(self._segments):
            where = segment.find(text, at, is_first=number_ == 0, is_last=number_ == last)
            if where is None:
                return None
            start, end = where[0]
            if number_:
                found.append((at, start))
            found.extend(where[1:])
            at = end
        return found[:MAX_CAPTURES]


def glob(key: str, comparator: str) -> Glob:
    r"""Take a key apart; ``\`` makes the next character stand for itself."""
    return _kept_glob(key, comparator) if len(key) <= MAX_KEPT else _glob(key, comparator)


@functools.lru_cache(maxsize=256)
def _kept_glob(key: str, comparator: str) -> Glob:
    return _glob(key, comparator)


def _glob(key: str, comparator: str) -> Glob:
    segments: list[list[str | None]] = [[]]
    for escaped, wild, plain in _WILD.findall(key):
        if wild == "*":
            segments.append([])
        elif wild:
            segments[-1].append(None)
        else:
            segments[-1].append(folded(plain or escaped or "\\", comparator))
    has_marks = comparator == "i;unicode-casemap"
    return Glob([_Segment(pieces, has_marks=has_marks) for pieces in segments])


def _parts(text: str, mapped: str, spans: Spans) -> list[str]:
    """The spans of the mapped text, as they stand in the text itself."""
    if len(mapped) == len(text):  # nothing becomes shorter, so it is character for character
        return [text[start:end] for start, end in spans]
    origin: list[int] = []
    for index, letter in enumerate(text):
        origin.extend([index] * len(casemap(letter)))
    origin.append(len(text))
    return [text[origin[start] : origin[end]] for start, end in spans]
