import msgspec
import pytest

from postroom.config.checks import faults
from postroom.config.model import Config
from postroom.config.oidc import Oidc

GOOD = Oidc(issuer="https://id.demo.test", client_id="us", client_secret_file="secret")


def found(**changed: object) -> list[str]:
    oidc = msgspec.structs.replace(GOOD, **changed)
    return [setting for setting, _ in faults(Config(hostname="mx.demo.test", oidc=oidc))]


def test_it_is_not_offered_without_an_issuer() -> None:
    assert Oidc().issuer is None
    assert Oidc().verified
    assert found() == []
    assert found(issuer=None, client_id="", client_secret_file=None) == []


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"issuer": "http://id.demo.test"}, "oidc.issuer"),
        ({"client_id": ""}, "oidc.client_id"),
        ({"client_secret_file": None}, "oidc.client_secret_file"),
        ({"client_secret_file": ""}, "oidc.client_secret_file"),
        ({"claim": ""}, "oidc.claim"),
        ({"ca_file": ""}, "oidc.ca_file"),
    ],
)
def test_what_makes_no_sense_is_named(changed: dict[str, object], setting: str) -> None:
    assert found(**changed) == [setting]
