"""What the server offers, by state (RFC 3501 §7.2.1).

Passwords are not asked for on a plain connection: LOGINDISABLED and no AUTH= there.
"""

from typing import Final

_ALWAYS: Final = b" ".join(
    (
        b"IMAP4rev1",  # RFC 3501
        b"IMAP4rev2",  # RFC 9051
        b"CHILDREN",  # RFC 3348
        b"CONDSTORE",  # RFC 7162
        b"CREATE-SPECIAL-USE",  # RFC 6154
        b"ENABLE",  # RFC 5161
        b"ID",  # RFC 2971
        b"IDLE",  # RFC 2177
        b"LANGUAGE",  # RFC 5255
        b"LIST-EXTENDED",  # RFC 5258
        b"LIST-MYRIGHTS",  # RFC 8440
        b"LIST-STATUS",  # RFC 5819
        b"LIST-METADATA",  # RFC 9590
        b"LITERAL+",  # RFC 7888
        b"METADATA",  # RFC 5464
        b"MOVE",  # RFC 6851
        b"NAMESPACE",  # RFC 2342
        b"OBJECTID",  # RFC 8474
        b"PREVIEW",  # RFC 8970
        b"QRESYNC",  # RFC 7162
        b"QUOTA QUOTA=RES-MESSAGE QUOTA=RES-STORAGE QUOTASET",  # RFC 9208
        b"SASL-IR",  # RFC 4959
        b"SAVEDATE",  # RFC 8514
        b"SPECIAL-USE",  # RFC 6154
        b"STATUS=SIZE",  # RFC 8438
        b"UIDONLY",  # RFC 9586
        b"UIDPLUS",  # RFC 4315
        b"UNSELECT",  # RFC 3691
    )
)
# COMPRESS=DEFLATE RFC 4978 (before login it would only help whoever attacks zlib),
# ESEARCH 4731, WITHIN 5032, SEARCHRES 5182, I18NLEVEL=1 5255, SORT and THREAD 5256,
# ESORT and CONTEXT 5267, NOTIFY 5465, SORT=DISPLAY 5957, UNAUTHENTICATE 8437, PARTIAL 9394,
# INPROGRESS 9585
_AUTHENTICATED: Final = (
    b"COMPRESS=DEFLATE CONTEXT=SEARCH CONTEXT=SORT ESEARCH ESORT I18NLEVEL=1 INPROGRESS NOTIFY PARTIAL"
    b" SEARCHRES SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS UNAUTHENTICATE WITHIN"
)
# Mailboxes: ACL RFC 4314
# URLs: URLAUTH RFC 4467, URLAUTH=BINARY 5524, URL-PARTIAL 5550 §2.5
_URLS: Final = b"URL-PARTIAL URLAUTH URLAUTH=BINARY"
_MAILBOXES: Final = b"ACL RIGHTS=texk"
# Uploads, and content: MULTIAPPEND RFC 3502, BINARY 3516, CATENATE 4469, REPLACE 8508,
# UTF8=ACCEPT 6855
_UPLOADS: Final = b"BINARY CATENATE MULTIAPPEND REPLACE UTF8=ACCEPT"


def capabilities(
    *,
    is_authenticated: bool,
    can_start_tls: bool,
    mechanisms: tuple[str, ...],
    append_limit: int = 0,
) -> bytes:
    """The capability list; no ``mechanisms`` means that login is disabled here.

    ``append_limit``: octets of a message of APPEND, 0 is none (RFC 7889).
    """
    words = [_ALWAYS]
    if is_authenticated:
        words += [_AUTHENTICATED, _MAILBOXES, _UPLOADS, _URLS]
        words.append(b"APPENDLIMIT=%d" % append_limit if append_limit else b"APPENDLIMIT")
    else:
        if can_start_tls:
            words.append(b"STARTTLS")
        if mechanisms:
            words += [b"AUTH=" + name.encode("ascii") for name in mechanisms]
        else:
            words.append(b"LOGINDISABLED")
    return b" ".join(words)
