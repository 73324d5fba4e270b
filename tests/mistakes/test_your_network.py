"""A network of the user's own: whatever it does, one line, and no run is left; code in a pickle is never run."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.mistakes import networks
from tests.mistakes.saying import Said, Say

FILE = Path(networks.__file__)


@pytest.fixture
def bring(say: Say, alone: Path) -> Callable[..., Said]:
    """Import a function of networks.py, or another text, with weights that fit it unless others are given."""
    shutil.copy(FILE, "networks.py")
    torch.manual_seed(0)
    save_file({"linear.weight": torch.randn(10, 64), "linear.bias": torch.zeros(10)}, "fit.safetensors")
    save_file({"linear.weight": torch.randn(5, 64), "linear.bias": torch.zeros(5)}, "five.safetensors")

    def run(model: str, *more: object, weights: object = "fit.safetensors") -> Said:
        model = model if ":" in model else f"networks.py:{model}"
        return say("import", model, "--weights", weights, "--data", "digits", "--out", "mine", *more)

    return run


def refused(said: Said) -> str:
    assert said.code == 2, said
    assert said.out == ""
    assert not Path("mine").exists()
    *before, line = said.err.splitlines()
    assert {*before} <= {"a file may print", "a function may print"}  # to stderr: stdout is for results
    return line.removeprefix("assay: ")


NETWORKS = [
    ("nan", "the model returns NaN or infinity for 32 of 32 clean images"),
    ("probabilities", "the model returns probabilities, logits wanted: take the softmax off its end"),
    ("pair", "the model must return logits (32, 10), got tuple"),
    ("flat", "the model must return logits (32, 10), got (32,) of torch.float32"),
    ("whole_numbers", "the model must return logits (32, 10), got (32, 10) of torch.int64"),
    ("nothing", "the model must return logits (32, 10), got NoneType"),
    ("crashing", "the model does not take images (1, 8, 8): AttributeError: 'Tensor' object has no attribute"),
    ("silent", "the model does not take images (1, 8, 8): RuntimeError"),
    ("half", "the model's parameters are torch.float16, torch.float32 wanted"),
    ("lazy", "networks.py:lazy has lazy layers, whose sizes nobody knows yet: give the sizes"),
    ("raising", "networks.py:raising failed: KeyError: 'x'"),
    ("leaving", "networks.py:leaving failed: SystemExit: 3"),
    ("wanting", "networks.py:wanting must build an nn.Module without an argument; a black box is for assay evaluate"),
    ("no_module", "networks.py:no_module must return a torch.nn.Module, got int"),
    ("rihgt", "'rihgt'; there are "),
]


@pytest.mark.parametrize(("function", "said"), NETWORKS, ids=[row[0] for row in NETWORKS])
def test_a_network_that_is_no_classifier(bring: Callable[..., Said], function: str, said: str) -> None:
    assert said in refused(bring(function))


def test_a_network_for_other_classes(bring: Callable[..., Said]) -> None:
    assert refused(bring("five", weights="five.safetensors")) == (
        "the model has 5 outputs, but the data have 10 classes"
    )


FILES = [
    ("def f(:", "cannot be loaded: SyntaxError"),
    ("import no_such_module", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
    ("raise SystemExit(5)", "cannot be loaded: SystemExit: 5"),
    ("raise RuntimeError", "cannot be loaded: RuntimeError"),
    ("x = 3", "file.py 'f'; there are none"),
]


@pytest.mark.parametrize(("content", "said"), FILES, ids=[row[0] for row in FILES])
def test_a_file_that_cannot_be_loaded(bring: Callable[..., Said], content: str, said: str) -> None:
    Path("file.py").write_text(content)
    assert said in refused(bring("file.py:f"))


@pytest.mark.parametrize("text", ["networks.txt:f", ":", "folder:f", "mnist_cn:", "networks.py/:f"])
def test_what_names_no_function(bring: Callable[..., Said], text: str) -> None:
    line = f"{text!r} is not of the form FILE.py:FUNCTION, and no architecture; there are better_cnn, mlp, mnist_cnn"
    assert refused(bring(text)).startswith(line)


def test_a_file_that_is_not_there(bring: Callable[..., Said]) -> None:
    assert refused(bring("none.py:f")).endswith(f"there is no file '{Path('none.py').resolve()}'")


class Evil:
    """Code in a pickle: it would make a file."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch HARMED",)


