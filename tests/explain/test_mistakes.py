"""What cannot be explained is said in one line; what can is said beside the folder."""

import json
from pathlib import Path

import pytest
import safetensors.numpy
import torch
from torch import nn

from assay.adversary.victim import Victim
from assay.explain.activations import activations
from assay.explain.filters import filters
from assay.explain.occlusion import occlusion
from assay.spec import read
from tests.explain.conftest import classifier, pixels, small

CONV = "conv 1 (net.0), conv 2 (net.3)"
REFUSED = [
    ("filters(layer=3)", f"filters: there is no convolution 3, the model has 2: {CONV}"),
    ("activations(layer=3)", f"activations: there is no convolution 3, the model has 2: {CONV}"),
    ("filters(layer=0)", "filters: layer must be at least 1, got 0"),
    ("filters(layer='net.33')", "filters: no convolution is called 'net.33'; there are net.0, net.3; did you mean"),
    ("activations(layer='fc')", "activations: no convolution is called 'fc'; there are net.0, net.3"),
    ("filters(layer=2, channel=32)", "filters: channel must be below 32, the input channels of conv 2 (net.3), got 32"),
    ("filters(channel=-1)", "filters: channel must be at least 0, got -1"),
    ("filters(layer=1.5)", "filters: layer must be a whole number or text, got 1.5"),
    ("occlusion(patch=9)", "occlusion: patch 9 must fit into the image, 8×8"),
    ("occlusion(patch=2, colour=1.5)", "occlusion: colour must be between 0 and 1, got 1.5"),
    ("occlusion(patch=2, colour=-1)", "occlusion: colour must be at least 0, got -1"),
    (
        "occlusion(patch=2, colour=(1, 0, 0))",
        "occlusion: colour must be a grey level or 1 number, one a channel, got 3",
    ),
    ("occlusion(patch=2, colour=())", "occlusion: colour must be a grey level or 1 number, one a channel, got 0"),
    ("occlusion(patch=2, colour=(1, -1))", "occlusion: colour must be at least 0, got -1"),
    ("occlusion(patch=2, colour=(1, 2))", "occlusion: colour must be between 0 and 1, got (1.0, 2.0)"),
    (
        "occlusion(patch=2, colour='red')",
        "occlusion: colour must be a number or 'mean' or 'blur' or a row in brackets, each a number, got",
    ),
    (
        "occlusion(patch=2, colour=(1, 'a', 0))",
        "occlusion: colour must be a number or 'mean' or 'blur' or a row in brackets",
    ),
    (
        "occlusion(patch=2, colour=(1, True, 0))",
        "occlusion: colour must be a number or 'mean' or 'blur' or a row in brackets",
    ),
]


@pytest.mark.parametrize(("method", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_is_said_in_one_line_and_leaves_nothing(refuse, run, method, said):
    before = sorted(run.rglob("*"))
    assert refuse("explain", "run", "--method", method).startswith(said)
    assert sorted(run.rglob("*")) == before


def test_a_model_without_convolutions_and_one_that_answers_nan():
    images, labels = pixels(3)
    with Victim(classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)))) as victim:
        for method in (filters, activations):
            with pytest.raises(ValueError, match="the model has no convolutions"):
                method(victim, images, labels)
    broken = small()
    broken.net[3].bias.data[0] = float("nan")
    broken.net[0].weight.data[0, 0, 0, 0] = float("inf")
    with Victim(broken) as victim:
        with pytest.raises(ValueError, match=r"filters: conv 1 \(net.0\) has weights that are not finite"):
            filters(victim, images, labels)
        with pytest.raises(ValueError, match=r"activations: conv 2 gives NaN or infinity"):
            activations(victim, images, labels, layer=2)


def test_an_answer_that_is_none_for_an_image():
    class OneByOne(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 3, 8)

        def forward(self, images):
            return torch.stack([self.conv(image).flatten() for image in images])

    with Victim(classifier(OneByOne())) as victim, pytest.raises(ValueError, match=r"gives \(3, 1, 1\) for 2 images"):
        activations(victim, *pixels(2))


def test_what_is_large_is_cut_and_still_drawn():
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten())
    net[0].weight.data.fill_(1e9)
    with Victim(classifier(net, classes=64)) as victim:
        found = activations(victim, *pixels(2)).maps["conv 1"]
    assert found.isfinite().all()
    assert found.max() == 65504


def test_a_colour_of_the_wrong_kind_from_python():
    images, labels = pixels(2, 3)
    with Victim(small(3)) as victim:
        for colour in (float("nan"), (0.0, float("nan"), 0.0), -0.1):
            with pytest.raises(ValueError, match="colour must be between 0 and 1"):
                occlusion(victim, images, labels, patch=2, colour=colour)
        with pytest.raises(ValueError, match="must be a grey level or 3 numbers, one a channel, got 2"):
            occlusion(victim, images, labels, patch=2, colour=(0.0, 0.0))


def test_a_colour_reads_back_from_its_label():
    known = {"occlusion": occlusion}
    call = read("occlusion(colour=(1, 0.5, 0))", known, "method")
    assert call.settings == {"colour": (1.0, 0.5, 0.0)}
    assert read(str(call), known, "method") == call


def test_all_methods_at_once_and_their_words(say, run):
    methods = ("filters", "saliency", "activations(layer=2)", "occlusion(patch=4, colour=(0.5,))", "filters(layer=2)")
    words = [word for method in methods for word in ("--method", method)]
    said = say("explain", "run", *words, "--image", "1446", "1321", "--json")
    assert said.code == 0, said
    found = json.loads(said.out)
    assert list(found["words"]) == found["explanations"]
    assert len(found["explanations"]) == 5
    of = {Path(path).name: lines for path, lines in found["words"].items()}
    assert of["filters"][0].startswith("conv 1 (net.0): 32 filters of 3×3, weights ")
    assert of["filters-layer=2"][0].startswith("conv 2, input channel 0 of 32 (net.3): 32 filters of 3×3")
    assert of["digits-test-762975-1446-1321-activations-layer=2"][0].endswith(" of 32 filters dead on 2 images")
    assert of["digits-test-762975-1446-1321-saliency"] == []
    printed = say("explain", "run", "--method", "filters", "--force").out.splitlines()
    assert printed == ["run/explanations/filters", f"  {of['filters'][0]}"]


def test_filters_need_no_data_and_no_image(say, refuse, run):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "data": "gone"}))
    assert refuse("explain", "run", "--method", "saliency").startswith("unknown data set 'gone'")
    assert say("explain", "run", "--method", "filters").code == 0
    line = refuse("explain", "run", "--method", "filters(layer=2)", "--image", "3")
    assert line == "--image 3: filters is not about images, leave it out"


def test_a_model_without_gradients_still_shows_what_needs_none(say, refuse, run):
    Path("mine.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.conv = nn.Conv2d(1, 10, 8)\n\n    def forward(self, images):\n"
        "        return self.conv(images.detach()).flatten(1).detach()\n\n\ndef make():\n    return Net()\n"
    )
    weights = {"conv.weight": torch.randn(10, 1, 8, 8).numpy(), "conv.bias": torch.zeros(10).numpy()}
    Path("w.safetensors").write_bytes(safetensors.numpy.save(weights))
    assert say("import", "mine.py:make", "--weights", "w.safetensors", "--data", "digits", "--out", "mine").code == 0
    assert "no gradient" in refuse("explain", "mine", "--method", "filters", "--method", "saliency")
    assert say("explain", "mine", "--method", "filters", "--method", "activations(layer='conv')").code == 0
