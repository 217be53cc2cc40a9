"""Threads: who answers whom, by the rules of THREAD.

Messages are numbered 0 .. n - 1 in the order of the mailbox and come as columns; what
identifies them (Message-ID, base subject) may be anything that can be looked up. A node
from n on is a dummy: an ancestor that is not among the messages.

Nothing recurses and nothing is quadratic: the sentences "A is no descendant of B" cost a
bounded number of steps a message together. Whoever makes a mailbox in which that is not
enough gets some messages in threads of their own.

RFC 5256 §3 (ORDEREDSUBJECT, REFERENCES), draft-ietf-morg-inthread §4 (REFS).
"""

from collections.abc import Hashable, Sequence
from typing import Final

import msgspec

FREE_STEPS: Final = 1_000_000  # upwards, for loops, in any mailbox
STEPS: Final = 20  # more of them, a message or reference


class Letters(msgspec.Struct, frozen=True):
    """Columns of messages.

    ``ids``: Message-IDs, 0 for none. ``ancestors``: what they refer to, the parent last.
    ``sent`` and ``received`` are moments; ``subjects`` are base subjects, those that
    compare equal the same, "" for an empty one; ``replies``: a reply or forward.
    """

    ids: Sequence[int]
    ancestors: Sequence[Sequence[int]]
    sent: Sequence[int]
    received: Sequence[int]
    subjects: Sequence[Hashable]
    replies: Sequence[bool]


class Forest(msgspec.Struct, frozen=True):
    """Trees in their order: ``children`` of a node, if there are any; dummies at roots only."""

    roots: list[int]
    children: dict[int, list[int]]


def ordered_subject(letters: Letters) -> Forest:
    """ORDEREDSUBJECT: the first with a subject, the others as its children."""
    first: dict[Hashable, int] = {}
    roots: list[int] = []
    children: dict[int, list[int]] = {}
    for number in _by_date(letters):
        root = first.setdefault(letters.subjects[number], number)
        if root == number:
            roots.append(number)
        else:
            children.setdefault(root, []).append(number)
    return Forest(roots, children)


def references(letters: Letters) -> Forest:
    """REFERENCES: by ancestry, then by subject."""
    return _gathered(letters, _pruned(letters))


def refs(letters: Letters) -> Forest:
    """REFS: by ancestry alone, the thread with the latest arrival last."""
    forest = _pruned(letters)
    latest: dict[int, tuple[int, int]] = {}
    for root in forest.roots:
        moments: list[int] = []
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node < len(letters.ids):
                moments.append(letters.received[node])
            waiting += forest.children.get(node, ())
        latest[root] = (max(moments), _head(letters, forest.children, root))
    forest.roots.sort(key=latest.__getitem__)
    return forest


def _by_date(letters: Letters) -> list[int]:
    """All messages by sent date, those of one moment in the order of the mailbox."""
    return sorted(range(len(letters.sent)), key=letters.sent.__getitem__)


def _head(letters: Letters, children: dict[int, list[int]], node: int) -> int:
    """The message itself, or the first child of a dummy."""
    return node if node < len(letters.ids) else children[node][0]


class _Links:
    """Who is the parent of whom, without loops."""

    def __init__(self, count: int, references: int) -> None:
        self.parents = [-1] * count
        self._fertile = bytearray(count)  # 1: was a parent once
        self._steps = FREE_STEPS + STEPS * (count + references)

    def dummy(self) -> int:
        """A new node that no message stands for; its number."""
        self.parents.append(-1)
        self._fertile.append(0)
        return len(self.parents) - 1

    def link(self, node: int, above: int) -> None:
        """Make ``above`` the parent of a node that has none, unless that makes a loop."""
        if node != above and (not self._fertile[node] or self._is_free(node, above)):
            self.parents[node] = above
            self._fertile[above] = 1

    def _is_free(self, node: int, above: int) -> bool:
        """Whether ``above`` is surely no descendant of ``node``."""
        parents, steps = self.parents, self._steps
        while above >= 0 and above != node and steps > 0:
            above = parents[above]
            steps -= 1
        self._steps = steps
        return above < 0


