"""Tokens to a tree; the first thing that is no Sieve ends the reading.

RFC 5228 §8.2. Nesting is bounded, so the recursion is.
"""

from postroom.sieve.lexer import Token, tokens
from postroom.sieve.limits import MAX_NESTING
from postroom.sieve.problems import fail
from postroom.sieve.tree import Argument, Node, Number, Strings, Tag


def parse(octets: bytes) -> tuple[Node, ...]:
    """The commands of a script; raises ScriptError."""
    parser = _Parser(octets)
    commands = parser.commands(0)
    token = parser.token
    if token.kind != "end":
        raise fail(token.place, "this } closes nothing")
    return commands


class _Parser:
    def __init__(self, octets: bytes) -> None:
        self._tokens = tokens(octets)
        self.token = next(self._tokens)

    def commands(self, depth: int) -> tuple[Node, ...]:
        """Up to a closing brace or the end."""
        found = []
        while not (self.token.kind == "end" or self._is("}")):
            found.append(self._command(depth))
        return tuple(found)

    def _command(self, depth: int) -> Node:
        name = self._take()
        if name.kind != "identifier":
            raise fail(name.place, f"a command is expected here, not {_shown(name)}")
        arguments = self._arguments()
        tests, has_list = self._tests(depth)
        block = None
        end = self._take()
        if end.kind == "mark" and end.text == "{":
            if depth >= MAX_NESTING:
                raise fail(end.place, f"blocks are nested more than {MAX_NESTING} deep")
            block = self.commands(depth + 1)
            close = self._take()
            if close.text != "}":
                raise fail(end.place, f"the block of {name.text} is never closed with }}")
        elif not (end.kind == "mark" and end.text == ";"):
            raise fail(
                end.place, f"{name.text} must end with ; or a block before {_shown(end)} can stand"
            )
        return Node(name.text, name.place, arguments, tests, has_list, block)

    def _test(self, depth: int) -> Node:
        name = self._take()
        if name.kind != "identifier":
            raise fail(name.place, f"a test is expected here, not {_shown(name)}")
        if depth > MAX_NESTING:
            raise fail(name.place, f"tests are nested more than {MAX_NESTING} deep")
        arguments = self._arguments()
        tests, has_list = self._tests(depth)
        return Node(name.text, name.place, arguments, tests, has_list)

    def _tests(self, depth: int) -> tuple[tuple[Node, ...], bool]:
        if self.token.kind == "identifier":
            return (self._test(depth + 1),), False
        if not self._is("("):
            return (), False
        self._take()
        tests = [self._test(depth + 1)]
        while self._is(","):
            self._take()
            tests.append(self._test(depth + 1))
        self._close(")", "the list of tests")
        return tuple(tests), True

    def _arguments(self) -> tuple[Argument, ...]:
        found: list[Argument] = []
        while True:
            token = self.token
            if token.kind == "tag":
                found.append(Tag(token.text, token.place))
            elif token.kind == "number":
                found.append(Number(token.number, token.place))
            elif token.kind == "string":
                found.append(Strings((token.text,), (token.place,), False, token.place))
            elif self._is("["):
                found.append(self._string_list())
                continue
            else:
                return tuple(found)
            self._take()

    def _string_list(self) -> Strings:
        opening = self._take()
        strings: list[Token] = []
        while not self._is("]") or not strings:
            if strings:
                if not self._is(","):
                    break
                self._take()
            token = self._take()
            if token.kind != "string":
                raise fail(token.place, f"a string is expected in the list, not {_shown(token)}")
            strings.append(token)
        self._close("]", "the list of strings")
        return Strings(
            tuple([token.text for token in strings]),
            tuple([token.place for token in strings]),
            True,
            opening.place,
        )

    def _close(self, mark: str, what: str) -> None:
        token = self._take()
        if not (token.kind == "mark" and token.text == mark):
            raise fail(token.place, f"{what} needs , or {mark} here, not {_shown(token)}")

    def _is(self, mark: str) -> bool:
        return self.token.kind == "mark" and self.token.text == mark

    def _take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.token = next(self._tokens)
        return token


def _shown(token: Token) -> str:
    if token.kind == "end":
        return "the end of the script"
    if token.kind == "string":
        return "a string"
    return ":" + token.text if token.kind == "tag" else token.text
