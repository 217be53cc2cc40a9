"""A real Postroom in a process of its own, for the proofs, benchmarks and interop tests."""
