from postroom.admin.doctor.finding import Finding, Report, mended

ERROR = Finding("disk", "error", "/", "full", "make room")


def test_an_install_is_well_while_no_error_is_left() -> None:
    warning = Finding("disk", "warning", "/", "nearly full")
    assert Report([], [warning, mended(ERROR)]).is_well
    assert not Report([], [ERROR]).is_well
    assert mended(ERROR).is_mended
    assert mended(ERROR).reason == "full"
