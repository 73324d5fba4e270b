"""Every map against captum, which others trust: the same numbers, up to the order of sums."""

import pytest
import torch

from assay.adversary.victim import Victim
from assay.chance import Draws, named_by_pixels
from assay.explain.baselines import painted
from assay.explain.grad_cam import grad_cam
from assay.explain.integrated_gradients import integrated_gradients
from assay.explain.occlusion import occlusion
from assay.explain.saliency import saliency
from assay.explain.smoothgrad import smoothgrad
from tests.explain.conftest import pixels
from tests.explain.networks import house, yours

attr = pytest.importorskip("captum.attr", reason="captum is in the extra `dev`")
NETWORKS = {"mnist_cnn": 1, "better_cnn": 3, "functional": 3, "reused": 1}


@pytest.fixture(params=NETWORKS)
def asked(request):
    """A victim, four images, the classes to be explained."""
    kind, channels = request.param, NETWORKS[request.param]
    side = 8 if kind in ("functional", "reused") else 16
    images, _ = pixels(4, channels, side)
    model = yours(kind, channels) if side == 8 else house(kind, channels)
    with Victim(model) as victim:
        yield victim, images, torch.tensor([0, 1, 2, 1])


def near(got, wanted):
    wanted = wanted.detach().float()
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))


def test_saliency(asked):
    victim, images, classes = asked
    wanted = attr.Saliency(victim.classifier).attribute(images.clone().requires_grad_(), classes).amax(1)
    near(saliency(victim, images, classes, of="label").maps["saliency"], wanted)


def test_smoothgrad_is_the_mean_over_the_noise_that_is_drawn(asked):
    victim, images, classes = asked
    found = smoothgrad(victim, images, classes, samples=35, spread=0.2, seed=3, of="label").maps["smoothgrad"]
    draws, method = Draws(3, named_by_pixels(images)), attr.Saliency(victim.classifier)
    spread = 0.2 * (images.flatten(1).amax(1) - images.flatten(1).amin(1))[:, None, None, None]
    total = torch.zeros_like(images)
    for number in range(35):
        noisy = images + spread * draws.normal(tuple(images.shape[1:]), "smoothgrad", number)
        total += method.attribute(noisy.requires_grad_(), classes, abs=False)
    near(found, (total / 35).abs().amax(1))


def test_smoothgrad_without_noise_is_noise_tunnel_without_noise_and_saliency(asked):
    victim, images, classes = asked
    found = smoothgrad(victim, images, classes, samples=2, spread=0.0, of="label").maps["smoothgrad"]
    tunnel = attr.NoiseTunnel(attr.Saliency(victim.classifier))
    near(found, tunnel.attribute(images, nt_samples=2, stdevs=0.0, target=classes, abs=False).abs().amax(1))
    near(found, saliency(victim, images, classes, of="label").maps["saliency"])


@pytest.mark.parametrize("baseline", [0.0, 0.5, "mean", "blur"])
def test_integrated_gradients(asked, baseline):
    victim, images, classes = asked
    found = integrated_gradients(victim, images, classes, steps=20, baseline=baseline, of="label")
    nothing = painted("x", images, baseline)
    wanted, missed = attr.IntegratedGradients(victim.classifier).attribute(
        images, nothing, classes, n_steps=20, method="riemann_middle", return_convergence_delta=True
    )
    near(found.maps["integrated_gradients"], wanted.sum(1))
    largest = float(found.numbers["logit's rise"].abs().max())
    torch.testing.assert_close(found.numbers["completeness error"], missed.float(), rtol=0, atol=1e-4 * largest)


@pytest.mark.parametrize(("patch", "stride", "colour"), [(4, 3, 0.0), (3, 2, 0.5), (5, 1, "mean"), (5, 2, "blur")])
def test_occlusion(asked, patch, stride, colour):
    victim, images, classes = asked
    found = occlusion(victim, images, classes, patch=patch, stride=stride, colour=colour).maps["probability"]

    def probability(points):
        return victim.classifier(points).softmax(1)

    # captum spreads what a window takes away over its pixels and divides by the windows that cover each: one window
    # alone, moved by hand, keeps the places apart. It also moves the last window back inside; ours stops before.
    whole = probability(images).gather(1, classes[:, None])[:, 0]
    channels, height, width = images.shape[1:]
    side = (height - patch) // stride + 1
    for row, column in ((0, 0), (0, side - 1), (side // 2, side // 2), (side - 1, 1)):
        top, left = row * stride, column * stride
        mask = torch.ones(1, channels, height, width, dtype=torch.int64)
        mask[..., top : top + patch, left : left + patch] = 0
        taken = attr.FeatureAblation(probability).attribute(
            images, painted("x", images, colour), classes, feature_mask=mask
        )
        near(found[:, row, column], whole - taken[:, 0, top, left])
    if stride >= patch - 1 and (height - patch) % stride == 0:  # then each corner pixel has one window
        window = (channels, patch, patch)
        spread = attr.Occlusion(probability).attribute(
            images, window, (channels, stride, stride), painted("x", images, colour), classes, perturbations_per_eval=16
        )
        near(found[:, 0, 0], whole - spread[:, 0, 0, 0])
        near(found[:, -1, -1], whole - spread[:, 0, -1, -1])


def test_grad_cam(asked):
    victim, images, classes = asked
    layer = {"Functional": "first", "Reused": "norm"}.get(type(victim.classifier.net).__name__, "net.3")
    found = grad_cam(victim, images, classes, layer=layer, of="label").maps["grad_cam"]
    part = victim.classifier.get_submodule(layer if layer.startswith("net.") else f"net.{layer}")
    wanted = attr.LayerGradCam(victim.classifier, part).attribute(images, classes, relu_attributions=True)[:, 0]
    near(found, wanted)