def _linked(letters: Letters) -> list[int]:
    """Step 1: the parent of each node, -1 for none."""
    nodes: dict[int, int] = {}
    for number, ident in enumerate(letters.ids):
        if ident:
            nodes.setdefault(ident, number)
    links = _Links(len(letters.ids), sum(map(len, letters.ancestors)))
    parents = links.parents
    for number, ancestors in enumerate(letters.ancestors):
        above = -1
        for ident in ancestors:
            node = nodes.get(ident, -1)
            if node < 0:
                node = nodes[ident] = links.dummy()
            if above >= 0 and parents[node] < 0:
                links.link(node, above)
            above = node
        if parents[number] != above:
            parents[number] = -1
            if above >= 0:
                links.link(number, above)
    return parents


def _pruned(letters: Letters) -> Forest:
    """Steps 1 to 4: linked, without dummies that are not needed, siblings by sent date."""
    count = len(letters.ids)
    parents = _linked(letters)
    stands_for: dict[int, int] = {}  # by dummy: the message above it, or the topmost dummy
    families: dict[int, int] = {}  # by topmost dummy: how many children it gets
    for number in range(count):
        parent = parents[number]
        if parent >= count:
            parent = parents[number] = _above(parents, count, parent, stands_for)
            if parent >= count:
                families[parent] = families.get(parent, 0) + 1
    roots: list[int] = []
    children: dict[int, list[int]] = {}
    for number in _by_date(letters):
        parent = parents[number]
        if parent < 0 or families.get(parent) == 1:
            roots.append(number)
        elif parent in children:
            children[parent].append(number)
        else:
            children[parent] = [number]
            if parent >= count:
                roots.append(parent)
    return Forest(roots, children)


def _above(parents: list[int], count: int, dummy: int, known: dict[int, int]) -> int:
    """The first message above a dummy, else the topmost dummy."""
    path: list[int] = []
    node = dummy
    while node >= count and node not in known:
        path.append(node)
        if parents[node] < 0:
            break
        node = parents[node]
    found = known.get(node, node)
    known.update(dict.fromkeys(path, found))
    return found


def _gathered(letters: Letters, forest: Forest) -> Forest:
    """Steps 5 and 6: threads of one subject together."""
    count = len(letters.ids)
    roots, children = forest.roots, forest.children
    subjects = {root: letters.subjects[_head(letters, children, root)] for root in roots}
    table = _subject_table(letters, subjects)
    free = max(count, *roots, 0) + 1  # the next dummy
    gone: set[int] = set()
    grown: set[int] = set()
    for root, subject in subjects.items():
        held = table.get(subject, root)
        if held == root:
            continue
        gone.add(root)
        if held < count and not _answers(letters, root, held):
            gone.add(held)
            children[free] = [held]
            held = table[subject] = free
            roots.append(held)
            free += 1
        children.setdefault(held, []).extend(children.pop(root) if root >= count else [root])
        grown.add(held)
    if not grown:
        return forest

    def moment(node: int) -> tuple[int, int]:
        head = _head(letters, children, node)
        return letters.sent[head], head

    for node in grown:
        children[node].sort(key=moment)
    return Forest(sorted([root for root in roots if root not in gone], key=moment), children)


def _subject_table(letters: Letters, subjects: dict[int, Hashable]) -> dict[Hashable, int]:
    """Step 5.B: by subject, the thread that the others of it come to."""
    count = len(letters.ids)
    table: dict[Hashable, int] = {}
    for root, subject in subjects.items():
        held = table.setdefault(subject, root)
        if held < count and (root >= count or _answers(letters, held, root)):
            table[subject] = root
    table.pop("", None)
    return table


def _answers(letters: Letters, one: int, other: int) -> bool:
    """Whether the one is a reply or forward and the other is not."""
    return letters.replies[one] and not letters.replies[other]
