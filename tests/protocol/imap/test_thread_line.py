"""The THREAD response."""

from postroom.message.threads import Forest
from postroom.protocol.imap.thread_line import thread_line


def test_the_examples_of_the_rfc() -> None:
    numbers = [2, 3, 6, 4, 23, 44, 7, 96]
    forest = Forest([0, 1], {1: [2], 2: [3, 5], 3: [4], 5: [6], 6: [7]})
    assert thread_line(forest, numbers) == b"* THREAD (2)(3 6 (4 23)(44 7 96))\r\n"
    assert thread_line(Forest([2], {2: [0, 1]}), [3, 5]) == b"* THREAD ((3)(5))\r\n"
    assert thread_line(Forest([], {}), []) == b"* THREAD\r\n"


def test_branches_below_branches() -> None:
    forest = Forest([0], {0: [1, 2], 1: [3, 4], 4: [5], 5: [6, 7]})
    assert thread_line(forest, range(8)) == b"* THREAD (0 (1 (3)(4 5 (6)(7)))(2))\r\n"


def test_branches_a_hundred_thousand_deep() -> None:
    """Each node has a leaf and the next node."""
    depth = 100_000
    children = {node: [node + depth, node + 1] for node in range(depth - 1)}
    line = thread_line(Forest([0], children), range(2 * depth))
    assert line.count(b"(") == line.count(b")") == 2 * (depth - 1) + 1
