from postroom.admin.moving.writer import Places


def test_a_place_is_taken_once_whatever_its_case() -> None:
    places = Places()
    assert places.take("Work", "n-{}") == "Work"
    assert places.take("work", "n-{}") == "n-1"
    assert places.take("", "n-{}") == "n-2"
    assert places.take("N-3", "n-{}") == "N-3"
    assert places.take("", "n-{}") == "n-4"
