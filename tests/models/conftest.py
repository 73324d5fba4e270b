"""The fixtures of the tests of models."""

from tests.mistakes.saying import alone, finished, refuse, run, say

__all__ = ["alone", "finished", "refuse", "run", "say"]
