"""What can be read but cannot be: found before any work, and before anything is touched."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.mistakes.saying import ATTACKED, EXPLAINED, Say, contents

Refuse = Callable[..., str]
NAMES = [
    (("train", "digits"), "unknown recipe 'digits'; there are better_cnn, better_cnn_128, cifar10_hard, "),
    (("train", "digits_cnn", "--data", "dgits"), "unknown data set 'dgits'; there are cifar10, cifar100, digits,"),
    (("train", "digits_cnn", "--data", "digits(3)"), "unknown data set 'digits(3)'; there are cifar10,"),
    (("data", "describe", "fashion_mnist"), "unknown data set 'fashion_mnist'; there are cifar10,"),
    (
        ("model", "describe", "mnist_cn"),
        "unknown model 'mnist_cn'; there are better_cnn, mlp, mnist_cnn, mnist_cnn_bn,",
    ),
    (("model", "describe", "runs/none"), "there is no run 'runs/none'"),
    (("attack", "run"), "--attack is missing: name one"),
    (("attack", "run", "--attack", "pgdd"), "unknown attack 'pgdd'; there are add_noise, apgd,"),
    (("attack", "run", "--attack", "pgd(steps=4"), "cannot read attack 'pgd(steps=4'"),
    (("attack", "run", "--attack", "pgd(step=4)"), "pgd has no setting 'step'; it has steps, step_size, restarts"),
    (("attack", "run", "--attack", "pgd(steps='4')"), "pgd: steps must be a whole number, got '4'"),
    (("attack", "run", "--attack", "pgd(steps=4.5)"), "pgd: steps must be a whole number, got 4.5"),
    (("attack", "run", "--attack", "pgd(steps=True)"), "pgd: steps must be a whole number, got True"),
    (("attack", "run", "--attack", "pgd(steps=0)"), "pgd: steps must be at least 1, got 0"),
    (("attack", "run", "--attack", "pgd(step_size=-1)"), "pgd: step_size must be at least 0, got -1"),
    (("attack", "run", "--attack", "pgd(step_size='a')"), "pgd: step_size must be a number or None, got 'a'"),
    (("attack", "run", "--attack", "pgd(random_start=1)"), "pgd: random_start must be True or False, got 1"),
    (("attack", "run", "--attack", "pgd(4, steps=4)"), "pgd got 'steps' twice"),
    (("attack", "run", "--attack", "fgsm(steps=4)"), "fgsm has no setting 'steps'; it has none"),
    (("attack", "run", "--attack", "exit()"), "unknown attack 'exit'"),
    (("attack", "run", "--attack", "fgsm", "--attack", "fgsm()"), "the same attack was given twice: fgsm and fgsm"),
    (
        ("attack", "run", "--attack", "pgd", "--attack", "pgd(steps=40)"),
        "the same attack was given twice: pgd and pgd(",
    ),
    (("evaluate", "run", "--threat", "l3(1)"), "unknown threat 'l3'; there are linf, l2"),
    (
        ("evaluate", "run", "--threat", "l_inf(0.3)"),
        "unknown threat 'l_inf'; there are linf, l2, l1; did you mean 'linf'?",
    ),
    (("evaluate", "run", "--threat", "linf"), "linf: an eps is needed, such as linf(8/255)"),
    (("evaluate", "run", "--threat", "linf(0.3, 1)"), "cannot read threat 'linf(0.3, 1)': write linf(eps)"),
    (
        ("evaluate", "run", "--goal", "towards(3)"),
        "unknown goal 'towards'; there are untargeted, toward, least_likely, random, every;",
    ),
    (("evaluate", "run", "--goal", "toward"), "toward needs target: write toward(target=…)"),
    (("evaluate", "run", "--goal", "toward(10)"), "toward(10): there are classes 0 to 9"),
    (("evaluate", "run", "--goal", "toward(-1)"), "toward(-1): there are classes 0 to 9"),
    (("explain", "run"), "--method is missing: name one"),
    (
        ("explain", "run", "--method", "salency"),
        "unknown method 'salency'; there are activations, class_image, edges, filters, grad_cam, ",
    ),
    (
        ("explain", "run", "--method", "occlusion(color=1)"),
        "occlusion has no setting 'color'; it has patch, stride, colour, of;",
    ),
    (("explain", "run", "--method", "occlusion(patch=9)"), "occlusion: patch 9 must fit into the image, 8×8"),
    (
        ("explain", "run", "--method", "saliency", "--image", "-1"),
        "--image -1: digits test has no image of that number",
    ),
    (("explain", "run", "--method", "saliency", "--method", "saliency()"), "the same method was given twice"),
    (("harden", "run", "--out", "h", "--method", "trade"), "unknown method 'trade'"),
    (("evaluate", "run", "--data", "mnist"), "mnist is not here and could not be downloaded"),
]
NUMBERS = [
    (("train", "digits_cnn", "--epochs", "0"), "epochs must be between 1 and 10000, got 0"),
    (("train", "digits_cnn", "--epochs", "-1"), "epochs must be between 1 and 10000, got -1"),
    (("train", "digits_cnn", "--batch-size", "0"), "batch_size must be between 1 and 100000, got 0"),
    (("train", "digits_cnn", "--learning-rate", "nan"), "learning_rate must be above 0, got nan"),
    (("train", "digits_cnn", "--images", "0"), "digits train: between 1 and 1257 images can be taken, got 0"),
    (("train", "digits_cnn", "--images", "1258"), "digits train: between 1 and 1257 images can be taken, got 1258"),
    (("evaluate", "run", "--images", "361"), "digits test: between 1 and 360 images can be taken, got 361"),
    (("harden", "run", "--out", "h", "--images", "361"), "digits test: between 1 and 360 images can be taken, got 361"),
    (("harden", "run", "--out", "h", "--epochs", "0"), "epochs must be between 1 and 10000, got 0"),
    (("evaluate", "run", "--eps", ","), "--eps ',': '' is not a number: write 0.1 or 8/255"),
    (("evaluate", "run", "--eps", ".1,,.2"), "--eps '.1,,.2': '' is not a number"),
    (("evaluate", "run", "--eps", ".1;.2"), "--eps '.1;.2': '.1;.2' is not a number"),
    (("evaluate", "run", "--eps", "nan"), "--eps 'nan': 'nan' is not a number"),
    (("evaluate", "run", "--eps", "8/0"), "--eps '8/0': '8/0' is not a number: division by zero"),
    (("evaluate", "run", "--eps", "1e400"), "--eps '1e400': '1e400' is not a number: a number must be finite"),
    (("evaluate", "run", "--eps", "-1"), "linf: eps must be a finite number, at least 0, got -1.0"),
    (("evaluate", "run", "--eps", "-.1,.2"), "linf: eps must be a finite number, at least 0, got -0.1"),
    (("evaluate", "run", "--eps", "8"), "linf(8.0): eps must be between 0 and 1 for images (1, 8, 8)"),
    (("evaluate", "run", "--threat", "linf(8/0)"), "cannot read threat 'linf(8/0)': division by zero"),
    (("evaluate", "run", "--threat", "linf(-1)"), "linf: eps must be a finite number, at least 0, got -1.0"),
    (("evaluate", "run", "--threat", "linf(1.001)"), "linf(1.001): eps must be between 0 and 1"),
    (("evaluate", "run", "--threat", "l2(8.001)"), "l2(8.001): eps must be between 0 and 8"),
    (("harden", "run", "--out", "h", "--threat", "linf(8)"), "linf(8.0): eps must be between 0 and 1"),
]


@pytest.mark.parametrize(("words", "beginning"), NAMES + NUMBERS, ids=[" ".join(row[0]) for row in NAMES + NUMBERS])
def test_what_cannot_be_is_refused_and_nothing_is_touched(
    refuse: Refuse, run: Path, words: tuple[str, ...], beginning: str
) -> None:
    before = contents(run)
    assert refuse(*words).startswith(beginning)
    assert contents(run) == before
    assert [entry.name for entry in Path().iterdir()] == ["run"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("words", [("train", "digits_cnn"), ("explain", "run", "--method", "saliency")])
def test_a_gpu_that_is_not_there_is_said_to_be_none(refuse: Refuse, run: Path, words: tuple[str, ...]) -> None:
    assert refuse(*words, "--device", "cuda").startswith("--device cuda: this machine has no GPU")


FORCED = [
    ("attack", "run", "--attack", "fgsm", "--threat", "linf(0.1)", "--images", "12", "--goal", "toward(77)"),
    ("attack", "run", "--attack", "fgsm", "--threat", "linf(0.1)", "--images", "12", "--eps", "7"),
    ("explain", "run", "--method", "occlusion(patch=8)", "--method", "occlusion(patch=9)"),
    ("explain", "run", "--method", "occlusion(patch=8)", "--image", "4", "-4"),
    ("train", "digits_cnn", "--out", "run", "--images", "0"),
    ("train", "digits_cnn", "--out", "run", "--data", "mnist"),
    ("harden", "run", "--out", "run"),
    ("harden", "run", "--out", "../here/run/"),
    ("import", "nothing.py:f", "--weights", "w.pt", "--data", "digits", "--out", "run"),
]


@pytest.mark.parametrize("words", FORCED, ids=" ".join)
def test_force_takes_nothing_away_for_a_request_that_is_refused(say: Say, run: Path, words: tuple[str, ...]) -> None:
    before = contents(run)
    assert say(*words, "--force").code == 2
    assert contents(run) == before


def test_nothing_is_made_twice_unless_forced(refuse: Refuse, say: Say, run: Path) -> None:
    before = contents(run)
    attack = ("attack", "run", "--attack", "fgsm", "--threat", "linf(0.1)", "--images", "12")
    assert refuse(*attack) == f"run/evaluations/{ATTACKED} exists: --force makes it again"
    assert refuse("explain", "run", "--method", "occlusion(patch=8)").startswith(f"run/explanations/{EXPLAINED} exists")
    assert refuse("train", "digits_cnn", "--out", "run").startswith("run exists: take another --out, or --force")
    assert contents(run) == before
    assert say(*attack, "--force").code == 0
    after = contents(run)
    assert before.keys() == after.keys()
    assert after != before  # the date and the seconds


def test_the_image_asked_for_is_not_there_but_another_is(refuse: Refuse, run: Path) -> None:
    line = refuse("explain", "run", "--method", "saliency", "--image", "99999")
    nearest = int(line.rpartition(" ")[2])
    assert line.endswith(f"has no image of that number, the nearest is {nearest}")
    assert 1700 < nearest < 1797
