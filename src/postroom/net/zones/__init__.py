"""Zones that others keep for us and that we may change: one interface, a module a protocol."""
