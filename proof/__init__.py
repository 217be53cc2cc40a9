"""Crash, fault and fuzz rigs: what is promised is tried until it breaks."""
