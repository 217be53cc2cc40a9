"""Reads commands: verbs and words in any case, strings quoted or literal (RFC 5804 §4)."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from postroom.protocol.managesieve.commands import (
    Authenticate,
    CheckScript,
    Command,
    DeleteScript,
    GetScript,
    HaveSpace,
    Noop,
    Plain,
    PutScript,
    RenameScript,
    SetActive,
)
from postroom.protocol.managesieve.input import Literal, Piece

MAX_NAME: Final = 512  # octets, RFC 5804 §1.6
MAX_TAG: Final = 1024
MAX_NUMBER: Final = (1 << 32) - 1  # RFC 5804 §4
MAX_TOKENS: Final = 4  # more than any command has
_TOKEN: Final = re.compile(
    rb'(?P<blank> *)(?:(?P<word>[A-Za-z0-9]+)|"(?P<quoted>(?:[^"\\\r\n\x00]|\\["\\])*+)")'
)
_BLANKS: Final = re.compile(rb" *")
_ESCAPED: Final = re.compile(rb"\\(.)")


class BadCommand(Exception):
    """The line is no command or its arguments make no sense; the message is for the peer."""


class Word(msgspec.Struct, frozen=True):
    """A verb or a number."""

    octets: bytes


Token = Word | Literal  # quoted strings are as good as literals


def parse(pieces: Sequence[Piece]) -> Command:
    """Read one command. Raises BadCommand and nothing else."""
    tokens = _tokens(pieces)
    if not tokens or not isinstance(tokens[0], Word):
        raise BadCommand("A command begins with its name")
    verb = tokens[0].octets.decode("ascii").upper()
    read = _READERS.get(verb)
    if read is None:
        raise BadCommand("There is no such command")
    return read(verb, tokens[1:])


def parse_response(pieces: Sequence[Piece]) -> bytes | None:
    """The client's answer to a challenge, decoded; None: it gave up. Raises BadCommand."""
    if pieces == [b"*"]:
        return None
    tokens = _tokens(pieces)
    if len(tokens) != 1:
        raise BadCommand("A response is one string")
    octets = _octets(tokens[0])
    return None if octets == b"*" else _base64(octets)


def _tokens(pieces: Sequence[Piece]) -> list[Token]:
    tokens: list[Token] = []
    for place, piece in enumerate(pieces):
        if isinstance(piece, Literal):
            tokens.append(piece)
        else:
            tokens += _words(piece, is_first=place == 0, is_last=place == len(pieces) - 1)
        if len(tokens) > MAX_TOKENS:
            raise BadCommand("There are too many arguments")
    return tokens


def _words(piece: bytes, *, is_first: bool, is_last: bool) -> list[Token]:
    """What stands before, between and after literals, parted from them by blanks."""
    tokens: list[Token] = []
    at = 0
    while (found := _TOKEN.match(piece, at)) is not None and len(tokens) <= MAX_TOKENS:
        if bool(found["blank"]) == (is_first and at == 0):
            raise BadCommand("The arguments make no sense")
        tokens.append(_token(found))
        at = found.end()
    blanks = _BLANKS.match(piece, at)
    if blanks is None or blanks.end() < len(piece):
        raise BadCommand("The arguments make no sense")
    if not is_last and not blanks[0] and piece:
        raise BadCommand("The arguments make no sense")
    return tokens


def _token(found: re.Match[bytes]) -> Token:
    if found["word"] is not None:
        return Word(found["word"])
    octets = _ESCAPED.sub(rb"\1", found["quoted"])
    return Literal(octets, len(octets))


def _octets(token: Token) -> bytes:
    if isinstance(token, Word):
        raise BadCommand('A string is written "so" or as a literal')
    if token.octets is None:
        raise BadCommand("The string is too long")
    return token.octets


def _text(token: Token, most: int = MAX_NAME) -> str:
    octets = _octets(token)
    if len(octets) > most:
        raise BadCommand("The name is too long")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadCommand("The string is not UTF-8") from None


def _base64(octets: bytes) -> bytes:
    try:
        return base64.b64decode(octets, validate=True)
    except binascii.Error:
        raise BadCommand("The response is not base64") from None


def _arguments(verb: str, tokens: Sequence[Token], least: int, most: int) -> None:
    if not least <= len(tokens) <= most:
        count = str(least) if least == most else f"{least} or {most}"
        raise BadCommand(f"{verb} takes {count} arguments")


def _plain(verb: str, tokens: Sequence[Token]) -> Command:
    _arguments(verb, tokens, 0, 0)
    return Plain(verb)


def _noop(verb: str, tokens: Sequence[Token]) -> Command:
    _arguments(verb, tokens, 0, 1)
    if not tokens:
        return Noop(None)
    return Noop(_text(tokens[0], MAX_TAG).encode())


def _authenticate(verb: str, tokens: Sequence[Token]) -> Command:
    _arguments(verb, tokens, 1, 2)
    initial = _base64(_octets(tokens[1])) if len(tokens) == 2 else None
    return Authenticate(_text(tokens[0]).upper(), initial)


def _have_space(verb: str, tokens: Sequence[Token]) -> Command:
    _arguments(verb, tokens, 2, 2)
    size = tokens[1]
    if not isinstance(size, Word) or not size.octets.isdigit() or len(size.octets) > 10:
        raise BadCommand("HAVESPACE needs a name and a size in octets")
    if int(size.octets) > MAX_NUMBER:
        raise BadCommand("A number has at most 32 bits")
    return HaveSpace(_text(tokens[0]), int(size.octets))


def _put_script(verb: str, tokens: Sequence[Token]) -> Command:
    _arguments(verb, tokens, 2, 2)
    content = tokens[1]
    if isinstance(content, Word):
        raise BadCommand("A script is a string")
    return PutScript(_text(tokens[0]), content.octets, content.size)


def _check_script(verb: str, tokens: Sequence[Token]) -> Command:
    _arguments(verb, tokens, 1, 1)
    content = tokens[0]
    if isinstance(content, Word):
        raise BadCommand("A script is a string")
    return CheckScript(content.octets, content.size)


def _rename_script(verb: str, tokens: Sequence[Token]) -> Command:
    _arguments(verb, tokens, 2, 2)
    return RenameScript(_text(tokens[0]), _text(tokens[1]))


def _named(
    make: Callable[[str], Command],
) -> Callable[[str, Sequence[Token]], Command]:
    def read(verb: str, tokens: Sequence[Token]) -> Command:
        _arguments(verb, tokens, 1, 1)
        return make(_text(tokens[0]))

    return read


_READERS: Final[Mapping[str, Callable[[str, Sequence[Token]], Command]]] = {
    "AUTHENTICATE": _authenticate,
    "CHECKSCRIPT": _check_script,
    "DELETESCRIPT": _named(DeleteScript),
    "GETSCRIPT": _named(GetScript),
    "HAVESPACE": _have_space,
    "NOOP": _noop,
    "PUTSCRIPT": _put_script,
    "RENAMESCRIPT": _rename_script,
    "SETACTIVE": _named(SetActive),
    **dict.fromkeys(("CAPABILITY", "LISTSCRIPTS", "LOGOUT", "STARTTLS", "UNAUTHENTICATE"), _plain),
}