def torch_file(content: Any) -> Callable[[Path], None]:
    return lambda path: torch.save(content, path)


def half_a_safetensors(path: Path) -> None:
    path.write_bytes(Path("fit.safetensors").read_bytes()[:200])


def header_of_exabytes(path: Path) -> None:
    path.write_bytes(b"\xff" * 7 + b"\x7f" + Path("fit.safetensors").read_bytes()[8:])


WEIGHTS: list[tuple[str, Callable[[Path], object], str]] = [
    (
        "evil.pt",
        torch_file({"linear.weight": Evil()}),
        "evil.pt holds posix.system, which is code, and that is never run",
    ),
    ("evil.pkl", lambda path: path.write_bytes(pickle.dumps(Evil())), "evil.pkl holds "),
    ("module.pt", torch_file(torch.nn.Linear(2, 2)), "holds torch.nn.modules.linear.Linear, which is code"),
    ("list.pt", torch_file([torch.zeros(3)]), "list.pt holds list, a dictionary of tensors wanted"),
    ("numbers.pt", torch_file({"a": 1}), "numbers.pt holds int under 'a', a dictionary of tensors wanted"),
    ("keys.pt", torch_file({0: torch.zeros(3)}), "keys.pt holds Tensor under 0, a dictionary of tensors wanted"),
    ("none.pt", torch_file({}), "the weights do not fit the model: linear.weight is missing; linear.bias is missing"),
    ("text.pt", lambda path: path.write_text("hello\n"), "text.pt is damaged, or holds no weights"),
    ("empty.pt", lambda path: path.write_bytes(b""), "empty.pt is damaged, or holds no weights: EOFError"),
    ("half.safetensors", half_a_safetensors, "half.safetensors is damaged, or holds no weights"),
    ("giant.safetensors", header_of_exabytes, "giant.safetensors is damaged, or holds no weights"),
    ("folder.safetensors", Path.mkdir, "there is no weights file 'folder.safetensors'"),
    ("gone.safetensors", lambda path: None, "there is no weights file 'gone.safetensors'"),
]


@pytest.mark.parametrize(("name", "make", "said"), WEIGHTS, ids=[row[0] for row in WEIGHTS])
def test_weights_that_are_none(
    bring: Callable[..., Said], name: str, make: Callable[[Path], object], said: str
) -> None:
    make(Path(name))
    assert said in refused(bring("right", weights=name))
    assert not Path("HARMED").exists()


def test_weights_that_do_not_fit(bring: Callable[..., Said]) -> None:
    assert refused(bring("right", weights="five.safetensors")) == (
        "the weights do not fit the model: linear.weight has shape (5, 64), (10, 64) wanted; "
        "linear.bias has shape (5,), (10,) wanted"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mean", "0.1", "0.2"), "mean and std need one number for each of 1 channels"),
        (("--std", "0"), "mean and std must be finite, and std above 0"),
        (("--std", "-1"), "mean and std must be finite, and std above 0"),
        (("--mean", "nan"), "mean and std must be finite, and std above 0"),
        (("--mean", "inf"), "mean and std must be finite, and std above 0"),
    ],
)
def test_a_normalisation_that_cannot_be(bring: Callable[..., Said], options: tuple[str, ...], said: str) -> None:
    assert said in refused(bring("right", *options))


