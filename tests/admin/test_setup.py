import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from postroom.admin import setup
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.relays import Wanted
from postroom.admin.setup import Wish
from postroom.config.load import load
from postroom.config.model import standard_listeners
from postroom.errors import Invalid, Refused
from tests.admin.bureau import Story, logs_in
from tests.fakes import Clock
from tests.powercut import Disk

WISH = Wish(
    domain="demo.test",
    admin="me@demo.test",
    hostname="mail.demo.test",
    data="/var/lib/mail",
    password="a-Good-one-1",
)


def test_the_file_is_read_by_the_server_and_one_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "postroom.toml"
    assert not setup.write_file(path, WISH).was_there
    config = load(path)
    assert (config.hostname, config.data) == ("mail.demo.test", "/var/lib/mail")
    assert config.acme.accept_terms
    assert config.acme.contact == "me@demo.test"
    path.write_text('hostname = "other.test"\n')
    assert setup.write_file(path, WISH).was_there
    assert path.read_text() == 'hostname = "other.test"\n'


def test_the_file_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    setup.write_file(tmp_path / "postroom.toml", WISH)
    assert disk.has_octets(tmp_path / "postroom.toml")


def test_behind_a_web_server_only_the_pages_move(tmp_path: Path) -> None:
    path = tmp_path / "postroom.toml"
    setup.write_file(path, msgspec.structs.replace(WISH, web_port=8081))
    listen = load(path).listen
    usual = [one for one in standard_listeners() if one.protocol not in {"http", "https"}]
    assert list(listen[:-1]) == usual
    assert (listen[-1].protocol, listen[-1].address, listen[-1].port) == ("http", "127.0.0.1", 8081)


def test_consent_to_terms_is_not_invented(tmp_path: Path) -> None:
    path = tmp_path / "postroom.toml"
    odd = Wish(
        domain="demo.test", admin="a@demo.test", hostname="m.test", data='C:\\"x"',
        wants_certificates=False,
    )  # fmt: skip
    setup.write_file(path, odd)
    assert "acme" not in tomllib.loads(path.read_text())
    assert tomllib.loads(path.read_text())["data"] == 'C:\\"x"'


def test_a_file_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="name another with -c"):
        setup.write_file(tmp_path / "file" / "postroom.toml", WISH)


def test_everything_is_made_once(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        assert await setup.known_domain(office) == ""
        wish = Wish(
            domain="demo.test", admin="me@demo.test", hostname="mail.demo.test", data="x",
            password="a-Good-one-1",
            relay=Wanted(host="smtp.provider.test", port=465, tls="implicit"),
        )  # fmt: skip
        first = await setup.furnish(office, wish)
        assert [one.was_there for one in first] == [False, False, False]
        assert await logs_in(office, "me@demo.test", "a-Good-one-1")
        again = await setup.furnish(
            office, Wish(domain="demo.test", admin="me@demo.test", hostname="h", data="x",
                         password="another-One-2", relay=wish.relay),
        )  # fmt: skip
        assert [one.was_there for one in again] == [True, True, True]
        assert await logs_in(office, "me@demo.test", "a-Good-one-1")
        assert not await logs_in(office, "me@demo.test", "another-One-2")
        assert len([one async for one in relays.every(office)]) == 1
        assert await setup.known_domain(office) == "demo.test"

    tell(story)


def test_a_secret_is_not_shown() -> None:
    assert "a-Good-one-1" not in repr(WISH)


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("Example.ORG.", "example.org"),
        (" example.org ", "example.org"),
        ("@example.org", "example.org"),
        ("anna@example.org", "example.org"),
        ("xn--bcher-kva.example", "b\u00fccher.example"),
        ("B\u00dcCHER.example", "b\u00fccher.example"),
    ],
)
def test_a_domain_is_understood_however_it_is_typed(typed: str, domain: str) -> None:
    assert setup.mail_domain(typed) == domain


def test_an_address_of_a_machine_is_no_domain() -> None:
    with pytest.raises(Invalid, match="name the domain"):
        setup.mail_domain("192.0.2.1")


def test_settings_that_nothing_can_be_made_with_go_again(tmp_path: Path) -> None:
    path = tmp_path / "postroom.toml"

    def fail() -> None:
        with setup.settings(path, WISH):
            assert path.exists()
            raise Refused("no")

    with pytest.raises(Refused):
        fail()
    assert not path.exists()
    with setup.settings(path, WISH):
        pass
    with pytest.raises(Refused):
        fail()
    assert path.exists()  # it was there before


def test_an_address_that_was_typed_for_the_domain_is_not_asked_again() -> None:
    assert setup.address_in("Anna@Example.org.") == "Anna@example.org"
    for other in ("example.org", "@example.org", "a b@example.org", "anna@", "anna@gmail.com", ""):
        assert setup.address_in(other) == ""


def test_the_domain_of_a_provider_is_nobody_elses() -> None:
    with pytest.raises(Invalid, match=r"gmail.com is Gmail.*'s: name a domain of your own"):
        setup.mail_domain("me@gmail.com")


@pytest.mark.parametrize(
    "typed", ["", "@", "a b", "[192.0.2.1]", "anna@", "x" * 300, "localhost", "com"]
)
def test_what_is_no_domain_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        setup.mail_domain(typed)


def test_the_admin_is_somebody_of_the_domain() -> None:
    assert setup.admin_address("anna", "example.org") == "anna@example.org"
    assert setup.admin_address(" anna@EXAMPLE.org", "example.org") == "anna@example.org"
    assert setup.admin_address("a@xn--bcher-kva.example", "b\u00fccher.example") == (
        "a@b\u00fccher.example"
    )
    for wrong in ("anna@example.net", "an na", "@example.org", ""):
        with pytest.raises(Invalid):
            setup.admin_address(wrong, "example.org")


def test_a_server_has_a_whole_name() -> None:
    assert setup.host_name("MX.Example.org.") == "mx.example.org"
    for wrong in ("localhost", "192.0.2.1", "[192.0.2.1]", "-", "a b.org"):
        with pytest.raises(Invalid):
            setup.host_name(wrong)
