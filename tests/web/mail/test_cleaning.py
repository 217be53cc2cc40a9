import asyncio

import pytest

from postroom.web.mail import cleaning, markup
from postroom.web.mail.markup import Image

PIXEL = Image("image/png", b"\x89PNG")


def cleaned(text: str, images: dict[str, Image] | None = None, *, cpu_seconds: int = 3) -> str:
    return asyncio.run(cleaning.document([text], images or {}, cpu_seconds=cpu_seconds))


@pytest.mark.parametrize("times", [1, 2 * cleaning.FEW])
def test_the_child_makes_what_is_made_here(times: int) -> None:
    text = '<p onclick="x">\u00e4<img src="cid:a"><script>x</script></p>' * times
    assert cleaned(text, {"a": PIXEL}) == markup.document([text], {"a": PIXEL})


def test_what_grows_is_shown_as_text() -> None:
    bold = "".join([f"<b id={number}>" for number in range(1200)])
    assert "<b id" not in cleaned(f"<p>{bold}" + "<p>x" * 1200)


@pytest.mark.parametrize("again", ["<div>", "<ul><li>", "<b><i><u><a>x</p>"])
def test_what_comes_to_no_end_is_shown_as_text(again: str) -> None:
    text = f"first<script>no</script> &lt;b&gt; {again * 100_000}"[: 1 << 20]
    made = cleaned(text, cpu_seconds=1)
    assert "first" in made
    assert "&lt;b&gt;" in made
    assert "<script" not in made
    assert again not in made
