"""What happened to each letter, for ``postroom trace``.

One row a letter, one a recipient and fact, written in the transaction that makes them
true. Refusals are no rows: they are events of ``telemetry``.
"""
