"""The capability list."""

import re
from pathlib import Path

from postroom.protocol.imap.capabilities import capabilities

PROMISED = set(
    b"IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN "
    b"SPECIAL-USE".split()
)


def test_no_password_on_a_plain_connection() -> None:
    words = set(capabilities(is_authenticated=False, can_start_tls=True, mechanisms=()).split())
    assert words > PROMISED | {b"STARTTLS", b"LOGINDISABLED"}
    assert not any(word.startswith(b"AUTH=") for word in words)


def test_with_tls() -> None:
    words = set(
        capabilities(
            is_authenticated=False, can_start_tls=False, mechanisms=("PLAIN", "LOGIN")
        ).split()
    )
    assert words > PROMISED | {b"AUTH=PLAIN", b"AUTH=LOGIN"}
    assert not words & {b"STARTTLS", b"LOGINDISABLED"}


def test_after_login() -> None:
    words = set(
        capabilities(is_authenticated=True, can_start_tls=True, mechanisms=("PLAIN",)).split()
    )
    assert words >= PROMISED | {b"COMPRESS=DEFLATE", b"UNAUTHENTICATE"}
    assert not words & {b"STARTTLS", b"LOGINDISABLED", b"AUTH=PLAIN"}


def test_the_limit_of_append() -> None:
    for limit, word in ((0, b"APPENDLIMIT"), (1000, b"APPENDLIMIT=1000")):
        words = capabilities(
            is_authenticated=True, can_start_tls=False, mechanisms=(), append_limit=limit
        )
        assert word in words.split()


def test_no_word_stands_twice() -> None:
    for is_authenticated in (False, True):
        words = capabilities(
            is_authenticated=is_authenticated, can_start_tls=True, mechanisms=("PLAIN", "LOGIN")
        ).split()
        assert len(words) == len(set(words))


def test_the_documentation_names_every_word_and_no_other() -> None:
    page = (Path(__file__).parents[3] / "docs" / "imap.md").read_text()
    table = page.partition("| --- |")[2].partition("\n## ")[0]
    named = {
        word
        for row in table.splitlines()[1:]
        for word in re.findall(r"`([^`]+)`", row.split("|")[1] if "|" in row else "")
    }
    offered = {
        word.decode().partition("=")[0]
        if word.startswith((b"AUTH=", b"APPENDLIMIT="))
        else word.decode()
        for is_authenticated in (False, True)
        for word in capabilities(
            is_authenticated=is_authenticated,
            can_start_tls=False,
            mechanisms=("PLAIN",),
            append_limit=9,
        ).split()
    }
    assert {word.removesuffix("=...") for word in named} == offered - {"IMAP4rev1"}
