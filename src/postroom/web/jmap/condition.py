"""Conditions of Email/query: what a FilterCondition asks, and what Emails are sorted by.

RFC 8621 §4.4.1, §4.4.2. Texts are looked for without case (i;unicode-casemap), each word or
quoted phrase as a part of the text; all of them must be found.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from postroom.access.lookup import MOST_QUESTIONS, Question
from postroom.message.casemap import casemap
from postroom.web.jmap import arguments as read, filters
from postroom.web.jmap.arguments import Comparator
from postroom.web.jmap.errors import MethodError, invalid
from postroom.web.jmap.filters import Operator
from postroom.web.jmap.method import Arguments

SORTS: Final = (
    "receivedAt", "sentAt", "size", "from", "to", "subject", "hasKeyword",
    "allInThreadHaveKeyword", "someInThreadHaveKeyword",
)  # fmt: skip
BY_TEXT: Final = frozenset({"from", "to", "subject"})
BY_KEYWORD: Final = frozenset({"hasKeyword", "allInThreadHaveKeyword", "someInThreadHaveKeyword"})
OF_THREADS: Final = frozenset(
    {"allInThreadHaveKeyword", "someInThreadHaveKeyword", "noneInThreadHaveKeyword"}
)
MAX_TEXT: Final = 1000  # characters that are looked for

_WORDS: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|(\S+)', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")

Where = Literal["text", "from", "to", "cc", "bcc", "subject", "body", "header"]


class Fact(NamedTuple):
    """A property of an Email, or of its Thread, that the outline knows."""

    name: str
    value: Any


class HasAttachment(NamedTuple):
    """``hasAttachment``."""

    value: bool


class Text(NamedTuple):
    """A text that an Email must have; ``words`` as they were written."""

    where: Where
    questions: tuple[Question, ...]
    words: tuple[str, ...]


Test = Fact | HasAttachment | Text
Condition = tuple[Test, ...]
Tree = Operator[Condition] | Condition


class Query(msgspec.Struct, frozen=True):
    """What is asked for, in which order."""

    tree: Tree | None
    sorts: list[Comparator]
    is_collapsed: bool

    def tests(self) -> list[Test]:
        """Every test in the filter."""
        return [test for condition in conditions(self.tree) for test in condition]

    @property
    def is_of_threads(self) -> bool:
        """Whether other Emails of a Thread matter for the place of one."""
        return (
            self.is_collapsed
            or any(isinstance(test, Fact) and test.name in OF_THREADS for test in self.tests())
            or any(sort.property in OF_THREADS for sort in self.sorts)
        )


def query(arguments: Arguments) -> Query:
    """The arguments that say which Emails; raises MethodError."""
    found = Query(
        tree(arguments.get("filter")),
        read.comparators(arguments, SORTS, {"keyword": lambda value: isinstance(value, str)}),
        read.flag(arguments, "collapseThreads"),
    )
    for sort in found.sorts:
        if sort.property in BY_KEYWORD and not sort.more.get("keyword"):
            raise invalid(f"sort: {sort.property} needs a keyword")
        if sort.property in BY_TEXT and sort.collation not in {None, "i;unicode-casemap"}:
            raise MethodError(
                "unsupportedSort", f"{sort.property} is compared by i;unicode-casemap only"
            )
    return found


def tree(value: object) -> Tree | None:
    """A filter; raises MethodError."""
    found = filters.read(value, _condition)
    count = sum(
        len(test.questions)
        for condition in conditions(found)
        for test in condition
        if isinstance(test, Text)
    )
    if count > MOST_QUESTIONS:
        raise MethodError(
            "unsupportedFilter", f"more than {MOST_QUESTIONS} words are looked for: use fewer"
        )
    return found


def conditions(found: Tree | None) -> list[Condition]:
    """All conditions in a filter."""
    waiting = [] if found is None else [found]
    done: list[Condition] = []
    while waiting:
        one = waiting.pop()
        if isinstance(one, Operator):
            waiting += one.parts
        else:
            done.append(one)
    return done


def words(text: str) -> list[str]:
    """The words and quoted phrases of what somebody looks for (§4.4.1)."""
    found = []
    for double, single, plain in _WORDS.findall(text):
        found.append(_ESCAPED.sub(r"\1", double or single) if double or single else plain)
    return [word for word in dict.fromkeys(found) if word.strip()]


def utc_date(value: object) -> int | None:
    """Milliseconds since 1970 of a UTCDate; None when it is none (RFC 8620 §1.4)."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        moment = dt.datetime.fromisoformat(value[:19] + "+00:00")
    except ValueError:
        return None
    milliseconds = int((value[19:-1] + "000")[1:4]) if value[19:-1] else 0
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(
        milliseconds=1
    ) + milliseconds


