"""Passwords at a directory server: whose they are, and what happens when it does not answer."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from hypothesis import given, strategies as st

from postroom.address import Address
from postroom.config.ldap import Ldap as Settings
from postroom.errors import ConfigurationError
from postroom.net import ldap
from postroom.net.ldap import Ldap, LdapDown, Source, filter_for, source_of
from postroom.telemetry.events import LdapFailed
from tests import certificates
from tests.certificates import AUTHORITY
from tests.fakes import Recorder
from tests.loop import patiently
from tests.net.ldap_server import BASE, READER, LdapServer, serving

BOB = Address.parse("bob@demo.test")
PEOPLE = {"bob@demo.test": "his-Secret"}
SOURCE = Source(
    host="127.0.0.1", port=0, is_tls=False, start_tls=False, ca_file=None, bind_dn=READER,
    password="reads", base=BASE, filter="(mail={address})", domains=frozenset(), seconds=5,
)  # fmt: skip


def asking(
    main: Callable[[Ldap, LdapServer], Awaitable[None]],
    source: Source = SOURCE,
    **how: Any,
) -> None:
    async def run() -> None:
        async with serving(PEOPLE, **how) as server:
            asks = Ldap(msgspec.structs.replace(source, port=server.port))
            try:
                await main(asks, server)
            finally:
                asks.close()

    patiently(run())


def test_a_password_is_right_or_wrong() -> None:
    async def main(asks: Ldap, server: LdapServer) -> None:
        assert await asks.verify(BOB, "his-Secret")
        assert server.filters == [("equalityMatch", "bob@demo.test")]
        assert server.binds == [(READER, "reads"), (server.name("bob@demo.test"), "his-Secret")]
        assert not await asks.verify(BOB, "other")
        assert not await asks.verify(BOB, "reads")
        # Who is not there is bound for as well.
        server.binds.clear()
        assert not await asks.verify(Address.parse("eve@demo.test"), "his-Secret")
        assert [name for name, _ in server.binds] == [READER, f"cn=nobody,{BASE}"]

    asking(main)


def test_an_empty_password_is_never_sent() -> None:
    async def main(asks: Ldap, server: LdapServer) -> None:
        assert not await asks.verify(BOB, "")
        assert server.connections == 0

    asking(main)


def test_an_entry_that_is_not_the_only_one_is_nobodys() -> None:
    async def main(asks: Ldap, server: LdapServer) -> None:
        server.times = 2
        assert not await asks.verify(BOB, "his-Secret")
        assert server.binds[-1][0] == f"cn=nobody,{BASE}"

    asking(main)


def test_nobody_is_found_by_what_they_are_called() -> None:
    async def main(asks: Ldap, server: LdapServer) -> None:
        for local in ("*", '"*)(mail=bob@demo.test"', '"bob)(|(uid=*"', "b*", '"\\\\2a"'):
            address = Address.parse(f"{local}@demo.test")
            assert not await asks.verify(address, "his-Secret")
            assert server.filters[-1] == ("equalityMatch", str(address))

    asking(main)


@given(st.text(alphabet="*()\\{}localdm\0é&|!=~", min_size=1, max_size=20))
def test_a_filter_holds_nothing_but_what_stands_in_the_settings(local: str) -> None:
    address = Address(local, BOB.domain)
    made = filter_for("(&(mail={address})(uid={local})(o={domain}))", address)
    assert made.startswith("(&(mail=")
    assert (made.count("("), made.count(")")) == (4, 4)
    assert "*" not in made
    assert "\0" not in made


def test_a_server_that_fails_is_no_failure_of_the_person(events: Recorder) -> None:
    async def main(asks: Ldap, server: LdapServer) -> None:
        for code in (51, 52, 2, 8):
            server.bind_code = code
            asks._asked_again = 0.0
            with pytest.raises(LdapDown) as caught:
                await asks.verify(BOB, "his-Secret")
            assert (caught.value.code, caught.value.status) == (454, "4.7.0")
        server.bind_code = None
        seen = server.connections
        with pytest.raises(LdapDown, match="of late"):
            await asks.verify(BOB, "his-Secret")
        assert server.connections == seen
        assert len(events.of(LdapFailed)) == 4
        asks._asked_again = 0.0
        assert await asks.verify(BOB, "his-Secret")

    asking(main)


def test_who_may_not_look_is_told_to_the_postmaster(events: Recorder) -> None:
    async def main(asks: Ldap, _server: LdapServer) -> None:
        with pytest.raises(LdapDown):
            await asks.verify(BOB, "his-Secret")
        (told,) = events.of(LdapFailed)
        assert "bind_dn: invalidCredentials" in told.reason
        assert "wrong" not in told.reason

    asking(main, msgspec.structs.replace(SOURCE, password="wrong"))


def test_nobody_there_or_nobody_who_answers() -> None:
    async def main(asks: Ldap, server: LdapServer) -> None:
        server.is_silent = True
        with pytest.raises(LdapDown):
            await asks.verify(BOB, "his-Secret")
        nobody = Ldap(msgspec.structs.replace(SOURCE, port=1))
        with pytest.raises(LdapDown):
            await nobody.verify(BOB, "his-Secret")
        nobody.close()

    asking(main, msgspec.structs.replace(SOURCE, seconds=1))


def test_so_many_ask_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldap, "MAX_WAITING", 2)

    async def main(asks: Ldap, _server: LdapServer) -> None:
        found = await asyncio.gather(
            *(asks.verify(BOB, "his-Secret") for _ in range(4)), return_exceptions=True
        )
        assert [one for one in found if one is True] == [True, True]
        assert sum(isinstance(one, LdapDown) for one in found) == 2

    asking(main)


# ldap3 leaves the socket of a wrong certificate to the collection of garbage.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("implicit", [True, False])
def test_tls_is_checked(tmp_path: Path, implicit: bool) -> None:
    trusted, foreign = tmp_path / "ca.pem", tmp_path / "other.pem"
    AUTHORITY.cert_pem.write_to_path(str(trusted))
    trustme.CA().cert_pem.write_to_path(str(foreign))
    source = msgspec.structs.replace(
        SOURCE, is_tls=implicit, start_tls=not implicit, ca_file=str(trusted)
    )

    async def main(asks: Ldap, server: LdapServer) -> None:
        assert await asks.verify(BOB, "his-Secret")
        seen = len(server.binds)
        for changed in ({"ca_file": str(foreign)}, {"host": "localhost"}):
            bad = Ldap(msgspec.structs.replace(source, port=server.port, **changed))
            with pytest.raises(LdapDown):
                await bad.verify(BOB, "his-Secret")
            bad.close()
        assert len(server.binds) == seen  # nothing was said before TLS was right

    asking(main, source, tls=certificates.server("127.0.0.1"), implicit=implicit)


def test_without_tls_on_the_other_side_nothing_is_said() -> None:
    async def main(asks: Ldap, server: LdapServer) -> None:
        with pytest.raises(LdapDown):
            await asks.verify(BOB, "his-Secret")
        assert server.binds == []

    asking(main, msgspec.structs.replace(SOURCE, start_tls=True))


def test_the_settings_name_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert source_of(Settings()) is None
    secret = tmp_path / "secret"
    secret.write_text("reads\n")
    settings = Settings(
        url="ldap://ldap.demo.test", base=BASE, bind_dn=READER, password_file=str(secret),
        domains=("demo.test",),
    )  # fmt: skip
    found = source_of(settings)
    assert found is not None
    assert (found.host, found.port, found.start_tls, found.password) == (
        "ldap.demo.test", 389, True, "reads",
    )  # fmt: skip
    assert "reads" not in repr(found)
    asks = Ldap(found)
    assert asks.serves("demo.test")
    assert not asks.serves("other.test")
    asks.close()
    found = source_of(Settings(url="ldaps://ldap.demo.test:1636", base=BASE))
    assert found is not None
    assert (found.port, found.is_tls, found.start_tls) == (1636, True, False)
    secret.unlink()
    with pytest.raises(ConfigurationError, match="password_file"):
        source_of(settings)
    monkeypatch.setitem(sys.modules, "ldap3", None)
    with pytest.raises(ConfigurationError, match=r"postroom\[ldap\]"):
        source_of(settings)
