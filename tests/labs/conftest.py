"""The fixtures of the tests of lessons."""

from tests.mistakes.saying import alone, refuse, say

__all__ = ["alone", "refuse", "say"]
