"""Verdicts on messages and on who brings them, each with its reason.

A stage judges what is known (``facts``) and answers with a ``verdict``; intake asks the stages
and carries out what they say. Nothing here accepts, files or refuses anything itself.
"""
