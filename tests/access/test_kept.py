"""Results that are kept."""

from postroom.access.kept import Kept


def test_values_by_key_and_kind() -> None:
    kept = Kept()
    kept.put("a", [1], 10)
    kept.put("b", "text", 10)
    assert kept.get("a", list) == [1]
    assert kept.get("b", str) == "text"
    assert kept.get("b", list) is None
    assert kept.get("c", str) is None


def test_the_longest_unused_goes_first() -> None:
    kept = Kept(limit=100)
    for name in "abcd":
        kept.put(name, name, 25)
    assert kept.get("a", str) == "a"
    kept.put("e", "e", 25)
    assert kept.get("b", str) is None
    assert [name for name in "acde" if kept.get(name, str)] == ["a", "c", "d", "e"]


def test_a_value_replaces_the_one_before() -> None:
    kept = Kept(limit=100)
    for _ in range(100):
        kept.put("a", "a", 25)
    kept.put("b", "b", 25)
    assert kept.get("a", str) == "a"
    kept.put("a", "too large", 26)
    assert kept.get("a", str) is None
    assert kept.get("b", str) == "b"