def _condition(given: dict[str, Any]) -> Condition:
    tests: list[Test] = []
    for name, value in given.items():
        reader = _READERS.get(name)
        if reader is None:
            raise MethodError("unsupportedFilter", f"there is no condition {name!r}")
        test = reader(name, value)
        if test is None:
            raise invalid(f"filter: {name} has a value of another type")
        tests.append(test)
    return tuple(tests)


def _id(name: str, value: Any) -> Fact | None:
    return Fact(name, value) if read.is_id(value) else None


def _ids(name: str, value: Any) -> Fact | None:
    is_good = isinstance(value, list) and all(map(read.is_id, value))
    return Fact(name, frozenset(value)) if is_good and len(value) <= read.MAX_IDS else None


def _moment(name: str, value: Any) -> Fact | None:
    found = utc_date(value)
    return None if found is None else Fact(name, found)


def _octets(name: str, value: Any) -> Fact | None:
    return Fact(name, value) if read.is_integer(value) and value >= 0 else None


def _keyword(name: str, value: Any) -> Fact | None:
    return Fact(name, value.lower()) if isinstance(value, str) and value else None


def _attachment(_name: str, value: Any) -> HasAttachment | None:
    return HasAttachment(value) if isinstance(value, bool) else None


def _text(name: str, value: Any) -> Text | None:
    if not isinstance(value, str):
        return None
    return _text_in(name, words(_bounded(value)))  # type: ignore[arg-type]


def _text_in(where: Where, found: Sequence[str]) -> Text:
    mapped = [casemap(word) for word in found]
    if where in {"text", "body"}:
        place: Literal["head or body", "body"] = "body" if where == "body" else "head or body"
        return Text(where, tuple(Question(place, word) for word in mapped if word), tuple(found))
    in_fields = [word.replace("\t", " ") for word in mapped]
    questions = [Question("field", word, casemap(where)) for word in in_fields if word]
    return Text(where, tuple(questions), tuple(found))


def _header(_name: str, value: Any) -> Text | None:
    is_good = isinstance(value, list) and all(isinstance(one, str) for one in value)
    if not is_good or not 1 <= len(value) <= 2 or not value[0]:
        return None
    wanted = casemap(_bounded(value[1])).replace("\t", " ") if len(value) == 2 else ""
    return Text("header", (Question("field", wanted, casemap(_bounded(value[0]))),), ())


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise MethodError("unsupportedFilter", f"a text has more than {MAX_TEXT} characters")
    return text.encode("utf-8", "replace").decode("utf-8")


_READERS: Final[Mapping[str, Callable[[str, Any], Test | None]]] = {
    "inMailbox": _id,
    "inMailboxOtherThan": _ids,
    "before": _moment,
    "after": _moment,
    "minSize": _octets,
    "maxSize": _octets,
    "allInThreadHaveKeyword": _keyword,
    "someInThreadHaveKeyword": _keyword,
    "noneInThreadHaveKeyword": _keyword,
    "hasKeyword": _keyword,
    "notKeyword": _keyword,
    "hasAttachment": _attachment,
    **dict.fromkeys(("text", "from", "to", "cc", "bcc", "subject", "body"), _text),
    "header": _header,
}
