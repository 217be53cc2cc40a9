import pytest
from hypothesis import given, strategies as st

from postroom.directory.sealing import open_sealed, seal
from postroom.errors import StorageFailed

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))


@given(st.binary(max_size=2000), st.binary(max_size=60))
def test_what_is_sealed_is_opened(plain: bytes, context: bytes) -> None:
    assert open_sealed(KEY, seal(KEY, plain, context), context) == plain


def test_the_same_secret_never_looks_the_same() -> None:
    sealed = {seal(KEY, b"secret", b"relay:x") for _ in range(100)}
    assert len(sealed) == 100
    assert not any(b"secret" in one for one in sealed)


def test_only_its_key_and_context_open_it() -> None:
    sealed = seal(KEY, b"secret", b"relay:x")
    for key, context in [(OTHER, b"relay:x"), (KEY, b"relay:y"), (KEY, b"")]:
        with pytest.raises(StorageFailed, match="another key than data/secrets/seal"):
            open_sealed(key, sealed, context)


@given(st.binary(max_size=60))
def test_anything_else_is_refused(octets: bytes) -> None:
    with pytest.raises(StorageFailed, match="relay:x: "):
        open_sealed(KEY, octets, b"relay:x")


def test_every_flipped_bit_and_every_cut_is_found() -> None:
    sealed = seal(KEY, b"secret", b"relay:x")
    for at in range(len(sealed)):
        flipped = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        for damaged in (flipped, sealed[:at]):
            with pytest.raises(StorageFailed):
                open_sealed(KEY, damaged, b"relay:x")


def test_the_secret_stands_in_no_error() -> None:
    with pytest.raises(StorageFailed) as caught:
        open_sealed(OTHER, seal(KEY, b"secret", b"relay:\xff"), b"relay:\xff")
    assert "secret" not in str(caught.value).replace("data/secrets", "")
    assert caught.value.__cause__ is None
