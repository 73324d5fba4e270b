"""Weights to begin from: what fits is loaded, what does not is named, and no code in a file is ever run."""

import json
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from assay.models import weights
from assay.models.classifier import build
from tests.data.pictures import Part, as_folder
from tests.data.server import Server
from tests.mistakes.saying import Say, alone, finished, refuse, run, say

__all__ = ["alone", "finished", "refuse", "run", "say"]
Refuse = Callable[..., str]
TINY = ("--epochs", "1", "--images", "64", "--out", "new")


def net(classes: int = 10, architecture: str = "resnet14", seed: int = 0) -> nn.Module:
    about = {"architecture": architecture, "shape": (1, 8, 8), "classes": [str(number) for number in range(classes)]}
    return build(about | {"mean": [0.3], "std": [0.4]}, seed).net


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def file_of(path: Path, tensors: dict[str, Tensor]) -> Path:
    safetensors.torch.save_file(tensors, path)
    return path


@pytest.fixture
def two(alone: Path) -> str:
    """Two classes of small grey pictures: one light above, one light below."""
    images = np.random.default_rng(0).integers(0, 60, (80, 1, 8, 8), np.uint8)
    images[:40, :, :4] += 180
    images[40:, :, 4:] += 180
    return f"folder:{as_folder(alone / 'two', {'all': Part(images, np.repeat([0, 1], 40))}, ('above', 'below'))}"


def test_the_same_net_takes_all_of_it() -> None:
    there = state(net(seed=1))
    ours = net()
    found = weights.load_into(ours, there)
    assert (found.loaded, found.new, found.left) == (tuple(there), (), ())
    assert all(torch.equal(value, there[name]) for name, value in ours.state_dict().items())
    assert str(found) == f"{len(there)} entries loaded, none is new"


def test_another_number_of_classes_leaves_the_head_as_it_was() -> None:
    there, ours = state(net(seed=1)), net(3)
    before = state(ours)
    found = weights.load_into(ours, there)
    head = ("linear.weight", "linear.bias")
    assert (found.new, found.left) == (head, head)
    for name, value in ours.state_dict().items():
        assert torch.equal(value, before[name] if name in head else there[name]), name
    assert str(found).endswith("new: linear.weight, linear.bias, left: linear.weight, linear.bias")


@pytest.mark.parametrize("bias", [True, False])
def test_a_head_of_another_name_is_left_and_named(bias: bool) -> None:
    there = state(net(seed=1))
    there["fc.weight"] = there.pop("linear.weight")
    taken = there.pop("linear.bias")
    if bias:
        there["fc.bias"] = taken
    found = weights.load_into(net(), there)
    assert found.new == ("linear.weight", "linear.bias")
    assert set(found.left) == {name for name in there if name.startswith("fc.")}


def test_no_head_at_all_and_no_counters_are_well() -> None:
    there = {
        name: value for name, value in state(net(seed=1)).items() if "linear" not in name and "num_batches" not in name
    }
    found = weights.load_into(net(), there)
    assert (set(found.loaded), found.new, found.left) == (set(there), ("linear.weight", "linear.bias"), ())


def test_every_mismatch_is_listed_by_name_and_nothing_is_loaded() -> None:
    there, ours = state(net(seed=1)), net()
    del there["conv.weight"]
    there["stage1.0.conv1.weight"] = torch.zeros(16, 16, 5, 5)
    there["linear.weight"], there["linear.bias"] = torch.zeros(10, 7), torch.zeros(10)
    there["extra.weight"], there["more"] = torch.zeros(2), torch.zeros(2)
    there["norm.bias"] = torch.full((16,), torch.nan)
    before = state(ours)
    with pytest.raises(ValueError, match="the weights do not fit the model: ") as error:
        weights.load_into(ours, there)
    assert str(error.value).removeprefix("the weights do not fit the model: ").split("; ") == [
        "conv.weight is missing",
        "extra.weight is not wanted",
        "more is not wanted",
        "stage1.0.conv1.weight has shape (16, 16, 5, 5), (16, 16, 3, 3) wanted",
        "linear.weight has shape (10, 7), (10, 64) wanted",
        "norm.bias holds NaN or infinity",
    ]
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_two_strange_layers_are_no_head() -> None:
    there = state(net(seed=1))
    there["fc.weight"], there["fc2.weight"] = there.pop("linear.weight"), torch.zeros(4, 64)
    del there["linear.bias"]
    with pytest.raises(ValueError, match=r"fc.weight is not wanted; fc2.weight is not wanted$"):
        weights.load_into(net(), there)


