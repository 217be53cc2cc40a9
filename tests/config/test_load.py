"""Files are found in order, read whole, and refused with the setting's path.

``bad/`` holds one file for each mistake; its first line says the refusal.
"""

import socket
from pathlib import Path

import pytest
from hypothesis import given, strategies

from postroom.config import load
from postroom.config.model import STANDARD_PORTS, Limits, Listen, standard_listeners
from postroom.errors import ConfigurationError

BAD = sorted(Path(__file__).with_name("bad").glob("*.toml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_with_its_reason(path: Path) -> None:
    expected = path.read_text().splitlines()[0].removeprefix("# ")
    with pytest.raises(ConfigurationError) as refusal:
        load.load(path)
    assert str(refusal.value) == f"{path}: {expected}"


def test_the_example_of_the_documentation() -> None:
    config = load.parse(
        """
        hostname = "mail.example.org"
        data = "/var/lib/postroom"
        [[listen]]
        protocol = "smtp"
        address = "127.0.0.1"
        port = 2525
        auth = "tls"
        checks = "none"
        relay_from = ["192.0.2.0/28", "2001:db8::/32"]
        [[listen]]
        protocol = "imaps"
        [tls]
        certificate = "/path/fullchain.pem"
        key = "/path/key.pem"
        [dns]
        servers = ["127.0.0.1:5353"]
        [limits]
        max_message = 0
        """
    )
    assert config.hostname == "mail.example.org"
    assert config.listen == (
        Listen(
            protocol="smtp",
            address="127.0.0.1",
            port=2525,
            auth="tls",
            checks="none",
            relay_from=("192.0.2.0/28", "2001:db8::/32"),
        ),
        Listen(protocol="imaps", port=993, auth="tls"),
    )
    assert config.dns.servers == ("127.0.0.1:5353",)
    assert config.limits == Limits(max_message=0)


def test_an_empty_file_opens_the_standard_ports() -> None:
    config = load.parse("")
    assert config.listen == standard_listeners()
    assert config.data == "/var/lib/postroom"
    assert config.database is None
    assert config.hostname == load.machine_name()


@pytest.mark.parametrize("protocol", STANDARD_PORTS)
def test_a_listener_without_a_port_gets_the_standard_one(protocol: str) -> None:
    (listen,) = load.parse(f'[[listen]]\nprotocol = "{protocol}"').listen
    assert listen.port == dict(STANDARD_PORTS)[listen.protocol]


def test_paths_begin_at_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("etc").mkdir()
    text = 'data = "mail"\n[tls]\ncertificate = "a.pem"\nkey = "/b.pem"\n'
    tmp_path.joinpath("etc/postroom.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    config = load.load("etc/postroom.toml")
    assert config.data == str(tmp_path / "etc/mail")
    assert config.tls.certificate == str(tmp_path / "etc/a.pem")
    assert config.tls.key == "/b.pem"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="none.toml: there is no such file; this makes it: .* setup"
    ):
        load.load(tmp_path / "none.toml")


@pytest.mark.parametrize("octets", [b"", b"\n \r\n", bytes(4096)])
def test_an_emptied_file_is_not_taken_for_the_defaults(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "postroom.toml"
    path.write_bytes(octets)
    with pytest.raises(ConfigurationError, match="is empty, .* Put its text back"):
        load.load(path)
    assert path.read_bytes() == octets


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        load.load(tmp_path)


def test_a_file_is_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'hostname = "b\xfccher.example"')
    with pytest.raises(ConfigurationError, match="latin.toml: is not UTF-8 text"):
        load.load(path)


def test_without_a_file_everything_is_default() -> None:
    assert load.load(None) == load.parse("")


def test_files_are_found_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSTROOM_CONFIG", raising=False)
    monkeypatch.setattr(load, "SYSTEM_FILE", tmp_path / "system.toml")
    assert load.find() is None
    (tmp_path / "system.toml").touch()
    assert load.find() == tmp_path / "system.toml"
    (tmp_path / "postroom.toml").touch()
    assert load.find() == Path("postroom.toml")
    monkeypatch.setenv("POSTROOM_CONFIG", "/env.toml")
    assert load.find() == Path("/env.toml")
    assert load.find("/option.toml") == Path("/option.toml")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mail.example.org", "mail.example.org"),
        ("", "localhost"),
        ("a b", "localhost"),
        ("192.0.2.1", "localhost"),
    ],
)
def test_a_machine_without_a_valid_name_is_localhost(
    monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: name)
    assert load.machine_name() == expected


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        load.parse("a = " + "[" * 100_000)


SETTINGS = strategies.sampled_from(
    ["hostname", "data", "listen", "limits", "log", "trusted", "database", "tls.key", "x", '"\\n"']
)
VALUES = strategies.sampled_from(
    ["1", '""', "[]", "{}", "[[]]", "[{}]", "true", "1979-05-27", "1.5", '["a"]', "[{protocol=[]}]"]
)


@given(strategies.dictionaries(SETTINGS, VALUES, max_size=4))
def test_any_toml_is_loaded_or_refused_in_one_line(tables: dict[str, str]) -> None:
    try:
        load.parse("\n".join(f"{key} = {value}" for key, value in tables.items()))
    except ConfigurationError as refusal:
        assert str(refusal).isprintable()


@given(strategies.text(max_size=80))
def test_any_text_is_loaded_or_refused(text: str) -> None:
    try:
        load.parse(text)
    except ConfigurationError as refusal:
        assert str(refusal).startswith("postroom.toml: ")


def test_every_path_begins_at_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "postroom.toml"
    file.write_text(
        'hostname = "mail.example.org"\ndata = "data"\n'
        '[tls]\nclient_ca_file = "people.pem"\n'
        '[oauth]\nclient_secret_file = "secret"\nca_file = "/etc/ca.pem"\n'
        '[delivery]\nca_file = "ca.pem"\n'
    )
    config = load.load(file)
    assert config.data == str(tmp_path / "data")
    assert config.tls.client_ca_file == str(tmp_path / "people.pem")
    assert config.oauth.client_secret_file == str(tmp_path / "secret")
    assert config.oauth.ca_file == "/etc/ca.pem"
    assert config.delivery.ca_file == str(tmp_path / "ca.pem")
