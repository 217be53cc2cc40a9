"""Numbered SQL files, forward only; ``db.migrate`` runs them."""
