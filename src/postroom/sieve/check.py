"""From the tree to calls: every word known, every argument of its kind.

Problems are collected and the check goes on behind them, so an author sees many at once.
Where a test is sure to be false because ``ihave`` asks for what is not there, its block is not
looked at (RFC 5463 §4). RFC 5228 §2.10.5 (errors are found before anything runs).
"""

import contextlib
from collections.abc import Collection, Sequence
from typing import Final

from postroom.sieve.details import Known, details
from postroom.sieve.limits import MAX_PROBLEMS, MAX_VARIABLES
from postroom.sieve.matching import RELATIONS
from postroom.sieve.problems import Place, Problem, ScriptError
from postroom.sieve.rules import (
    ALWAYS_THERE,
    COMMANDS,
    COMPARATORS,
    EXTENSIONS,
    IMPLIED,
    TESTS,
    Kind,
    Rule,
    TagRule,
)
from postroom.sieve.script import Call, Match, Script, Text, Value
from postroom.sieve.strings import BadString, encoded_characters, template
from postroom.sieve.tree import Argument, Node, Number, Strings, Tag

_ALWAYS: Final = frozenset({"comparator-" + name for name in ALWAYS_THERE})
_CHAIN: Final = ("if", "elsif", "else")
_MATCH_TYPES: Final = ("is", "contains", "matches", "regex", "count", "value")
_ORDERED: Final = ("is", "count", "value")  # what i;ascii-numeric can do


class _Chain:
    """An if with what belongs to it; behind a test that is sure to be true nothing is run."""

    def __init__(self) -> None:
        self.branches: list[tuple[Call | None, tuple[Call, ...]]] = []
        self.is_decided = False


class _Skip(Exception):
    """A problem was told; there is nothing more to say of this command or test."""


def check(nodes: Sequence[Node], extensions: Collection[str] = EXTENSIONS) -> Script:
    """The script, ready to run; raises ScriptError. ``extensions`` are those it may require."""
    checker = _Checker(extensions)
    commands = checker.commands(nodes, is_top=True)
    if checker.problems:
        raise ScriptError(checker.problems[:MAX_PROBLEMS])
    return Script(commands, frozenset(checker.required))


