import pytest

from postroom.sieve.addressing import field_parts, path_part


def parts(value: bytes, part: str) -> list[str]:
    return list(field_parts(value, part, "+"))


def test_parts_of_a_field() -> None:
    value = b'"Doe, J" <j.doe+x+y@Example.org>, (c) k@[192.0.2.1], G: l@e.example;, nobody'
    assert parts(value, "all") == [
        "j.doe+x+y@Example.org", "k@[192.0.2.1]", "l@e.example", "nobody",
    ]  # fmt: skip
    assert parts(value, "localpart") == ["j.doe+x+y", "k", "l", "nobody"]
    assert parts(value, "domain") == ["Example.org", "[192.0.2.1]", "e.example"]
    assert parts(value, "user") == ["j.doe", "k", "l", "nobody"]
    assert parts(value, "detail") == ["x+y"]


@pytest.mark.parametrize("part", ["all", "localpart", "domain", "user", "detail"])
def test_the_null_path_is_empty_in_every_part(part: str) -> None:
    assert path_part("", part, "+") == ""


def test_parts_of_a_path() -> None:
    assert path_part('"a@b"@c.example', "localpart", "+") == '"a@b"'
    assert path_part("a+@c.example", "detail", "+") == ""
    assert path_part("a@c.example", "detail", "+") is None
    assert path_part("a-x@c.example", "detail", "-+") == "x"
    assert path_part("postmaster", "domain", "+") is None
