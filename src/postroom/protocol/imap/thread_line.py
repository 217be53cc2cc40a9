"""The THREAD response (RFC 5256 §4, §5)."""

from collections.abc import Iterable

from postroom.message.threads import Forest


def thread_line(forest: Forest, numbers: Iterable[int]) -> bytes:
    """``* THREAD (2)(3 6 (4 23)(44 7 96))``; ``numbers`` are those of the messages."""
    if not forest.roots:
        return b"* THREAD\r\n"
    texts = list(map(str, numbers))
    words = ["* THREAD "]
    for root in forest.roots:
        words.append("(")
        _write(words, texts, forest.children, root)
        words.append(")")
    words.append("\r\n")
    return "".join(words).encode("ascii")


def _write(words: list[str], texts: list[str], children: dict[int, list[int]], root: int) -> None:
    """What stands between the brackets of a thread; a dummy has no number."""
    waiting: list[int | str] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            words.append(node)
            continue
        is_message = node < len(texts)
        if is_message:
            words.append(texts[node])
        below = children.get(node)
        while below and len(below) == 1:
            node = below[0]
            words += (" ", texts[node])
            below = children.get(node)
            is_message = True
        if below:
            if is_message:
                words.append(" ")
            for child in reversed(below):
                waiting += (")", child, "(")
