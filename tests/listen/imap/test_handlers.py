"""The tables of handlers: no event stands in two of them, and none is left out."""

import pkgutil
from importlib import import_module

from postroom.listen import imap
from postroom.listen.imap import dispatch


def test_no_event_is_answered_twice() -> None:
    modules = [
        import_module(f"{imap.__name__}.{one.name}") for one in pkgutil.iter_modules(imap.__path__)
    ]
    tables = [
        vars(one)["HANDLERS"] for one in modules if one is not dispatch and "HANDLERS" in vars(one)
    ]
    events = [event for table in tables for event in table]
    assert len(tables) > 10
    assert len(events) == len(set(events)) == len(dispatch.HANDLERS)