@pytest.mark.parametrize("front", ["module.", "_orig_mod.", "model.", "net.", "backbone.", "module._orig_mod.model."])
@pytest.mark.parametrize("envelope", [None, "state_dict", "model", "model_state_dict", "net"])
def test_prefixes_and_envelopes_come_off(tmp_path: Path, front: str, envelope: str | None) -> None:
    there = state(net(architecture="mlp"))
    inside: Any = {front + name: value for name, value in there.items()}
    torch.save({envelope: inside, "epoch": 3} if envelope else inside, tmp_path / "x.pt")
    assert list(weights.read(tmp_path / "x.pt")) == list(there)


def test_a_prefix_of_some_stays() -> None:
    assert weights._shared(["module.a", "b"]) == ""
    assert weights._shared(["module.net.a", "module.b"]) == "module."


def test_a_net_whose_own_names_have_the_prefix(tmp_path: Path) -> None:
    ours = nn.ModuleDict({"model": nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))})
    path = file_of(tmp_path / "x.safetensors", state(ours))
    assert weights.load_into(ours, weights.read(path)).loaded == tuple(ours.state_dict())


def test_safetensors_are_known_by_their_beginning(tmp_path: Path) -> None:
    file_of(tmp_path / "download", {"a": torch.ones(2)})
    assert list(weights.read(tmp_path / "download")) == ["a"]


def test_freezing_leaves_the_head_and_still_norms() -> None:
    ours = net(architecture="mnist_cnn_bn")
    assert weights.freeze(ours) == ("11.weight", "11.bias")
    ours.train()
    weights.frozen_eval(ours)
    norms = [part for part in ours.modules() if isinstance(part, nn.BatchNorm2d)]
    assert norms
    assert not any(part.training for part in norms)
    assert ours.training
    before = state(ours)
    ours(torch.rand(8, 1, 8, 8)).sum().backward()
    torch.optim.Adam(ours.parameters()).step()
    moved = {name for name, value in ours.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"11.weight", "11.bias"}


def test_where_nothing_is_frozen_norms_learn_and_a_net_without_a_head_cannot_be_frozen() -> None:
    ours = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, affine=False)).train()
    weights.frozen_eval(ours)
    assert all(part.training for part in ours.modules())
    with pytest.raises(ValueError, match="no linear layer"):
        weights.freeze(ours)


def test_a_frozen_training_on_other_classes(say: Say, finished: Path, two: str) -> None:
    file = finished / "model.safetensors"
    said = say("train", "digits_cnn", "--data", two, "--weights", file, "--freeze", *TINY[:2], *TINY[4:])
    assert said.code == 0, said
    assert "model.safetensors: 6 entries loaded, new: 9.weight, 9.bias, left: 9.weight, 9.bias\n" in said.err
    assert "frozen: all but 9.weight, 9.bias\n" in said.err
    before, after = (safetensors.torch.load_file(path) for path in (file, "new/model.safetensors"))
    assert [name for name, value in after.items() if not torch.equal(value, before[name])] == ["9.bias", "9.weight"]
    assert len(after["9.bias"]) == 2
    config = json.loads(Path("new/config.json").read_text())
    assert config["initial_weights"] == sha256(file.read_bytes()).hexdigest()[:16]
    assert config["recipe"]["weights"] == str(file.resolve())
    assert config["recipe"]["freeze"] is True
    assert say("verify", "new").code == 0
    assert say("harden", "new", "--method", "fgsm", "--images", "2", "--epochs", "1", "--out", "hard").code == 0
    recipe = json.loads(Path("hard/config.json").read_text())["recipe"]
    assert (recipe["weights"], recipe["freeze"]) == (None, False)


def test_a_frozen_training_moves_no_batch_norm(say: Say) -> None:
    words = ("train", "mnist_cnn_bn", "--data", "digits", "--epochs", "1", "--images", "64")
    assert say(*words, "--out", "first").code == 0
    assert say(*words, "--weights", "first/model.safetensors", "--freeze", "--out", "new").code == 0
    before, after = (safetensors.torch.load_file(f"{name}/model.safetensors") for name in ("first", "new"))
    assert {name for name, value in after.items() if not torch.equal(value, before[name])} == {"11.weight", "11.bias"}


