"""The fixtures of the tests of mistakes."""

from tests.mistakes.saying import alone, finished, refuse, run, say

__all__ = ["alone", "finished", "refuse", "run", "say"]
