"""Fuzzing of everything that reads what others wrote: see `tests.fuzz.__main__` for the command."""
