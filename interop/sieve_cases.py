"""Random letters and scripts that use much of Sieve, the same for the same seed."""

import random
from typing import Final

REQUIRE: Final = (
    *("fileinto", "copy", "variables", "relational", "regex", "envelope", "subaddress"),
    *("comparator-i;ascii-numeric", "imap4flags", "index", "date", "body", "mime"),
    *("foreverypart", "extracttext", "editheader", "enotify", "ihave", "encoded-character"),
)
COMPARATORS: Final = ("i;octet", "i;ascii-casemap", "i;ascii-numeric")
WORDS: Final = ("alpha", "Beta", "a", "b", "ab", "x-y", "10", "9", "007", "", "sale!", "grün")
ENCODED: Final = ("=?utf-8?Q?gr=C3=BCn?=", "=?utf-8?B?YmV0YQ==?=", "=?iso-8859-1?q?a_=E4?=")
LOCALS: Final = ("bob", "alice", "alice+news", "Bob", "a.b", '"a b"', "x+")
DOMAINS: Final = ("example.com", "Example.ORG", "sub.example.com", "e.example")
NAMES: Final = ("subject", "X-One", "x-two", "to", "from", "cc", "received", "x-none", "date")
ADDRESS_NAMES: Final = ("from", "to", "cc", "sender", "reply-to", "bcc")
DATES: Final = (
    "Mon, 21 Sep 2026 16:13:00 +0200",
    "Thu, 01 Jan 2026 00:30:05 -0530",
    "29 Feb 2024 23:59:59 +0000",
)
DATE_PARTS: Final = (
    *("year", "month", "day", "date", "julian", "hour", "minute", "second", "time"),
    *("iso8601", "zone", "weekday"),
)
MODIFIERS: Final = (
    *(":lower", ":upper", ":lowerfirst", ":upperfirst", ":quotewildcard", ":length"),
    ":encodeurl",
)
VARIABLES: Final = ("v", "w", "x")
TYPES: Final = ("text/plain", "text/html", "application/pdf", "image/png", "text/plain")


