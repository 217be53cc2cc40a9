"""Backups: taken while the server runs, verified, restored, by a timetable."""
