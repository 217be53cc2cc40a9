from tests.sieve.desk import SIMPLE, letter


def test_octets_reach_over_head_and_body() -> None:
    about = letter()
    size = len(about.head)
    assert about.octets(0, 9) == b"Received:"
    assert about.octets(size, size + 3) == b"one"
    assert about.octets(size - 2, size + 3) == b"\r\none"
    assert about.octets(0, len(SIMPLE) + 100) == SIMPLE
