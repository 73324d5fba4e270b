"""Words that cannot be read: what, got, allowed, the nearest name, in one line."""

from collections.abc import Callable

import pytest

from assay.cli import VERBS
from tests.mistakes.saying import Say

Refuse = Callable[..., str]
WORDS = [
    (("trai",), "unknown verb 'trai'; there are demo, data,", "did you mean 'train'?"),
    (("--epochs",), "unknown verb '--epochs'", "report"),
    (("",), "argument 1 '' is empty", "shell variable"),
    (("evaluate", ""), "argument 2 '' is empty", "shell variable"),
    (("train", "digits_cnn", "--out="), "argument 3 '--out=' is empty", "shell variable"),
    (("\udcff",), "argument 1 '\\udcff' is no UTF-8 text", ""),
    (("train",), "train needs RECIPE", "see assay train --help"),
    (("harden",), "harden needs RUN and --out RUN2", "see assay harden --help"),
    (("import", "f.py:f", "--weights", "w"), "import needs --data NAME and --out RUN", ""),
    (("data",), "data needs list|describe|get", ""),
    (("data", "lst"), "list|describe|get: unknown value 'lst'; there are list, describe, get", "did you mean 'list'?"),
    (("data", "list", "digits"), "data list takes no NAME, got 'digits'", "assay data describe digits"),
    (("model", "list", "x"), "model list takes no NAME, got 'x'", "assay model describe x"),
    (("data", "describe"), "data describe needs a NAME; there are cifar10, cifar100,", "folder, mnist, parquet"),
    (("model", "describe"), "model describe needs a NAME or a RUN; there are better_cnn, mlp, mnist_cnn, ", ""),
    (("train", "digits_cnn", "more"), "train takes RECIPE only, got 'more' as well", ""),
    (("compare", "a", "b", "c"), "compare takes RUN OTHER only, got 'c' as well", ""),
    (("train", "digits_cnn", "--epocs", "3"), "train has no option '--epocs'; it has --data, --epochs,", "'--epochs'?"),
    (("train", "--epocs", "3"), "train has no option '--epocs'", "did you mean '--epochs'?"),
    (("train", "digits_cnn", "--epocs=3"), "train has no option '--epocs'", "did you mean '--epochs'?"),
    (("train", "digits_cnn", "-e", "3"), "train has no option '-e'", "it has --data"),
    (("evaluate", "r", "--no-force"), "evaluate has no option '--no-force'", "did you mean '--force'?"),
    (("evaluate", "r", "--force=yes"), "evaluate takes RUN only, got 'yes' as well", ""),
    (("train", "digits_cnn", "--epochs"), "--epochs needs a value: --epochs N", ""),
    (("attack", "r", "--attack"), "--attack needs a value: --attack SPEC", ""),
    (("train", "digits_cnn", "--epochs", "x"), "--epochs N takes a whole number, got 'x'", ""),
    (("train", "digits_cnn", "--epochs", "1.5"), "--epochs N takes a whole number, got '1.5'", ""),
    (("train", "digits_cnn", "--seed", "1e400"), "--seed N takes a whole number, got '1e400'", ""),
    (("train", "digits_cnn", "--learning-rate", "fast"), "--learning-rate X takes a number, got 'fast'", ""),
    (("explain", "r", "--image", "0", "x"), "--image N takes whole numbers, got '0 x'", ""),
    (("train", "digits_cnn", "--device", "gpu"), "--device: unknown value 'gpu'; there are auto, cpu, cuda", "'cpu'?"),
    (
        ("evaluate", "r", "--split", "tset"),
        "--split: unknown value 'tset'; there are train, validation, test",
        "'test'?",
    ),
    (("evaluate", "r", "--suite", "quik"), "--suite: unknown value 'quik'; there are quick, standard", "'quick'?"),
]


@pytest.mark.parametrize(("words", "beginning", "somewhere"), WORDS, ids=[" ".join(row[0]) for row in WORDS])
def test_a_wrong_word_gets_one_line(refuse: Refuse, words: tuple[str, ...], beginning: str, somewhere: str) -> None:
    line = refuse(*words)
    assert line.startswith(beginning)
    assert somewhere in line


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_line_does_not_depend_on_the_terminal(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    monkeypatch.setenv("COLUMNS", "20")
    assert refuse("train", "digits_cnn", "--epocs", "3").endswith("did you mean '--epochs'?; see assay train --help")


def test_a_word_without_end_is_cut(refuse: Refuse) -> None:
    assert len(refuse("x" * 100_000)) < 1100
    assert len(refuse("train", "digits_cnn", "--seed", "1" * 100_000)) < 1100


@pytest.mark.parametrize("value", ["-1", "-0.5"])
def test_a_negative_number_is_a_value_and_no_option(refuse: Refuse, value: str) -> None:
    assert refuse("train", "digits_cnn", "--learning-rate", value).startswith("learning_rate must be above 0, got -")


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_no_mistake(say: Say, verb: str) -> None:
    said = say(verb, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"usage: assay {verb}" in said.out
