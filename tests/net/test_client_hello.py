"""Who offers what, also when the octets are a stranger's."""

import ssl

from hypothesis import given, strategies as st

from postroom.net.client_hello import protocols


def hello(offered: list[str], name: str | None = "a.test") -> bytes:
    """The first handshake message of a real client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if offered:
        context.set_alpn_protocols(offered)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()[5:]  # without the record header


def test_a_real_client_is_read() -> None:
    assert protocols(hello(["acme-tls/1"])) == (b"acme-tls/1",)
    assert protocols(hello(["h2", "http/1.1"], None)) == (b"h2", b"http/1.1")
    assert protocols(hello([])) == ()


WHOLE = hello(["acme-tls/1"])


@given(st.integers(0, len(WHOLE) - 1))
def test_what_is_cut_short_offers_nothing_or_what_it_holds(size: int) -> None:
    assert protocols(WHOLE[:size]) in {(), (b"acme-tls/1",)}


@given(st.binary(max_size=300))
def test_rubbish_offers_nothing_and_fails_nowhere(octets: bytes) -> None:
    protocols(octets)
    protocols(b"\x01" + octets)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_one_wrong_octet_is_no_fault(place: int, octet: int) -> None:
    protocols(WHOLE[:place] + bytes([octet]) + WHOLE[place + 1 :])
