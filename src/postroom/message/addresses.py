r"""Address lists: the one reader for display, ENVELOPE and every policy.

Mailboxes come out as raw octets, unquoted and without comments, in order, so that what is
shown and what is judged can't differ: an address that a lenient reader could see anywhere
in the field is in the result. RFC 5322 §3.4 with groups and the obsolete syntax of §4.4
is read exactly. Of what is no address list:

- ``<a@e> b@v``, ``a@e b@v`` and ``<a@e>:<b@v>`` are two mailboxes;
- ``a@b@c`` has the domain ``b@c``, which no domain is;
- words without an address are a local part without a domain.

Reading is iterative and linear, and stops after MAX_MAILBOXES, counting empty groups as well,
or after MAX_TOKENS of what is not simply written.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

MAX_MAILBOXES: Final = 10_000
MAX_TOKENS: Final = 50_000  # words, signs, white space and parts of comments

_ATEXT: Final = rb"[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~\x80-\xff]++"
_SIMPLE: Final = re.compile(
    rb'[ \t]*+(?:(?:"([^"\\\x00-\x1f]*+)"[ \t]*+|([^\x00-\x1f"(),:;<>@\[\]\\]*+))'
    rb"<(" + _ATEXT + rb")@(" + _ATEXT + rb")>|"
    rb"(" + _ATEXT + rb")@(" + _ATEXT + rb"))[ \t]*+(?:,|\Z)"
)
_TOKEN: Final = re.compile(
    rb'(?P<gap>[\x00-\x20]+)|(?P<quoted>"(?:[^"\\]|\\.)*+"?)|(?P<comment>\()'
    rb"|(?P<special>[<>@,:;])|(?P<literal>\[(?:[^\[\]\\]|\\.)*+\]?)"
    rb'|(?P<atom>[^\x00-\x20"(),:;<>@\[\]\\]+|.)',
    re.DOTALL,
)
_COMMENT: Final = re.compile(rb"(?:\\.|[^\\()])+|[()]|\\", re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_SPACES: Final = re.compile(rb"[\x00-\x20]+")


class Mailbox(msgspec.Struct, frozen=True):
    """``name`` as it stands (encoded words are not decoded); ``route`` is obsolete (§4.4)."""

    name: bytes
    local: bytes
    domain: bytes
    route: bytes = b""


class Group(msgspec.Struct, frozen=True):
    """A named list of mailboxes, often empty: ``undisclosed-recipients:;``."""

    name: bytes
    members: tuple[Mailbox, ...]


def parse(value: bytes, most: int = MAX_MAILBOXES) -> list[Mailbox | Group]:
    """Read an address list, up to ``most`` mailboxes and empty groups; it may be folded."""
    found: list[Mailbox | Group] = []
    at, end = 0, len(value)
    while at < end:
        simple = _SIMPLE.match(value, at)
        if simple is None or len(found) == most:
            break
        quoted, phrase, local, domain, bare_local, bare_domain = simple.groups()
        if bare_local is not None:
            found.append(Mailbox(b"", bare_local, bare_domain))
        else:
            name = _one_line(quoted if quoted is not None else phrase)
            found.append(Mailbox(name, local, domain))
        at = simple.end()
    else:
        return found
    reader = _Reader(most - len(found))
    reader.read(value, at)
    return found + reader.found


def mailboxes(entries: Iterable[Mailbox | Group]) -> list[Mailbox]:
    """All mailboxes, those of groups too."""
    flat: list[Mailbox] = []
    for entry in entries:
        if isinstance(entry, Group):
            flat.extend(entry.members)
        else:
            flat.append(entry)
    return flat


class _Token(msgspec.Struct):
    text: bytes
    is_special: bool  # @ or : inside an address
    has_gap: bool  # white space or a comment stands before it


class _Reader:
    """The way for everything that is not simple."""

    def __init__(self, room: int) -> None:
        self.found: list[Mailbox | Group] = []
        self._room = room
        self._tokens = MAX_TOKENS  # that may yet be read
        self._members: list[Mailbox] | None = None  # of the open group
        self._group = b""
        self._run: list[_Token] = []  # since the last separator
        self._angle: list[_Token] | None = None  # the tokens since "<"
        self._mailbox: Mailbox | None = None  # complete with its ">"
        self._comment = b""
        self._has_gap = False

    def read(self, value: bytes, at: int) -> None:
        while self._room > 0 and self._tokens > 0 and (found := _TOKEN.match(value, at)):
            self._tokens -= 1
            text, at = found[0], found.end()
            kind = found.lastgroup
            if kind == "comment":
                at = self._read_comment(value, at)
            elif kind == "gap":
                self._has_gap = True
            elif kind == "special":
                self._special(text)
            else:
                self._word(_unquoted(text) if kind == "quoted" else text)
        self._end_mailbox()
        self._end_group()

    def _word(self, text: bytes, *, is_special: bool = False) -> None:
        tokens = self._run if self._angle is None else self._angle
        tokens.append(_Token(text, is_special, self._has_gap))
        self._has_gap = False

    def _read_comment(self, value: bytes, at: int) -> int:
        start = at
        depth = 1
        while depth and self._tokens > 0 and (found := _COMMENT.match(value, at)):
            self._tokens -= 1
            at = found.end()
            depth += {b"(": 1, b")": -1}.get(found[0], 0)
        self._has_gap = True
        if not self._comment:
            text = value[start : at - 1] if depth == 0 else value[start:at]
            self._comment = _one_line(_ESCAPED.sub(rb"\1", text))
        return at

    def _special(self, text: bytes) -> None:
        if self._angle is not None:
            self._in_angle(text, self._angle)
        elif text == b"<":
            if self._mailbox is not None:
                self._end_mailbox()
            self._angle = []
        elif text == b"@":
            self._word(text, is_special=True)
        elif text == b":":
            self._colon()
        elif text != b">":
            self._end_mailbox()
            if text == b";":
                self._end_group()
        self._has_gap = False

    def _in_angle(self, text: bytes, angle: list[_Token]) -> None:
        has_route = bool(angle) and angle[0].is_special
        if text in b"@:" or (text == b"," and has_route):
            self._word(text, is_special=True)
            return
        self._end_angle(angle)
        if text != b">":
            self._special(text)

    def _end_angle(self, angle: list[_Token]) -> None:
        route = b""
        if angle and angle[0].is_special:
            texts = [token.text for token in angle]
            if b":" in texts:
                colon = texts.index(b":")
                route = b"".join(texts[:colon])
                angle = angle[colon + 1 :]
        texts = [token.text for token in angle]
        at = texts.index(b"@") if b"@" in texts else len(texts)
        local, domain = b"".join(texts[:at]), b"".join(texts[at + 1 :])
        name = _phrase(self._run)
        self._run = []
        self._angle = None
        self._mailbox = Mailbox(name, local, domain, route)

    def _colon(self) -> None:
        if self._mailbox is not None or any(token.is_special for token in self._run):
            self._end_mailbox()
        elif self._run:
            self._end_group()
            self._group = _phrase(self._run)
            self._members = []
            self._run = []
            self._comment = b""

    def _end_group(self) -> None:
        if self._members is not None:
            self.found.append(Group(self._group, tuple(self._members)))
            self._room -= not self._members
            self._members = None

    def _end_mailbox(self) -> None:
        if self._angle is not None:
            self._end_angle(self._angle)
        mailbox, self._mailbox = self._mailbox, None
        run, self._run = self._run, []
        comment, self._comment = self._comment, b""
        bare = _bare(run) if any(token.is_special for token in run) else []
        if mailbox is not None:
            if not mailbox.name:
                name = comment if bare else _phrase(run) or comment
                mailbox = Mailbox(name, mailbox.local, mailbox.domain, mailbox.route)
            self._add(mailbox)
        elif run and not bare:
            self._add(Mailbox(comment, _phrase(run), b""))
        for name, local, domain in bare:
            self._add(Mailbox(name or comment, local, domain))

    def _add(self, mailbox: Mailbox) -> None:
        self._room -= 1
        if self._room >= 0:
            (self.found if self._members is None else self._members).append(mailbox)


def _bare(run: Sequence[_Token]) -> list[tuple[bytes, bytes, bytes]]:
    """(name, local, domain) of each ``local@domain`` without brackets in the run.

    White space separates unless a dot stands beside it: ``test @ x . example`` is one.
    """
    found = []
    at = 0
    while at < len(run):
        sign = at
        while sign < len(run) and not run[sign].is_special:
            sign += 1
        if sign == len(run):
            break  # words after the last address
        start = sign
        while start > at and (start == sign or _belongs(run[start - 1], run[start])):
            start -= 1
        end = min(sign + 2, len(run))
        while end < len(run) and _belongs(run[end - 1], run[end]):
            end += 1
        local = b"".join([token.text for token in run[start:sign]])
        domain = b"".join([token.text for token in run[sign + 1 : end]])
        found.append((_phrase(run[at:start]), local, domain))
        at = end
    return found


def _belongs(left: _Token, right: _Token) -> bool:
    return not right.has_gap or left.text.endswith(b".") or right.text.startswith(b".")


def _phrase(tokens: Sequence[_Token]) -> bytes:
    words = [b" " + token.text if token.has_gap else token.text for token in tokens]
    return _one_line(b"".join(words))


def _one_line(text: bytes) -> bytes:
    if b"\n" in text or b"\t" in text or b"\r" in text:
        text = _SPACES.sub(b" ", text)
    return text.strip()


def _unquoted(text: bytes) -> bytes:
    inner = text[1:-1] if len(text) > 1 and text.endswith(b'"') else text[1:]
    if b"\n" in inner:
        inner = inner.replace(b"\r\n", b"").replace(b"\n", b"")
    return _ESCAPED.sub(rb"\1", inner) if b"\\" in inner else inner