def test_weights_are_the_start_of_what_learns(say: Say, finished: Path) -> None:
    few = ("train", "digits_cnn", "--learning-rate", "1e-9", *TINY)
    assert say(*few, "--weights", finished / "model.safetensors").code == 0
    first, now = (safetensors.torch.load_file(path / "model.safetensors") for path in (finished, Path("new")))
    assert all(torch.allclose(now[name], first[name], atol=1e-6) for name in first)


def test_resuming_wants_the_same_weights_wherever_they_lie(say: Say, refuse: Refuse, finished: Path) -> None:
    shutil.copy(finished / "model.safetensors", "a.safetensors")
    given = ("train", "digits_cnn", *TINY, "--weights")
    assert say(*given, "a.safetensors").code == 0
    shutil.move("a.safetensors", "b.safetensors")
    assert "there is no weights file" in refuse("train", "digits_cnn", *TINY, "--resume")
    assert say(*given, "b.safetensors", "--resume").code == 0
    there = safetensors.torch.load_file("b.safetensors")
    file_of(Path("c.safetensors"), {name: value + 1 for name, value in there.items()})
    assert "was begun with other weights to start from: " in refuse(*given, "c.safetensors", "--resume")
    assert "was begun with freeze False, got True" in refuse(*given, "b.safetensors", "--resume", "--freeze")


class Code:
    def __reduce__(self) -> Any:
        return exec, ("open('ran', 'w')",)


def test_mistakes_are_a_line(refuse: Refuse, alone: Path) -> None:
    torch.save({"state_dict": {"a": torch.zeros(2)}, "args": Code()}, "code.pt")
    Path("torn.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    file_of(Path("other.safetensors"), {"a": torch.zeros(2)})
    words = ("train", "digits_cnn", *TINY)
    assert "--freeze lets only the last layer learn: it needs --weights FILE" in refuse(*words, "--freeze")
    assert "code.pt holds exec, which is code" in refuse(*words, "--weights", "code.pt")
    assert not Path("ran").exists()
    assert "there is no weights file" in refuse(*words, "--weights", "none.pt")
    assert "torn.safetensors is damaged, or holds no weights: " in refuse(*words, "--weights", "torn.safetensors")
    line = refuse(*words, "--weights", "other.safetensors")
    assert "other.safetensors: the weights do not fit the model: 0.weight is missing; 0.bias is missing; " in line
    assert "a is not wanted" in line
    assert "add #sha256=" in refuse(*words, "--weights", "https://example.org/w.pt")
    assert not Path("new").exists()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A server of weights, and the address with the right hash."""
    content = file_of(tmp_path / "w", state(net(architecture="mlp"))).read_bytes()
    server = Server(content)
    yield server, f"{server.url}/w.safetensors#sha256={sha256(content).hexdigest()}"
    server.close()


def test_a_download_comes_once_and_is_looked_at_each_time(served: tuple[Server, str]) -> None:
    server, address = served
    path = weights.fetch(address)
    assert path.read_bytes() == server.content
    assert weights.fetch(address) == path
    assert server.asked == [None]
    assert set(weights.read(path)) == set(net(architecture="mlp").state_dict())
    path.write_bytes(b"x")
    with pytest.raises(ValueError, match=r"w.safetensors has sha256 .* wanted: it was removed") as error:
        weights.fetch(address)
    assert str(path) in str(error.value)
    assert not path.exists()


def test_a_wrong_hash_is_named_and_the_file_is_gone(served: tuple[Server, str], tmp_path: Path) -> None:
    server, address = served
    server.mode = "wrong"
    got = sha256(b"x" * len(server.content)).hexdigest()
    with pytest.raises(ValueError, match=f"w.safetensors has sha256 {got}, {address[-64:]} wanted"):
        weights.fetch(address)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_download_that_broke_off_goes_on(served: tuple[Server, str]) -> None:
    server, address = served
    server.mode = "breaks off"
    with pytest.raises(ValueError, match="the connection ended after 3000 of "):
        weights.fetch(address)
    server.mode = "well"
    assert weights.fetch(address).read_bytes() == server.content
    assert server.asked == [None, "bytes=3000-"]


def test_offline_it_says_what_to_do(alone: Path) -> None:
    with pytest.raises(ValueError, match=r"Connection refused\): put it into .*, or give --weights a file") as error:
        weights.fetch(f"http://127.0.0.1:1/w.pt#sha256={'0' * 64}")
    assert "\n" not in str(error.value)
