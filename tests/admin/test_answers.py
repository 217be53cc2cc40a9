from pathlib import Path

from postroom.admin import answers
from postroom.admin.answers import Answers

SOME = Answers(domain="demo.test", admin="me@demo.test", relay="gmail", login="me@gmail.com")


def test_they_are_there_the_next_time_for_their_owner_only_until_they_are_forgotten(
    tmp_path: Path,
) -> None:
    settings = tmp_path / "new" / "postroom.toml"
    assert answers.load(settings) == Answers()
    assert answers.save(settings, SOME)
    (kept,) = settings.parent.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert answers.load(settings) == SOME
    answers.forget(settings)
    answers.forget(settings)
    assert answers.load(settings) == Answers()


def test_what_can_not_be_read_or_kept_is_no_hindrance(tmp_path: Path) -> None:
    settings = tmp_path / "postroom.toml"
    for text in ("", "{", "[]", '{"domain": 1}'):
        (tmp_path / ".postroom.toml.answers").write_text(text)
        assert answers.load(settings) == Answers()
    (tmp_path / "file").write_text("")
    assert not answers.save(tmp_path / "file" / "postroom.toml", SOME)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("precious")
    (tmp_path / ".postroom.toml.answers").symlink_to(tmp_path / "other")
    assert answers.save(tmp_path / "postroom.toml", SOME)
    assert (tmp_path / "other").read_text() == "precious"
