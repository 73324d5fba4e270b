"""RUN/tb: the numbers of metrics.jsonl, read back as TensorBoard reads them, also after a stop; and what is drawn."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch import nn

from assay.cli import boards
from assay.data import load
from assay.models.classifier import Classifier, build
from assay.train.loop import Training
from assay.train.tensorboard import TAGS, Board, samples
from tests.mistakes.saying import Say, alone, refuse, run, say

__all__ = ["alone", "refuse", "run", "say"]
Refuse = Callable[..., str]
STEPS = 4  # in an epoch of 200 images
WORDS = ("train", "digits_cnn", "--epochs", "2", "--images", "200", "--tensorboard", "--out", "new")


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance=dict.fromkeys(("scalars", "images", "tensors"), 0))
    found.Reload()
    return found


def points(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("new/metrics.jsonl").read_text().splitlines()]


def about_numbers(found: EventAccumulator, epochs: int) -> None:
    """Every curve has a point for each epoch, and no other: what metrics.jsonl says, in single precision."""
    history = lines()
    assert len(history) == epochs
    for key, tag in TAGS.items():
        if key in history[0]:
            wanted = [(line["epoch"] * STEPS, pytest.approx(line[key], rel=1e-6)) for line in history]
            assert points(found, tag) == wanted, tag


def model() -> Classifier:
    about = {"architecture": "mnist_cnn_bn", "shape": (1, 8, 8), "classes": [str(number) for number in range(10)]}
    return build(about | {"mean": [0.3], "std": [0.4]})


def test_everything_is_there(say: Say) -> None:
    assert say(*WORDS).code == 0
    found = events(Path("new/tb"))
    about_numbers(found, 2)
    results = json.loads(next(Path("new/evaluations").glob("*/results.json")).read_text())
    assert points(found, "accuracy/test") == [(2 * STEPS + 1, pytest.approx(results["clean"]["share"], rel=1e-6))]
    assert points(found, "accuracy/test_top5") == [(2 * STEPS + 1, pytest.approx(results["top5"]["share"], rel=1e-6))]
    assert found.Tags()["images"] == ["samples", "confusion"]
    for tag in ("samples", "confusion"):
        picture = Image.open(io.BytesIO(found.Images(tag)[0].encoded_image_string))
        assert np.asarray(picture).std() > 20
    layers = [node.op for node in found.Graph().node]
    assert [layers.count(f"aten::{name}") for name in ("_convolution", "max_pool2d", "relu", "linear")] == [2, 2, 3, 2]
    told = {
        tag: HParamsPluginData.FromString(data.plugin_data.content)
        for tag, data in found.summary_metadata.items()
        if tag.startswith("_hparams_")
    }
    settings = told["_hparams_/session_start_info"].session_start_info.hparams
    assert settings["epochs"].number_value == 2
    assert settings["learning_rate"].number_value == 4e-3
    assert settings["data"].string_value == "digits"
    metrics = [metric.name.tag for metric in told["_hparams_/experiment"].experiment.metric_infos]
    assert set(metrics) <= set(found.Tags()["scalars"])
    assert "accuracy/test" in metrics
    assert "_hparams_/session_end_info" in told
    assert say("verify", "new").code == 0


def test_every_step_has_its_loss(say: Say) -> None:
    assert say(*WORDS).code == 0
    found = points(events(Path("new/tb")), "loss/step")
    assert [step for step, _ in found] == list(range(1, 2 * STEPS + 1))
    sizes = np.array([64, 64, 64, 8])
    for epoch, history in enumerate(lines()):
        losses = [value for _, value in found[epoch * STEPS : (epoch + 1) * STEPS]]
        assert (sizes * losses).sum() / 200 == pytest.approx(history["loss"], rel=1e-5)


def test_it_changes_nothing_that_is_learnt(say: Say) -> None:
    assert say(*WORDS).code == 0
    assert say(*WORDS[:6], "--out", "other").code == 0
    first, second = (safetensors.torch.load_file(f"{name}/model.safetensors") for name in ("new", "other"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("at", [1, 2, 3])
def test_taken_up_it_has_no_point_twice(say: Say, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Killed before the checkpoint of epoch `at`, and finished, and taken up once more when nothing is left to do."""
    learn = Training._learn

    def stopped(self: Training, epoch: int, *rest: Any) -> dict[str, float]:
        if epoch == at - 1:
            raise KeyboardInterrupt
        return learn(self, epoch, *rest)

    words = [*WORDS[:3], "3", *WORDS[4:]]
    with monkeypatch.context() as patched:
        patched.setattr(Training, "_learn", stopped)
        assert say(*words).code == 130
    for _ in range(2):
        assert say(*words, "--resume").code == 0
        found = events(Path("new/tb"))
        about_numbers(found, 3)
        assert [step for step, _ in points(found, "accuracy/test")] == [3 * STEPS + 1]
        assert [event.step for event in found.Images("confusion")] == [3 * STEPS + 1]
        assert len(found.Images("samples")) == 1


