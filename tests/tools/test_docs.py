"""The printed pages of docs/ are those of this code."""

import pytest

from tools import docs


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_printed_page_is_current(name: str) -> None:
    page = docs.PAGES[name]()
    assert docs.FOLDER.joinpath(name).read_text() == page, "run: make docs"


def test_every_setting_and_event_has_its_line() -> None:
    assert "| `max_recipients` | number >= 100 | `1000` | Recipients" in docs.config_page()
    assert "| `recipient.refused` | warning | We said no" in docs.events_page()


def test_every_table_of_settings_is_there() -> None:
    page = docs.config_page()
    for title in ("[[listen]]", "[tls]", "[oauth]", "[limits]", "[delivery]", "[log]"):
        assert f"\n## {title}\n" in page


def test_no_line_holds_a_path_of_this_machine() -> None:
    for page in docs.PAGES.values():
        assert str(docs.ROOT) not in page()
