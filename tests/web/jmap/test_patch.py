"""Changes of objects."""

import copy
from typing import Any

import pytest

from postroom.web.jmap.errors import SetError
from postroom.web.jmap.patch import patched

WHOLE: dict[str, Any] = {"name": "x", "keywords": {"$seen": True, "a/b~": True}, "list": [{"k": 1}]}


def test_patches() -> None:
    before = copy.deepcopy(WHOLE)
    found = patched(
        WHOLE,
        {"name": "y", "keywords/$seen": None, "keywords/$flagged": True, "keywords/a~1b~0": None,
         "new": 1, "absent": None},
    )  # fmt: skip
    assert found == {"name": "y", "keywords": {"$flagged": True}, "list": [{"k": 1}], "new": 1}
    assert before == WHOLE


@pytest.mark.parametrize(
    "patch",
    [
        {"keywords": {}, "keywords/$seen": True}, {"absent/x": 1}, {"name/x": 1}, {"list/0/k": 2},
        {"list/0": 2},
    ],
)  # fmt: skip
def test_what_is_no_patch(patch: dict[str, Any]) -> None:
    with pytest.raises(SetError) as caught:
        patched(WHOLE, patch)
    assert caught.value.kind == "invalidPatch"
