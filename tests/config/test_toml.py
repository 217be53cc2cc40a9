import tomllib

from hypothesis import given, strategies as st

from postroom.config.toml import string


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str) -> None:
    assert tomllib.loads(f"x = {string(text)}") == {"x": text}
