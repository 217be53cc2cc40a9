"""REFERENCES as RFC 5256 §3 tells it, step by step: slow, recursive, and easy to compare."""

from collections.abc import Iterator
from itertools import pairwise

from postroom.message.threads import Letters


class Node:
    """A message (its number), or a dummy."""

    def __init__(self, ident: object, number: int | None = None) -> None:
        self.ident = ident
        self.number = number
        self.parent: Node | None = None
        self.children: list[Node] = []

    def below(self) -> Iterator["Node"]:
        for child in self.children:
            yield child
            yield from child.below()


class Book:
    def __init__(self, letters: Letters) -> None:
        self.letters = letters
        self.nodes: list[Node] = []
        for number, ident in enumerate(letters.ids):
            taken = any(node.ident == ident for node in self.nodes)
            self.nodes.append(Node(("unique", number) if taken or not ident else ident, number))

    def find(self, ident: object) -> Node:
        for node in self.nodes:
            if node.ident == ident:
                return node
        self.nodes.append(Node(ident))
        return self.nodes[-1]

    @staticmethod
    def link(parent: Node, child: Node) -> None:
        if child is not parent and parent not in list(child.below()):
            child.parent = parent
            parent.children.append(child)

    def step_1(self) -> None:
        for message in self.nodes[: len(self.letters.ids)]:
            assert message.number is not None
            chain = [self.find(ident) for ident in self.letters.ancestors[message.number]]
            for parent, child in pairwise(chain):
                if child.parent is None:
                    self.link(parent, child)
            if message.parent is not None:
                message.parent.children.remove(message)
                message.parent = None
            if chain:
                self.link(chain[-1], message)

    def steps_2_and_3(self) -> None:
        self.root = Node("root")
        self.root.children = [node for node in self.nodes if node.parent is None]
        self.prune(self.root)

    def prune(self, node: Node) -> None:
        kept: list[Node] = []
        for child in node.children:
            self.prune(child)
            stays = node is self.root and len(child.children) > 1
            if child.number is not None or stays:
                kept.append(child)
            else:
                kept += child.children
        node.children = kept

    def moment(self, node: Node) -> tuple[int, int]:
        if node.number is None:
            return min(self.moment(child) for child in node.children)
        return self.letters.sent[node.number], node.number

    def sort(self, node: Node) -> None:
        for child in node.children:
            self.sort(child)
        node.children.sort(key=self.moment)

    def subject(self, node: Node) -> object:
        head = min(node.children, key=self.moment) if node.number is None else node
        assert head.number is not None
        return self.letters.subjects[head.number]

    def answers(self, node: Node) -> bool:
        return node.number is not None and self.letters.replies[node.number]

    def step_5(self) -> None:
        self.root.children.sort(key=self.moment)  # step 4
        table: dict[object, Node] = {}
        for node in self.root.children:
            subject = self.subject(node)
            if not subject:
                continue
            held = table.setdefault(subject, node)
            is_better = self.answers(held) and not self.answers(node)
            if held.number is not None and (node.number is None or is_better):
                table[subject] = node
        for node in list(self.root.children):
            subject = self.subject(node)
            if not subject or table[subject] is node:
                continue
            held = table[subject]
            self.root.children.remove(node)
            if node.number is None and held.number is None:
                held.children += node.children
            elif held.number is None or (self.answers(node) and not self.answers(held)):
                held.children.append(node)
            else:
                dummy = Node("made")
                dummy.children = [node, held]
                self.root.children.remove(held)
                self.root.children.append(dummy)
                table[subject] = dummy

    def told(self, node: Node) -> str:
        words = "" if node.number is None else str(node.number + 1)
        if len(node.children) == 1:
            return f"{words} {self.told(node.children[0])}"
        nested = "".join(f"({self.told(child)})" for child in node.children)
        return f"{words} {nested}".strip()


def references(letters: Letters) -> bytes:
    """The THREAD response."""
    book = Book(letters)
    book.step_1()
    book.steps_2_and_3()
    book.step_5()
    book.sort(book.root)  # step 6
    threads = "".join(f"({book.told(node)})" for node in book.root.children)
    return f"* THREAD {threads}\r\n".encode() if threads else b"* THREAD\r\n"


def refs(letters: Letters) -> bytes:
    """The same without subjects, sorted by the latest arrival in each thread."""
    book = Book(letters)
    book.step_1()
    book.steps_2_and_3()
    book.sort(book.root)

    def latest(node: Node) -> tuple[int, int]:
        numbers = [one.number for one in (node, *node.below()) if one.number is not None]
        return max(letters.received[number] for number in numbers), book.moment(node)[1]

    book.root.children.sort(key=latest)
    threads = "".join(f"({book.told(node)})" for node in book.root.children)
    return f"* THREAD {threads}\r\n".encode() if threads else b"* THREAD\r\n"


def ordered_subject(letters: Letters) -> bytes:
    """Sorted by subject and date, cut where the subject changes, sorted by date."""
    count = range(len(letters.ids))
    order = sorted(count, key=lambda one: (str(letters.subjects[one]), letters.sent[one], one))
    threads: list[list[int]] = []
    for number in order:
        if threads and letters.subjects[threads[-1][0]] == letters.subjects[number]:
            threads[-1].append(number)
        else:
            threads.append([number])
    threads.sort(key=lambda thread: (letters.sent[thread[0]], thread[0]))
    words = ""
    for first, *rest in threads:
        below = "".join(f"({number + 1})" for number in rest)
        words += (
            f"({first + 1} {rest[0] + 1})"
            if len(rest) == 1
            else (f"({first + 1} {below})" if rest else f"({first + 1})")
        )
    return f"* THREAD {words}\r\n".encode() if words else b"* THREAD\r\n"
