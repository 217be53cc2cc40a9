"""What the server offers, by state (RFC 3501 §7.2.1).

Passwords are not asked for on a plain connection: LOGINDISABLED and no AUTH= there.
"""

from typing import Final

# IDLE RFC 2177, NAMESPACE 2342, ID 2971, CHILDREN 3348, UNSELECT 3691, UIDPLUS 4315,
# SASL-IR 4959, ENABLE 5161, SPECIAL-USE 6154, MOVE 6851, LANGUAGE 5255, LITERAL+ 7888, STATUS=SIZE 8438
_ALWAYS: Final = (
    b"IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN "
    b"SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE LANGUAGE"
)
# COMPRESS=DEFLATE RFC 4978 (before login it would only help whoever attacks zlib),
# ESEARCH 4731, WITHIN 5032, SEARCHRES 5182, I18NLEVEL=1 5255, NOTIFY 5465, UNAUTHENTICATE 8437
_AUTHENTICATED: Final = (
    b"COMPRESS=DEFLATE ESEARCH I18NLEVEL=1 NOTIFY SEARCHRES UNAUTHENTICATE WITHIN"
)
# Uploads: MULTIAPPEND RFC 3502
_UPLOADS: Final = b"MULTIAPPEND"


def capabilities(
    *, is_authenticated: bool, can_start_tls: bool, mechanisms: tuple[str, ...]
) -> bytes:
    """The capability list; no ``mechanisms`` means that login is disabled here."""
    words = [_ALWAYS]
    if is_authenticated:
        words += [_AUTHENTICATED, _UPLOADS]
    else:
        if can_start_tls:
            words.append(b"STARTTLS")
        if mechanisms:
            words += [b"AUTH=" + name.encode("ascii") for name in mechanisms]
        else:
            words.append(b"LOGINDISABLED")
    return b" ".join(words)
