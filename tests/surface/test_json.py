"""With --json stdout holds one JSON document and nothing else, whatever the verb."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.mistakes.saying import Say

ONE = {
    "data list": ("data",),
    "data describe digits": ("name", "shape", "classes", "splits"),
    "model list": ("models",),
    "model describe mnist_cnn": ("layers", "parameters"),
    "model describe ./run": ("layers", "parameters"),
    "train digits_cnn --epochs 1 --images 20 --out new": ("run", "seconds", "validation", "test"),
    "attack run --attack fgsm --images 2": ("evaluation", "clean", "attacks", "robust", "costs"),
    "evaluate run --images 2": ("evaluation", "clean", "attacks", "robust", "costs"),
    "compare run other": ("comparisons",),
    "corrupt run --images 2": ("corruptions", "clean", "mean", "each", "lines"),
    "explain run --method saliency": ("explanations",),
    "harden run --out new --epochs 1 --method fgsm --images 2": ("run", "clean", "robust"),
    "verify run": ("figures", "proofs", "differences", "unknown", "digests"),
    "report run other": ("report", "bytes"),
}


def document(text: str) -> dict[str, Any]:
    """The one document; NaN and Infinity are no JSON."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


@pytest.mark.parametrize("words", ONE)
def test_one_document(say: Say, run: Path, words: str) -> None:
    shutil.copytree(run, "other")
    said = say(*words.split(), "--json")
    assert said.code == 0, said
    assert set(ONE[words]) <= set(document(said.out))


@pytest.mark.parametrize("words", ["compare run none", "attack run --attack pgdd", "train digits_cnn --epochs 0"])
def test_no_document_of_a_mistake(say: Say, run: Path, words: str) -> None:
    said = say(*words.split(), "--json")
    assert (said.code, said.out) == (2, "")


def test_the_demo_says_nothing_but_its_document(say: Say, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chatter(*_: object, **__: object) -> None:
        print("a table for people")  # noqa: T201

    for name in ("train.train", "harden.harden", "explaining.explain_run", "report.report"):
        monkeypatch.setattr(f"assay.cli.{name}", chatter)
    said = say("demo", "--out", "shown", "--json")
    assert document(said.out) == {"report": "shown/report.html", "runs": ["shown/plain", "shown/hardened"]}
    assert "a table for people" in said.err
    assert "a table for people" in say("demo", "--out", "shown").out
