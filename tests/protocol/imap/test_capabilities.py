"""The capability list."""

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
