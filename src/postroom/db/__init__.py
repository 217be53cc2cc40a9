"""The database: one interface, SQLite and PostgreSQL behind it.

``fn(tx)`` is plain synchronous code with plain SQL, run off the event loop.
"""
