"""The child speaks in lines, whatever goes wrong. (Whole orders: ``interop``, with pebble.)"""

import io
import subprocess
import sys

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from postroom.net.acme_child import Order, Said, main

KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


def said(line: bytes) -> tuple[int, list[Said]]:
    out = io.BytesIO()
    status = main(io.BytesIO(line), out)
    return status, [msgspec.json.decode(one, type=Said) for one in out.getvalue().splitlines()]


@pytest.mark.parametrize("line", [b"", b"nonsense\n", b"{}\n", b'{"directory": 1}\n'])
def test_what_is_no_order_is_told(line: bytes) -> None:
    status, (only,) = said(line)
    assert status == 1
    assert only.kind == "failed"
    assert only.value.startswith("no order came")


def test_an_authority_that_is_not_there_is_told_with_its_reason() -> None:
    order = Order(directory="https://127.0.0.1:9/dir", account_key=KEY, key=KEY, names=("a.test",))
    status, (only,) = said(msgspec.json.encode(order) + b"\n")
    assert status == 1
    assert only.kind == "failed"
    assert "refused" in only.value


def test_a_key_that_can_not_be_read_is_told_and_not_repeated() -> None:
    order = Order(directory="https://127.0.0.1:9/dir", account_key="no key of mine")
    _, (only,) = said(msgspec.json.encode(order) + b"\n")
    assert only.kind == "failed"
    assert "no key of mine" not in only.value


def test_the_libraries_stay_out_of_the_server() -> None:
    script = (
        "import sys, postroom.house\n"
        "heavy = {'acme', 'josepy', 'requests', 'OpenSSL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