class Cases:
    """A source of pairs."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._target = 0
        self._edits = False  # sieve-test loses its place in the raw body of an edited letter

    def one(self, *words: str) -> str:
        return self._random.choice(words)

    def chance(self, percent: int) -> bool:
        return self._random.randrange(100) < percent

    # -- letters

    def letter(self) -> bytes:
        lines = [f"Received: from {self.one(*WORDS)} by x; {self.one(*DATES)}"]
        lines += [self._field() for _ in range(self._random.randrange(2, 7))]
        lines += [f"From: {self._mailbox()}", f"To: {self._mailboxes()}"]
        lines.append(f"Date: {self.one(*DATES)}")
        self._random.shuffle(lines)
        return "\r\n".join([*lines, *self._content(0)]).encode()

    def _field(self) -> str:
        name = self.one("Subject", "X-One", "X-Two", "Cc", "Sender", "X-ONE")
        if name in {"Cc", "Sender"}:
            return f"{name}: {self._mailboxes()}"
        return f"{name}:{self.one(' ', '', '  ')}{self._text()}{self.one('', '', ' ')}"

    def _text(self) -> str:
        words = [self.one(*WORDS, *ENCODED) for _ in range(self._random.randrange(4))]
        return self.one(" ", " ", "\r\n ").join([word for word in words if word] or [""])

    def _mailboxes(self) -> str:
        found = [self._mailbox() for _ in range(self._random.randrange(1, 4))]
        if self.chance(10):
            return f"Group: {', '.join(found)};"
        return ", ".join(found)

    def _mailbox(self) -> str:
        address = f"{self.one(*LOCALS)}@{self.one(*DOMAINS)}"
        return self.one(
            address, f"<{address}>", f"Alpha Beta <{address}>", f'"B, a" <{address}>',
            f"{address} (alpha)", f"=?utf-8?Q?gr=C3=BCn?= <{address}>",
        )  # fmt: skip

    def _content(self, depth: int) -> list[str]:
        if depth < 2 and self.chance(40):
            boundary = f"b{depth}"
            lines = [f"Content-Type: multipart/mixed; boundary={boundary}", "", "preamble alpha"]
            for _ in range(self._random.randrange(1, 4)):
                lines += [f"--{boundary}", *self._content(depth + 1)]
            return [*lines, f"--{boundary}--", ""]
        kind = self.one(*TYPES)
        lines = [f"Content-Type: {kind}; charset=utf-8; name={self.one('alpha', 'b')}.txt"]
        if self.chance(30):
            lines.append(f"Content-Disposition: attachment; filename={self.one('a', 'Beta')}.pdf")
        text = " ".join([self.one(*WORDS) for _ in range(6)])
        if self.chance(20):
            lines.append("Content-Transfer-Encoding: quoted-printable")
            text = text.replace("a", "=61").replace("ü", "=C3=BC")
        return [*lines, "", text, self.one(*WORDS), ""]

    # -- scripts

    def script(self) -> str:
        self._target = 0
        self._edits = self.chance(50)
        lines = ["require [" + ", ".join([f'"{name}"' for name in REQUIRE]) + "];"]
        lines += [self._statement(0) for _ in range(self._random.randrange(4, 14))]
        lines += [
            f'set :encodeurl "r" "${{{name}}}"; fileinto "{name}-${{r}}.";'
            for name in (*VARIABLES, "f", "0", "1", "2", "3")
        ]
        return "\n".join(lines) + "\n"

    def _file(self) -> str:
        self._target += 1
        copy = self.one("", "", ":copy ")
        flags = self.one("", "", "", f':flags "{self.one("a", "b c", "")}" ')
        return f'fileinto {copy}{flags}"t{self._target}";'

    def _statement(self, depth: int) -> str:
        kind = self._random.randrange(20)
        if kind < 10 and depth < 3:
            return self._if(depth)
        if kind < 13:
            modifier = self.one("", *MODIFIERS)
            key = self._key()
            if modifier == ":upper" and not key.isascii():
                key = "a"  # in sieve-test only ASCII has upper and lower case
            return f'set {modifier} "{self.one(*VARIABLES)}" "{key}";'
        if kind < 15:
            command = self.one("setflag", "addflag", "removeflag")
            variable = self.one("", "", '"f" ')
            return (
                f'{command} {variable}["{self.one("a", "b", "a b", "")}", "{self.one("c", "B")}"];'
            )
        if kind == 15 and self._edits:
            return f'addheader {self.one("", ":last ")}"{self.one("X-One", "X-New")}" "{self._key()}x";'
        if kind == 16 and self._edits:
            which = self.one("", ":index 1 ", ":index 1 :last ", ":index 2 ")
            keys = self.one("", f' ["{self._key()}"]')
            match = self.one(":is ", ":contains ", ":matches ") if keys else ""
            return f'deleteheader {which}{match}"{self.one("X-One", "X-Two", "Subject")}"{keys};'
        if kind == 17 and depth == 0:
            return f"foreverypart {{ {self._if(1)} {self.one('', 'break;')} }}"
        if kind == 18:
            return (
                self.one("keep;", "discard;", 'keep :flags "k";', "stop;")
                if self.chance(30)
                else ""
            )
        return self._file()

    def _if(self, depth: int) -> str:
        text = f"if {self._test(0)} {{ {self._file()} {self._statement(depth + 1)} }}"
        if self.chance(30):
            text += f" elsif {self._test(0)} {{ {self._file()} }}"
        if self.chance(40):
            text += f" else {{ {self._file()} }}"
        return text

    def _key(self) -> str:
        return self.one(
            *WORDS, "*", "a*", "*a", "*b*", "?", "*-?*", "a?", "\\\\*", "${v}", "${1}", "${w}x",
            "${hex:61}", "* *", "*@*", "example", "$", "${2}*",
        )  # fmt: skip

    def _keys(self) -> str:
        if self.chance(60):
            return f'"{self._key()}"'
        return "[" + ", ".join([f'"{self._key()}"' for _ in range(2)]) + "]"

    def _match(self) -> str:
        kind = self.one(":is", ":is", ":contains", ":contains", ":matches", ":matches", "", "v")
        comparator = self.one("", "", "", *COMPARATORS)
        if kind == "v":
            comparator = comparator or "i;ascii-numeric"
            kind = (
                self.one(":value", ":count") + f' "{self.one("gt", "ge", "lt", "le", "eq", "ne")}"'
            )
        elif comparator == "i;ascii-numeric":
            comparator = ""
        return kind + (f' :comparator "{comparator}"' if comparator else "")

    def _names(self, names: tuple[str, ...], *, several: bool = True) -> str:
        """Several names with an index: RFC 5260 does not say what that counts."""
        if self.chance(70) or not several:
            return f'"{self.one(*names)}"'
        return f'["{self.one(*names)}", "{self.one(*names)}"]'

    def _index(self) -> str:
        return self.one("", "", "", ":index 1 ", ":index 2 ", ":index 1 :last ", ":index 2 :last ")

    def _test(self, depth: int) -> str:  # noqa: C901, PLR0911, PLR0912 - a table
        part = self.one("", "", ":all", ":localpart", ":domain", ":user", ":detail")
        match self._random.randrange(18):
            case 0 if depth < 3:
                return f"not {self._test(depth + 1)}"
            case 1 if depth < 3:
                return f"allof ({self._test(depth + 1)}, {self._test(depth + 1)})"
            case 2 if depth < 3:
                return f"anyof ({self._test(depth + 1)}, {self._test(depth + 1)})"
            case 3 | 4:
                index, keys = self._index(), self._address_keys()
                names = self._names(ADDRESS_NAMES, several=not index)
                return f"address {part} {index}{self._match()} {names} {keys}"
            case 5:
                names = self.one('"from"', '"to"', '["from", "to"]')
                return f"envelope {part} {self._match()} {names} {self._address_keys()}"
            case 6:
                return f"exists {self._names(NAMES)}"
            case 7:
                return f"size {self.one(':over', ':under')} {self.one('100', '300', '1K', '0')}"
            case 8:
                return f'string {self._match()} ["${{v}}", "{self._key()}"] {self._keys()}'
            case 9:
                return f'hasflag {self._match()} ["{self.one("a", "b", "c", "a*")}"]'
            case 10:
                return self._date()
            case 11:
                raw = ':content "text"' if self._edits else ":raw"
                where = self.one(raw, ':content "text"', ':content "text/plain"', ':content ""')
                return f"body {where} {self.one(':contains', ':is', ':matches')} {self._keys()}"
            case 12:
                return self._mime()
            case 13:
                return f'header :regex "{self.one(*NAMES)}" "{self._regex()}"'
            case _:
                index = self._index()
                names = self._names(NAMES, several=not index)
                return f"header {index}{self._match()} {names} {self._keys()}"

    def _address_keys(self) -> str:
        return self.one(
            self._keys(), f'"{self.one("bob", "alice", "news", "a.b", "x", "")}"',
            f'"{self.one(*DOMAINS)}"', f'"alice+news@{self.one(*DOMAINS)}"', '"*@*"', '"*+*"',
        )  # fmt: skip

    def _regex(self) -> str:
        return self.one("a+", "^b", "([a-z]+)-([a-z]+)", "[0-9]{2}", "a|x", "(a)?b", "$", ".*@.*")

    def _date(self) -> str:
        part = self.one(*DATE_PARTS)
        zone = self.one("", ":originalzone", ':zone "+0900"', ':zone "-0330"')
        zone = zone or ':zone "+0000"'
        key = self.one("2026", "09", "21", "2026-09-21", "16", "1", "*1*", "*+*", "61304", "*:*")
        match = self.one(":is", ":matches", ":contains", ':value "ge"')
        name = self.one("date", "date", "received")
        return f'date {zone} {self._index()}{match} "{name}" "{part}" "{key}"'

    def _mime(self) -> str:
        child = self.one("", ":anychild ")
        what = self.one("", ":type ", ":subtype ", ":contenttype ", ':param "name" ')
        name = self.one("content-type", "content-type", "content-disposition", "subject")
        key = self.one("text", "plain", "text/plain", "*a*", "alpha.txt", "multipart", "attachment")
        return (
            f'header :mime {child}{what}{self.one(":is", ":contains", ":matches")} "{name}" "{key}"'
        )