def test_a_network_without_gradients_is_refused_where_they_are_wanted(bring: Callable[..., Said], say: Say) -> None:
    assert bring("detached").code == 0
    images = ("--images", "2")
    for words in (("attack", "mine", "--attack", "fgsm", *images), ("explain", "mine", "--method", "saliency")):
        said = say(*words)
        assert said.code == 2
        assert said.err.splitlines()[-1].startswith("assay: the model has no gradient with respect to its images")
    assert say("attack", "mine", "--attack", "noise", *images).code == 0
    assert say("explain", "mine", "--method", "occlusion(patch=8)").code == 0


def test_a_network_that_fails_later_is_blamed_by_its_line(bring: Callable[..., Said], say: Say) -> None:
    assert bring("crashing_in_training").code == 0
    said = say("harden", "mine", "--out", "h", "--epochs", "1", "--images", "64")
    assert said.code == 2
    number = FILE.read_text().splitlines().index('            raise KeyError("later")') + 1
    assert said.err.splitlines()[-1].endswith(f"networks.py, line {number}: KeyError: 'later'")


def test_a_network_of_yours_can_be_hardened(bring: Callable[..., Said], say: Say) -> None:
    assert json.loads(bring("right", "--json").out)["run"] == "mine"
    words = ("harden", "mine", "--out", "held", "--epochs", "1", "--images", "4", "--method", "fgsm", "--json")
    said = say(*words)
    assert said.code == 0, said
    assert json.loads(said.out)["run"] == "held"
    assert say(*words, "--resume").code == 0
    assert say("model", "describe", "./held").code == 0
    assert say("report", "mine", "held").code == 0


def test_a_file_that_has_gone_is_asked_for(bring: Callable[..., Said], say: Say) -> None:
    assert bring("right").code == 0
    Path("networks.py").unlink()
    said = say("evaluate", "mine")
    assert said.code == 2
    assert "there is no file" in said.err


@pytest.fixture
def learn(say: Say, alone: Path) -> Callable[..., Said]:
    """Train a function of networks.py by a recipe of the house."""
    shutil.copy(FILE, "networks.py")
    few = ("--data", "digits", "--epochs", "2", "--images", "64", "--out", "mine")
    return lambda model, *more: say("train", "mlp", "--model", f"networks.py:{model}", *few, *more)


def test_a_network_of_yours_learns_by_a_recipe(learn: Callable[..., Said], say: Say) -> None:
    said = learn("right", "--json")
    assert said.code == 0, said
    assert json.loads(said.out)["validation"]["epoch"] == 2
    config, model = (json.loads(Path(f"mine/{name}.json").read_text()) for name in ("config", "model"))
    whole = f"{Path('networks.py').resolve()}:right"
    assert (config["recipe"]["model"], model["architecture"]) == (whole, whole)
    assert say("verify", "mine").code == 0
    assert learn("right", "--resume").code == 0
    with Path("networks.py").open("a") as file:
        file.write("# another\n")
    assert "mine was begun with other code of the network" in learn("right", "--resume").err
    assert "networks.py has" in say("verify", "mine").out


UNABLE = [
    *(row for row in NETWORKS if row[0] != "wanting"),
    ("five", "the model has 5 outputs, but the data have 10 classes"),
    ("detached", "the model has no gradient with respect to its images"),
    ("wanting", "networks.py:wanting has nothing to learn: it must build an nn.Module with parameters"),
]


@pytest.mark.parametrize(("function", "said"), UNABLE, ids=[row[0] for row in UNABLE])
def test_a_network_that_cannot_learn(learn: Callable[..., Said], function: str, said: str) -> None:
    assert said in refused(learn(function))


def test_a_hardened_network_of_yours_keeps_its_code(learn: Callable[..., Said], say: Say) -> None:
    assert learn("right").code == 0
    few = ("--epochs", "1", "--images", "4", "--method", "fgsm", "--suite", "quick")
    assert say("harden", "mine", "--out", "held", *few).code == 0
    codes = [json.loads(Path(f"{run}/config.json").read_text())["source"] for run in ("mine", "held")]
    assert codes[0] == codes[1]
