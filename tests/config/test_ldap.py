import msgspec
import pytest

from postroom.config.checks import faults
from postroom.config.ldap import Ldap
from postroom.config.model import Config

GOOD = Ldap(url="ldaps://ldap.demo.test", base="dc=demo")


def found(**changed: object) -> list[str]:
    ldap = msgspec.structs.replace(GOOD, **changed)
    return [setting for setting, _ in faults(Config(hostname="mx.demo.test", ldap=ldap))]


def test_nothing_is_asked_without_an_address() -> None:
    assert Ldap().url is None
    assert found() == []
    assert found(url="ldap://127.0.0.1:389", start_tls=False) == []
    assert found(url="ldap://ldap.demo.test") == []


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"url": "http://ldap.demo.test"}, "ldap.url"),
        ({"url": "ldap.demo.test"}, "ldap.url"),
        ({"url": "ldap://x:port"}, "ldap.url"),
        ({"url": "ldaps://x/dc=demo?mail"}, "ldap.url"),
        ({"url": "ldap://ldap.demo.test", "start_tls": False}, "ldap.start_tls"),
        ({"base": ""}, "ldap.base"),
        ({"filter": "(mail=bob)"}, "ldap.filter"),
        ({"bind_dn": "cn=x"}, "ldap.password_file"),
        ({"password_file": "x"}, "ldap.password_file"),
        ({"ca_file": ""}, "ldap.ca_file"),
    ],
)
def test_what_makes_no_sense_is_named(changed: dict[str, object], setting: str) -> None:
    assert found(**changed) == [setting]
