from postroom.intake.conversation import Conversation as RealConversation
from postroom.intake.intake import Intake as RealIntake
from postroom.listen.smtp.ports import Conversation, Intake
from tests.listen.smtp.desk import Desk


def test_intake_fits() -> None:
    """mypy checks the signatures of these assignments; the names are checked here."""
    real: type[Intake] = RealIntake
    desk: Intake = Desk()
    assert callable(desk.open)
    assert callable(real.open)
    wanted = {name for name in vars(Conversation) if not name.startswith("_")}
    assert len(wanted) == 16
    assert all(callable(getattr(RealConversation, name)) for name in wanted)
