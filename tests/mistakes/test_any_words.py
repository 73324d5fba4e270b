"""Whatever is typed: exit 0, 1 or 2, never a traceback, and one line where it is 2. Only verbs that cost nothing."""

import contextlib
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.cli import VERBS, function_of, main
from tests.surface.flags import flags

CHEAP = [verb for verb in VERBS if verb not in ("demo", "train")]
FLAGS = sorted({flag for verb in VERBS for flag in flags(function_of(verb))} - {"--out"})  # no files, please
VALUES = ["run", "none", ".", "..", "-1", "0", "1e400", "nan", "8/255", "8/0", "list", "describe", "get", "digits"]
CALLS = ["pgd(steps=1)", "pgd(", "pgd(steps=-1)", "linf(0.1)", "l2(-1)", "toward(3)", "saliency", "f.py:f", "--", "-"]
WORDS = st.sampled_from(FLAGS + VALUES + CALLS) | st.text(max_size=12) | st.integers().map(str) | st.floats().map(str)


@given(verb=st.sampled_from(CHEAP) | st.text(max_size=8), words=st.lists(WORDS, max_size=6))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_words_bring_a_traceback(alone: object, verb: str, words: list[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([verb, *words])
    assert code in (0, 1, 2)
    if code == 2:
        assert err.getvalue().startswith("assay: ")
        assert err.getvalue().count("\n") == 1
        assert out.getvalue() == ""


@given(text=st.text(alphabet="pgd(steps=1.0/,'\"[]{}-+*x)\n\\", max_size=30))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("option", ["--attack", "--threat", "--eps", "--goal"])
def test_no_call_brings_a_traceback(alone: object, option: str, text: str) -> None:
    err = io.StringIO()
    attack = [] if option == "--attack" else ["--attack", "fgsm"]
    with contextlib.redirect_stderr(err):
        assert main(["attack", "none", *attack, f"{option}={text}"]) == 2
    assert err.getvalue().count("\n") == 1