class _Checker:
    def __init__(self, extensions: Collection[str]) -> None:
        self.problems: list[Problem] = []
        self.required: set[str] = set()
        self._allowed = frozenset(extensions)
        self._known = Known(self.required)
        self._loops: list[str] = []

    def _tell(self, place: Place, text: str) -> None:
        self.problems.append(Problem(place.line, place.column, text))

    def _stop(self, place: Place, text: str) -> _Skip:
        self._tell(place, text)
        return _Skip()

    # -- commands

    def commands(self, nodes: Sequence[Node], *, is_top: bool = False) -> tuple[Call, ...]:
        """A block; a chain of if, elsif and else becomes one call."""
        calls: list[Call] = []
        chain: _Chain | None = None
        is_head = is_top
        for node in nodes:
            if len(self.problems) >= MAX_PROBLEMS:
                break
            if node.name == "require":
                if not is_head:
                    self._tell(node.place, "require must stand before all other commands")
                self._require(node)
                continue
            is_head = False
            if node.name == "if":
                chain = _Chain()
                calls.append(Call(name="if", place=node.place))
            elif node.name not in _CHAIN:
                chain = None
            with contextlib.suppress(_Skip):
                if node.name in _CHAIN:
                    chain = self._link(node, chain)
                    calls[-1] = Call(
                        name="if", place=calls[-1].place, branches=tuple(chain.branches)
                    )
                else:
                    calls.append(self._command(node))
            if node.name == "else":
                chain = None
        return tuple(calls)

    def _link(self, node: Node, chain: _Chain | None) -> _Chain:
        if chain is None:
            raise self._stop(node.place, f"{node.name} must follow an if or elsif")
        self._shape(node, COMMANDS[node.name])
        if chain.is_decided:
            return chain
        test, is_sure = None, None
        if node.tests:
            test, is_sure = self._test(node.tests[0])
        block = () if is_sure is False else self.commands(node.block or ())
        chain.branches.append((test, block))
        chain.is_decided = is_sure is True
        return chain

    def _command(self, node: Node) -> Call:
        rule = COMMANDS.get(node.name)
        if rule is None:
            what = "a test, not a command" if node.name in TESTS else "no command that is known"
            raise self._stop(node.place, f"{node.name} is {what}")
        call = self._call(node, rule)
        if node.name == "foreverypart":
            self._loops.append(_name_of(call))
            self._known.loops += 1
            call = Call(
                name=call.name,
                place=call.place,
                tags=call.tags,
                block=self.commands(node.block or ()),
            )
            self._loops.pop()
            self._known.loops -= 1
        elif node.name == "break" and not (
            _name_of(call) in self._loops if "name" in call.tags else self._loops
        ):
            self._tell(node.place, "there is no foreverypart here that this break could end")
        return call

    def _require(self, node: Node) -> None:
        try:
            self._shape(node, COMMANDS["require"])
            arguments = node.arguments
            if len(arguments) != 1 or not isinstance(arguments[0], Strings):
                raise self._stop(node.place, "require needs a string or a list of strings")
        except _Skip:
            return
        for name, place in zip(arguments[0].values, arguments[0].places, strict=True):
            if not self._has(name):
                self._tell(place, f'the extension "{name[:60]}" is not supported')
            self._add(name)

    def _has(self, name: str) -> bool:
        return name in self._allowed or name in _ALWAYS

    def _add(self, name: str) -> None:
        self.required.add(name)
        if name in IMPLIED:
            self.required.add(IMPLIED[name])

    # -- tests

    def _test(self, node: Node) -> tuple[Call, bool | None]:
        """The test, and what it is sure to be, if anything."""
        rule = TESTS.get(node.name)
        if rule is None:
            what = "a command, not a test" if node.name in COMMANDS else "no test that is known"
            raise self._stop(node.place, f"{node.name} is {what}")
        call = self._call(node, rule)
        if node.name == "ihave":
            has_all = self._ihave(call)
            return Call(name="true" if has_all else "false", place=call.place), has_all
        tests, sure = [], []
        for inner in node.tests:
            test, is_sure = self._test(inner)
            tests.append(test)
            sure.append(is_sure)
            if (node.name, is_sure) in {("allof", False), ("anyof", True)}:
                break  # the rest is never run, so it may use what is not there
        if tests:
            call = Call(name=call.name, place=call.place, tests=tuple(tests))
        return call, _certainly(node.name, sure)

    def _ihave(self, call: Call) -> bool:
        names = call.arguments[0]
        wanted = (
            [name for name in names if isinstance(name, str)] if isinstance(names, tuple) else []
        )
        has_all = all(self._has(name) for name in wanted)
        if has_all:
            for name in wanted:
                self._add(name)
        return has_all

    # -- what they have in common

    def _call(self, node: Node, rule: Rule) -> Call:
        self._needs(rule.extension, node.name, node.place)
        self._shape(node, rule)
        tags, rest = self._tags(node, rule)
        arguments = self._arguments(node, rule, rest)
        call = Call(
            name=node.name,
            place=node.place,
            tags={name: value for name, (value, _) in tags.items()},
            arguments=arguments,
            match=self._match({name: place for name, (_, place) in tags.items()}, tags),
        )
        before = 0 if rule.spare_last else arguments.count(None)
        for which, text in details(call, self._known):
            place = node.place
            if isinstance(which, str):
                place = tags[which][1] if which in tags else place
            elif 0 <= which - before < len(rest):
                place = rest[which - before].place
            self._tell(place, f"{node.name}: {text}")
        if len(self._known.variables) > MAX_VARIABLES:
            raise self._stop(node.place, f"there are more than {MAX_VARIABLES} variables")
        return call

    def _needs(self, extension: str, what: str, place: Place) -> None:
        if extension and extension not in self.required:
            if extension not in self._allowed:
                raise self._stop(place, f"{what} is not supported here")
            raise self._stop(place, f'{what} needs: require "{extension}";')

    def _shape(self, node: Node, rule: Rule) -> None:
        """Tests and block, as many as there should be."""
        if rule.has_block and node.block is None:
            raise self._stop(node.place, f"{node.name} needs a block in braces")
        if node.block is not None and not rule.has_block:
            raise self._stop(node.place, f"{node.name} takes no block")
        if rule.tests == "none" and node.tests:
            test = node.tests[0]
            raise self._stop(test.place, f"{test.name} can't stand here: {node.name} takes no test")
        if rule.tests == "many" and not node.has_test_list:
            raise self._stop(node.place, f"{node.name} needs a list of tests in parentheses")
        if rule.tests == "one" and (len(node.tests) != 1 or node.has_test_list):
            raise self._stop(node.place, f"{node.name} needs one test")
        if not rule.arguments and not rule.tags and node.arguments:
            raise self._stop(node.arguments[0].place, f"{node.name} takes no arguments")

    def _tags(
        self, node: Node, rule: Rule
    ) -> tuple[dict[str, tuple[Value, Place]], list[Number | Strings]]:
        known = {tag.name: tag for tag in rule.tags}
        found: dict[str, tuple[Value, Place]] = {}
        groups: dict[str, str] = {}
        waiting = list(reversed(node.arguments))
        while waiting and isinstance(written := waiting[-1], Tag):
            waiting.pop()
            tag = known.get(written.name)
            if tag is None:
                raise self._stop(written.place, f"{node.name} takes no :{written.name}")
            self._needs(tag.extension, f":{tag.name}", written.place)
            other = groups.setdefault(tag.group or tag.name, tag.name)
            if tag.name in found or other != tag.name:
                text = "stands here twice" if other == tag.name else f"can't go with :{other}"
                raise self._stop(written.place, f":{tag.name} {text}")
            found[tag.name] = (self._tag_value(tag, written, waiting), written.place)
        rest: list[Number | Strings] = []
        for argument in reversed(waiting):
            if isinstance(argument, Tag):
                text = f"takes no :{argument.name}"
                if argument.name in known:
                    text = f":{argument.name} must stand before the other arguments"
                raise self._stop(argument.place, f"{node.name} {text}")
            rest.append(argument)
        return found, rest

    def _tag_value(self, tag: TagRule, written: Tag, waiting: list[Argument]) -> Value:
        if tag.value is None:
            return 1
        argument = waiting.pop() if waiting else None
        if argument is None or isinstance(argument, Tag):
            raise self._stop(written.place, f":{tag.name} must be followed by {tag.value.value}")
        return self._value(argument, tag.value, f":{tag.name}")

    def _arguments(
        self, node: Node, rule: Rule, rest: Sequence[Number | Strings]
    ) -> tuple[Value | None, ...]:
        missing = len(rule.arguments) - len(rest)
        if missing > rule.spare:
            wanted = rule.arguments[len(rest) if not rule.spare else -1]
            raise self._stop(node.place, f"{node.name} lacks an argument: {wanted.value}")
        if missing < 0:
            place = rest[len(rule.arguments)].place
            raise self._stop(place, f"{node.name} takes no further argument")
        kinds = rule.arguments[: len(rest)] if rule.spare_last else rule.arguments[missing:]
        values: list[Value | None] = [
            self._value(argument, kind, node.name)
            for argument, kind in zip(rest, kinds, strict=True)
        ]
        absent: list[Value | None] = [None] * missing
        return tuple(values + absent if rule.spare_last else absent + values)

    def _value(self, argument: Number | Strings, kind: Kind, what: str) -> Value:
        if isinstance(argument, Number):
            if kind is not Kind.NUMBER:
                raise self._stop(argument.place, f"{what} takes {kind.value} here, not a number")
            return argument.value
        if kind is Kind.NUMBER or (kind is Kind.STRING and argument.is_list):
            written = "a list" if argument.is_list else "a string"
            raise self._stop(argument.place, f"{what} takes {kind.value} here, not {written}")
        return tuple(
            [
                self._text(text, place)
                for text, place in zip(argument.values, argument.places, strict=True)
            ]
        )

    def _text(self, text: str, place: Place) -> Text:
        try:
            if "encoded-character" in self.required:
                text = encoded_characters(text)
            if "variables" in self.required:
                return template(text, self.required)
        except BadString as error:
            raise self._stop(place, str(error)) from None
        return text

    def _match(self, places: dict[str, Place], tags: dict[str, tuple[Value, Place]]) -> Match:
        kind = next((name for name in _MATCH_TYPES if name in tags), "is")
        relation = ""
        if kind in {"count", "value"}:
            relation = _constant(tags[kind][0]).lower()
            if relation not in RELATIONS:
                raise self._stop(places[kind], f":{kind} needs one of {', '.join(RELATIONS)}")
        comparator = "i;ascii-casemap"
        if "comparator" in tags:
            comparator = _constant(tags["comparator"][0])
            if comparator not in COMPARATORS:
                raise self._stop(
                    places["comparator"], f"the comparator {comparator[:60]!r} is not known"
                )
            if comparator not in ALWAYS_THERE:
                self._needs("comparator-" + comparator, comparator, places["comparator"])
            if comparator == "i;ascii-numeric" and kind not in _ORDERED:
                raise self._stop(
                    places["comparator"], f"numbers (i;ascii-numeric) can't be compared by :{kind}"
                )
        return Match(kind, comparator, relation)


def _constant(value: Value) -> str:
    """The text of a string without variables; "" for others."""
    first = value[0] if isinstance(value, tuple) else ""
    return first if isinstance(first, str) else ""


def _name_of(call: Call) -> str:
    return _constant(call.tags.get("name", ("",)))


def _certainly(name: str, sure: Sequence[bool | None]) -> bool | None:
    match name:
        case "true" | "false":
            return name == "true"
        case "not":
            return None if sure[0] is None else not sure[0]
        case "allof":
            return False if False in sure else None if None in sure else True
        case "anyof":
            return True if True in sure else None if None in sure else False
        case _:
            return None
