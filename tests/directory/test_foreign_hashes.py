"""Hashes of other servers."""

import base64
import hashlib

import pytest

from postroom.directory import foreign_hashes, passwords
from postroom.directory.foreign_hashes import matches, taken

SALTED = base64.b64encode(hashlib.sha512(b"secret" + b"salt").digest() + b"salt").decode()


def scram(rounds: int) -> str:
    pair = passwords.scram_pair("secret", b"saltsalt", rounds)
    salt, stored, server = (
        base64.b64encode(one).decode() for one in (b"saltsalt", pair.stored_key, pair.server_key)
    )
    return f"{{SCRAM-SHA-256}}{rounds},{salt},{stored},{server}"


GOOD = [
    "{SSHA512}" + SALTED,
    "{SSHA256.HEX}" + (hashlib.sha256(b"secretpepper").digest() + b"pepper").hex(),
    "{SSHA}" + base64.b64encode(hashlib.sha1(b"secretX").digest() + b"X").decode(),
    "{SHA256}" + base64.b64encode(hashlib.sha256(b"secret").digest()).decode(),
    "{SHA1.HEX}" + hashlib.sha1(b"secret").hexdigest(),
    "{PBKDF2}$1$abc$5000$" + hashlib.pbkdf2_hmac("sha1", b"secret", b"abc", 5000).hex(),
    "{SMD5}" + base64.b64encode(hashlib.md5(b"secretX").digest() + b"X").decode(),
    "{PLAIN-MD5}" + hashlib.md5(b"secret").hexdigest(),
    "{LDAP-MD5}" + base64.b64encode(hashlib.md5(b"secret").digest()).decode(),
    "{ARGON2ID}$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$a+14sZrM3WlHRqt5/WdCUV/JLk6EZ2msKUAUr2unNqI",
    "{CRYPT}$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$a+14sZrM3WlHRqt5/WdCUV/JLk6EZ2msKUAUr2unNqI",
    "{ARGON2I}$argon2i$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$oBpYCn36AWUwEergFUKQTCLyMooK0d54M4IvMMvCZ5Y",
    scram(4096),
    "{HMAIL-SHA256}abcdef" + hashlib.sha256(b"abcdefsecret").hexdigest(),
]


@pytest.mark.parametrize("text", GOOD)
def test_each_scheme_knows_its_password(text: str) -> None:
    assert taken(text) == text
    assert matches("secret", text)
    assert not matches("Secret", text)
    assert not matches("", text)
    assert not matches("secret\0", text)


def crypted(setting: str) -> str:
    """What crypt(3) makes of the password; the library is there on every Debian."""
    import ctypes

    function = foreign_hashes._crypt()
    assert function is not None
    found = function(b"secret", setting.encode(), ctypes.create_string_buffer(1 << 18))
    assert found is not None
    return found.decode()


@pytest.mark.parametrize(
    ("scheme", "setting"),
    [
        ("SHA512-CRYPT", "$6$saltsalt$"),
        ("SHA512-CRYPT", "$6$rounds=1000$saltsalt$"),
        ("SHA256-CRYPT", "$5$saltsalt$"),
        ("MD5-CRYPT", "$1$saltsalt$"),
        ("BLF-CRYPT", "$2y$05$abcdefghijklmnopqrstuu"),
        ("CRYPT", "$y$j9T$saltsalt$"),
    ],
)
def test_hashes_of_crypt(scheme: str, setting: str) -> None:
    text = f"{{{scheme}}}{crypted(setting)}"
    assert taken(text) == text
    assert matches("secret", text)
    assert not matches("secreT", text)


def test_a_hash_that_openssl_has_made() -> None:
    text = (
        "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI"
        "68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    )
    assert taken(text) == text
    assert matches("Hello world!", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "{SHA512-CRYPT}nonsense",
        "{SHA512-CRYPT}$6$rounds=999999999$salt$" + "x" * 86,
        "{BLF-CRYPT}$2y$31$" + "x" * 53,
        "{SSHA512}AAAA",
        "{SSHA512}not base64!",
        "{SHA256}" + base64.b64encode(b"x" * 33).decode(),
        "{PBKDF2}$1$a$9999999$" + "0" * 40,
        "{PBKDF2}$1$a$0$" + "0" * 40,
        "{ROT13}frperg",
        "{ARGON2ID}$argon2id$v=19$m=999999,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
        "{ARGON2ID}$argon2id$v=19$m=65536,t=99,p=1$c2FsdHNhbHQ$" + "A" * 43,
        "{ARGON2ID}$argon2id$v=19$m=7,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
        "{ARGON2ID}$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
        "{SCRAM-SHA-256}9999999,c2FsdHNhbHQ=," + "A" * 43 + "=," + "A" * 43 + "=",
        "{PLAIN-MD5}abc",
        "{CRYPT}abJnggxhB/yWI",
    ],
)
def test_what_can_not_be_tested_or_costs_too_much_is_not_taken(text: str) -> None:
    assert taken(text) == ""
    assert not matches("secret", text)
