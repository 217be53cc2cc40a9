"""Sieve: scripts that say what becomes of a letter, read, checked and run (RFC 5228)."""
