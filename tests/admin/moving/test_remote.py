import asyncio

import pytest

from postroom.admin.moving.remote import PROVIDERS, Remote, addresses, completed
from postroom.errors import Invalid, NotFound
from postroom.net.channel import RemoteFailed

ALICE = Remote("imap", "", 0, "implicit", "alice", "secret word")


def changed(**values: object) -> Remote:
    import msgspec

    return msgspec.structs.replace(ALICE, **values)


def test_presets_and_usual_ports() -> None:
    assert completed(ALICE, "gmail").host == "imap.gmail.com"
    assert completed(ALICE, "gmail").port == 993
    assert completed(changed(protocol="pop3"), "gmx").host == "pop.gmx.net"
    assert completed(changed(host="x.test", tls="starttls")).port == 143
    assert completed(changed(host="127.0.0.1", tls="none", port=5)).port == 5
    assert completed(changed(host="localhost", tls="none")).port == 143  # the end of a tunnel
    assert completed(changed(host="mine.test"), "gmail").host == "mine.test"


@pytest.mark.parametrize(
    ("there", "preset", "why"),
    [
        (ALICE, "", "name the server"),
        (changed(host="x.test", tls="none"), "", "in clear"),
        (changed(host="64:ff9b::7f00:1", tls="none"), "", "in clear"),  # 127.0.0.1 of a NAT64
        (changed(login=""), "gmail", "user or the password is empty"),
        (changed(protocol="pop3"), "icloud", "icloud has no POP3"),
    ],
)
def test_what_is_refused(there: Remote, preset: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        completed(there, preset)
    with pytest.raises(NotFound, match=f"there is no preset x: there are {', '.join(PROVIDERS)}"):
        completed(there, "x")


def test_no_secret_is_shown() -> None:
    assert "secret" not in repr(ALICE)


def test_addresses_of_a_host() -> None:
    assert asyncio.run(addresses("127.0.0.1")) == ["127.0.0.1"]
    with pytest.raises(RemoteFailed, match="has no address"):
        asyncio.run(addresses("no.such.host.invalid"))
