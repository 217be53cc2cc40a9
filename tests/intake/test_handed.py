"""Delivery and intake do not know each other; what one hands to the other has to fit."""

from postroom.delivery import here
from postroom.intake import handed


def test_a_message_of_delivery_has_all_that_is_asked_for() -> None:
    asked = {name for name, what in vars(handed.Message).items() if isinstance(what, property)}
    assert asked == {"letter", "found", "recipient", "head", "body"}
    assert asked <= set(dir(here.Message))


def fits(message: here.Message) -> handed.Message:
    """Looked at by mypy: the types fit, too."""
    return message
