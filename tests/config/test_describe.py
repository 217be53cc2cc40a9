import pytest

from postroom.config import describe
from postroom.config.delivery import Delivery
from postroom.config.describe import Value
from postroom.config.filters import Filter
from postroom.config.ldap import Ldap
from postroom.config.model import Config, Limits, Listen

CONFIG = Config(
    hostname="mx.demo.test",
    database="postgresql://me:pa@ss@db.test/mail",
    listen=(
        Listen(protocol="smtp", port=2525),
        Listen(protocol="imap", port=143, auth="plain", address="127.0.0.1"),
    ),
    ldap=Ldap(url="ldaps://me:secret@ldap.test"),
    limits=Limits(max_recipients=500),
    delivery=Delivery(allow_private=("10.0.0.0/8", 'a"b')),
)


def values(config: Config = CONFIG, words: str = "") -> dict[str, Value]:
    found = describe.search(describe.current(config), words)
    return {f"{table.title} {one.setting.name}": one for table in found for one in table.values}


def test_every_setting_has_its_value_now() -> None:
    found = values()
    for title, table in describe.tables(Config):
        number = " 1" if title == "[[listen]]" else ""
        for setting in describe.settings(table):
            assert found.pop(f"{title}{number} {setting.name}").setting == setting
    assert {name[:12] for name in found} == {"[[listen]] 2"}


def test_what_differs_from_its_default_is_marked() -> None:
    changed = {name: one.value for name, one in values().items() if one.is_changed}
    assert changed == {
        "Top level database": '"postgresql://me@db.test/mail"',
        "[[listen]] 2 address": '"127.0.0.1"',
        "[[listen]] 2 auth": '"plain"',
        "[ldap] url": '"ldaps://me@ldap.test"',
        "[limits] max_recipients": "500",
        "[delivery] allow_private": r'["10.0.0.0/8", "a\"b"]',
    }


def test_values_are_written_as_in_the_file() -> None:
    found = values()
    for name, value in (
        ("Top level hostname", '"mx.demo.test"'),
        ("Top level trusted", "[]"),
        ("[[listen]] 1 port", "2525"),
        ("[[listen]] 1 auth", '"never"'),  # its default depends on the protocol
        ("[tls] certificate", ""),
        ("[spam] enabled", "true"),
        ("[spam] junk_at", "5.0"),
        ("[webhooks] ports", "[443, 8443]"),
    ):
        assert found[name].value == value, name
    assert found["[webhooks] ports"].setting.kind == "list of numbers"


def test_a_table_that_is_not_there_has_settings_without_a_value() -> None:
    found = values(Config(hostname="x.test"))
    assert found["[[dnsbl]] score"] == Value(found["[[dnsbl]] score"].setting, "", False)
    assert found["[[dnsbl]] score"].setting.default == "3"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("JUNK_at", {"[spam] junk_at"}),
        ("spam.junk", {"[spam] junk_at"}),
        ("listen.relay_from", {"[[listen]] 1 relay_from", "[[listen]] 2 relay_from"}),
        ("8161 none", set()),
        ("disk 452", {"[limits] disk_reserve"}),
        ("db.test", set()),  # values are not looked at
    ],
)
def test_names_and_meanings_are_searched(words: str, names: set[str]) -> None:
    assert set(values(words=words)) == names


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host.test/a:b@c", "https://host.test/a:b@c"),
        ("https://me:a:b@c@host.test/", "https://me@host.test/"),
        ("https://:p@host.test", "https://@host.test"),
        ("x://h/?Password=a&b=c&client_secret=d&x_token=e", "x://h/?Password=&b=c&client_secret=&x_token="),
        ("(mail={address})", "(mail={address})"),
    ],
)  # fmt: skip
def test_passwords_in_urls_are_masked(url: str, shown: str) -> None:
    assert describe.masked(url) == shown


def test_urls_are_masked_wherever_they_stand() -> None:
    config = Config(
        hostname="mx.demo.test",
        data="/tmp/x",
        database="postgresql://me:s3cret@db/x",
        filter=(Filter(kind="http", address="127.0.0.1:1", target="/judge?token=s3cret"),),
    )
    shown = describe.without_passwords(config)
    assert "s3cret" not in repr(shown)
    assert shown.filter[0].target == "/judge?token="
    assert shown.hostname == config.hostname
    assert shown.limits == config.limits