def test_asked_for_late_it_tells_of_the_epochs_before(say: Say) -> None:
    words = [word for word in WORDS if word != "--tensorboard"]
    assert say(*words).code == 0
    assert not Path("new/tb").exists()
    assert say(*WORDS, "--resume").code == 0
    about_numbers(events(Path("new/tb")), 2)


def test_hardening_shows_the_robust_accuracy(say: Say) -> None:
    assert say(*WORDS[:6], "--out", "plain").code == 0
    words = ("--method", "fgsm", "--epochs", "2", "--images", "2", "--tensorboard")
    assert say("harden", "plain", *words, "--out", "new").code == 0
    found = events(Path("new/tb"))
    about_numbers(found, 2)
    assert len(points(found, "accuracy/validation_robust")) == 2


def line(epoch: int) -> dict[str, float]:
    return {"epoch": epoch} | {key: epoch + place / 10 for place, key in enumerate(TAGS)}


def test_steps_have_a_point_each_and_those_after_a_checkpoint_count_no_more(tmp_path: Path) -> None:
    images, losses = load("digits", "train", 200), [4.0, 3.0, 2.5, 2.25]
    settings = {"epochs": 3, "augment": ["flip", "none"], "images": None, "skip_bad": False}
    first = Board(tmp_path, model(), settings, images, STEPS)
    for epoch in (1, 2):
        first.epoch(line(epoch), losses)
    first.close()
    second = Board(tmp_path, model(), settings, images, STEPS, [line(1)])
    second.epoch(line(2), [value - 2 for value in losses])
    second.end({"clean": {"share": 0.5}, "top5": {"share": 1.0}}, {})
    found = events(tmp_path)
    assert points(found, "loss/step") == list(enumerate([*losses, *(value - 2 for value in losses)], 1))
    assert [step for step, _ in points(found, "learning_rate")] == [STEPS, 2 * STEPS]
    assert [step for step, _ in points(found, "loss/training")] == [STEPS, 2 * STEPS]


class Watching(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("nobody traces me")


def test_modes_stay_and_a_network_that_cannot_be_traced_is_no_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, ours = load("digits", "train", 200), model().train()
    ours.net[3].eval()
    modes = [part.training for part in ours.modules()]
    Board(tmp_path / "a", ours, {}, images, STEPS).close()
    assert [part.training for part in ours.modules()] == modes
    assert all(parameter.requires_grad for parameter in ours.parameters())
    ours.net.append(Watching())
    Board(tmp_path / "b", ours, {}, images, STEPS).close()
    found = events(tmp_path / "b")
    assert not found.Tags()["graph"]
    assert b"nobody traces me" in found.Tensors("graph/text_summary")[0].tensor_proto.string_val[0]
    assert capsys.readouterr().out == ""


def test_the_sheet_shows_each_class_in_a_row() -> None:
    images = load("digits", "train")
    sheet = samples(images)
    assert sheet.shape == (500, 120 + 8 * 50, 3)
    first = images.images[images.labels == 3][0, 0].numpy()
    assert np.array_equal(sheet[150:198:6, 120:168:6, 1], first)
    assert all((sheet[row * 50 : row * 50 + 50, :120] < 128).any() for row in range(10))  # the name


def test_without_the_extra_it_says_what_to_install(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "assay.train.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert refuse(*WORDS) == (
        "--tensorboard needs TensorBoard, which is not installed: pip install 'assay[tensorboard]'"
    )
    assert not Path("new").exists()
    with pytest.raises(ValueError, match="assay"):
        boards.needed()
