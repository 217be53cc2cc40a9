"""The Sieve that rules and a vacation are, as text: always the same for the same data.

Whatever a value holds, it stays one string of the script: it is quoted, and no extension that
would look into strings (variables, encoded-character) is ever required. RFC 5228 §2.4.2.
"""

from collections.abc import Sequence
from typing import Final

from postroom.directory.rules import Action, Condition, Rule
from postroom.directory.vacations import TEXT, Vacation
from postroom.message import compose
from postroom.message.htmltext import html_text

_HEAD: Final = "# Made by Postroom; what is changed here is not kept."
_FIELDS: Final = {
    "from": ("from",),
    "to": ("to", "cc"),
    "subject": ("subject",),
    "list-id": ("list-id",),
}


def quoted(text: str) -> str:
    """A quoted string of this text; its line ends become CRLF, and NUL is left out."""
    lines = text.replace("\0", "").replace("\r\n", "\n").replace("\n", "\r\n")
    return '"' + lines.replace("\\", "\\\\").replace('"', '\\"') + '"'


def rules_text(rules: Sequence[Rule], script: str | None, site: str | None = None) -> str:
    """The script of the site, all rules, then the owner's script, until one has said stop."""
    needed = {name for rule in rules for action in rule.actions for name in _needs(action)}
    lines = [_HEAD, ""]
    if script is not None or site is not None:
        needed.add("include")
    if needed:
        lines[1:1] = [f"require {_listed(sorted(needed))};"]
    if site is not None:
        lines += ["# the script of the site", f"include :global :optional {quoted(site)};", ""]
    for number, rule in enumerate(rules, 1):
        lines += [f"# rule {number}", *_rule(rule), ""]
    if script is not None:
        lines += ["# the active script", f"include :personal :optional {quoted(script)};", ""]
    return "\n".join(lines)


def vacation_text(vacation: Vacation) -> str:
    """The answer, on the days of the vacation, which are those of UTC."""
    tests = [*_when("ge", "ge", vacation.begins, vacation.begins_at)]
    tests += _when("le", "lt", vacation.ends, vacation.ends_at)
    words = [f"vacation :days {vacation.days}"]
    if vacation.subject:
        words.append(f":subject {quoted(vacation.subject)}")
    if vacation.addresses:
        words.append(f":addresses {_listed(vacation.addresses)}")
    reason = vacation.text or TEXT
    if vacation.html:
        words.append(":mime")
        text = vacation.text or html_text(vacation.html)
        reason = compose.alternative(text, vacation.html).decode("utf-8")
    command = " ".join([*words, quoted(reason)]) + ";"
    needed = ["date", "relational", "vacation"] if tests else ["vacation"]
    lines = [_HEAD, f"require {_listed(needed)};", ""]
    lines += [f"if {_joined('all', tests)} {{", f"    {command}", "}"] if tests else [command]
    return "\n".join([*lines, ""])


def _when(of_day: str, of_moment: str, day: str, time: str) -> list[str]:
    """The test for a day, or for a moment of it."""
    if not day:
        return []
    test = 'currentdate :value "{}" :zone "+0000" "{}" {}'
    if time:
        return [test.format(of_moment, "iso8601", quoted(f"{day}T{time}Z"))]
    return [test.format(of_day, "date", quoted(day))]


def _rule(rule: Rule) -> list[str]:
    body = [_action(action) for action in rule.actions]
    if not rule.conditions:
        return body
    test = _joined(rule.match, [_condition(one) for one in rule.conditions])
    return [f"if {test} {{", *[f"    {line}" for line in body], "}"]


def _condition(condition: Condition) -> str:
    not_ = "not " if condition.negated else ""
    if condition.field == "size":
        return f"{not_}size :{condition.test} {int(condition.value)}"
    names = _FIELDS.get(condition.field) or (condition.name,)
    fields = quoted(names[0]) if len(names) == 1 else _listed(names)
    test, value = condition.test, condition.value
    if test == "is" and condition.field in {"from", "to"}:
        return f"{not_}address :is {fields} {quoted(value)}"
    if test == "is" and condition.field == "list-id":
        test, value = "contains", f"<{value}>"  # RFC 2919 §3: words may stand before it
    return f"{not_}header :{test} {fields} {quoted(value)}"


def _action(action: Action) -> str:
    value = quoted(action.value)
    match action.kind:
        case "move":
            return f"fileinto :create {value};"
        case "copy":
            return f"fileinto :copy :create {value};"
        case "flag":
            return f"addflag {value};"
        case "forward":
            return f"redirect :copy {value};"
        case "discard":
            return "discard;"
        case "stop":
            return "stop;"


def _needs(action: Action) -> tuple[str, ...]:
    match action.kind:
        case "move":
            return ("fileinto", "mailbox")
        case "copy":
            return ("copy", "fileinto", "mailbox")
        case "flag":
            return ("imap4flags",)
        case "forward":
            return ("copy",)
        case _:
            return ()


def _joined(match: str, tests: Sequence[str]) -> str:
    return tests[0] if len(tests) == 1 else f"{match}of ({', '.join(tests)})"


def _listed(texts: Sequence[str]) -> str:
    return "[" + ", ".join(map(quoted, texts)) + "]"
