r"""Matching: which Emails of an outline fulfil a filter, as sets of their ids.

Each test is answered for all Emails at once. What needs a look at messages (texts, attachments) is
answered as far as the search index knows it: ``sure`` are those that match, ``possible`` those that
may. RFC 8621 §4.4.1.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from postroom.store import flags as flag_words
from postroom.web.jmap.box import Box
from postroom.web.jmap.condition import Condition, Fact, Test, Tree
from postroom.web.jmap.filters import Operator
from postroom.web.jmap.mailbox import number_of
from postroom.web.jmap.outline import KEYWORDS, Outline


class Found(NamedTuple):
    """Emails that match, and those that may (the others among them)."""

    sure: frozenset[int]
    possible: frozenset[int]


Known = Mapping[Test, Found]
"""What is known of tests that the outline does not answer."""


class Matcher:
    """Answers filters from one outline."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._answers: dict[Fact, frozenset[int]] = {}
        self._everything: frozenset[int] | None = None

    @property
    def everything(self) -> frozenset[int]:
        """Every Email."""
        if self._everything is None:
            self._everything = self._in(self._outline.boxes.values())
        return self._everything

    def found(self, tree: Tree | None, known: Known) -> Found:
        """What matches; a test that is not ``known`` may match or not."""
        if tree is None:
            return Found(self.everything, self.everything)
        if not isinstance(tree, Operator):
            return self._of_condition(tree, known)
        parts = [self.found(part, known) for part in tree.parts]
        if tree.operator == "AND":
            return _both(parts, self.everything) if parts else self._all()
        sure = frozenset[int]().union(*(part.sure for part in parts))
        possible = frozenset[int]().union(*(part.possible for part in parts))
        if tree.operator == "OR":
            return Found(sure, possible)
        return Found(self.everything - possible, self.everything - sure)

    def _all(self) -> Found:
        return Found(self.everything, self.everything)

    def _of_condition(self, condition: Condition, known: Known) -> Found:
        """All tests of it; those that leave few come first, so that the others are quick."""
        sure: frozenset[int] | None = None
        possible: frozenset[int] | None = None
        for test in sorted(condition, key=lambda one: not isinstance(one, Fact)):
            if isinstance(test, Fact):
                answer = self.answer(test)
                found = Found(answer, answer)
            elif test in known:
                found = known[test]
            else:
                found = Found(frozenset(), self.everything if possible is None else possible)
            sure = found.sure if sure is None else sure & found.sure
            possible = found.possible if possible is None else possible & found.possible
        return self._all() if sure is None or possible is None else Found(sure, possible)

    def answer(self, fact: Fact) -> frozenset[int]:
        """The Emails of which it is true."""
        if fact not in self._answers:
            self._answers[fact] = _ANSWERS[fact.name](self, fact.value)
        return self._answers[fact]

    def _in(self, boxes: Iterable[Box]) -> frozenset[int]:
        found: set[int] = set()
        for box in boxes:
            found.update(box.ids if not box.hidden else [box.ids[at] for at in box.shown()])
        return frozenset(found)

    def in_mailbox(self, ident: str) -> frozenset[int]:
        """Those in a mailbox."""
        box = self._outline.boxes.get(number_of(ident))
        return frozenset() if box is None else self._in([box])

    def in_others(self, idents: frozenset[str]) -> frozenset[int]:
        """Those that are in a mailbox besides these."""
        left_out = set(map(number_of, idents))
        boxes = self._outline.boxes
        return self._in(boxes[number] for number in boxes if number not in left_out)

    def _where(self, column: str, is_good: Callable[[int], bool]) -> frozenset[int]:
        found: set[int] = set()
        for box in self._outline.boxes.values():
            rows = zip(box.ids, getattr(box, column), box.flags, strict=True)
            deleted = flag_words.DELETED
            found.update(
                [ident for ident, value, bits in rows if not bits & deleted and is_good(value)]
            )
        return frozenset(found)

    def before(self, moment: int) -> frozenset[int]:
        """Received before then; a moment counts as the second that is told."""
        return self._where("received", lambda value: value // 1000 * 1000 < moment)

    def after(self, moment: int) -> frozenset[int]:
        """Received then or later."""
        return self._where("received", lambda value: value // 1000 * 1000 >= moment)

    def at_least(self, octets: int) -> frozenset[int]:
        """Of this size or larger."""
        return self._where("sizes", lambda value: value >= octets)

    def smaller(self, octets: int) -> frozenset[int]:
        """Of a smaller size."""
        return self._where("sizes", lambda value: value < octets)

    def with_keyword(self, keyword: str) -> frozenset[int]:
        """Those that have a keyword, which is in lower case."""
        bit = KEYWORDS.get(keyword)
        found: set[int] = set()
        for box in self._outline.boxes.values():
            if bit:
                mask = bit | flag_words.DELETED
                found.update([box.ids[at] for at, of in enumerate(box.flags) if of & mask == bit])
                continue
            texts = {at for at, text in enumerate(box.texts) if keyword in text.lower().split()}
            if texts:
                places = [at for at, text in enumerate(box.words) if text in texts]
                found.update([box.ids[at] for at in places if box.is_shown(at)])
        return frozenset(found)

    def without_keyword(self, keyword: str) -> frozenset[int]:
        """Those that do not."""
        return self.everything - self.with_keyword(keyword)

    def threads(self) -> dict[int, int]:
        """The Thread of every Email."""
        found: dict[int, int] = {}
        for box in self._outline.boxes.values():
            found.update(zip(box.ids, box.threads, strict=True))
        return found

    def some_in_thread(self, keyword: str) -> frozenset[int]:
        """Those whose Thread has one with the keyword."""
        threads = self.threads()
        wanted = {threads[ident] for ident in self.with_keyword(keyword)}
        return frozenset([ident for ident in self.everything if threads[ident] in wanted])

    def none_in_thread(self, keyword: str) -> frozenset[int]:
        """Those whose Thread has none with it."""
        return self.everything - self.some_in_thread(keyword)

    def all_in_thread(self, keyword: str) -> frozenset[int]:
        """Those whose Thread has only such."""
        threads = self.threads()
        unwanted = {threads[ident] for ident in self.without_keyword(keyword)}
        return frozenset([ident for ident in self.everything if threads[ident] not in unwanted])


def _both(parts: list[Found], everything: frozenset[int]) -> Found:
    sure = possible = everything
    for part in parts:
        sure &= part.sure
        possible &= part.possible
    return Found(sure, possible)


_ANSWERS: Final[dict[str, Callable[[Matcher, Any], frozenset[int]]]] = {
    "inMailbox": Matcher.in_mailbox,
    "inMailboxOtherThan": Matcher.in_others,
    "before": Matcher.before,
    "after": Matcher.after,
    "minSize": Matcher.at_least,
    "maxSize": Matcher.smaller,
    "hasKeyword": Matcher.with_keyword,
    "notKeyword": Matcher.without_keyword,
    "someInThreadHaveKeyword": Matcher.some_in_thread,
    "noneInThreadHaveKeyword": Matcher.none_in_thread,
    "allInThreadHaveKeyword": Matcher.all_in_thread,
}
