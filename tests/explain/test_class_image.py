"""Class images against a plain loop, a closed form, and each other: alone or in company, from live and dead starts."""

import itertools

import pytest
import torch
from torch import nn

from assay.adversary.victim import Victim
from assay.chance import Draws
from assay.explain.class_image import class_image, told
from tests.explain.conftest import classifier, small

NONE = torch.zeros(0, dtype=torch.int64)


def made(model, **settings):
    with Victim(model) as victim:
        return class_image(victim, torch.zeros(0, *model.shape), NONE, **settings)


def noises(n, shape, seed=0):
    return Draws(seed, torch.arange(n)).uniform(shape, "class image", 0)


@pytest.mark.parametrize("settings", [{}, {"l2": 0.05, "tv": 0.02}, {"jitter": 2}], ids=["plain", "paid for", "moved"])
@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
def test_it_is_a_plain_loop_with_torchs_adam(channels, settings):
    model = small(channels)
    found = made(model, steps=5, starts=2, classes=(2, 0), **settings)
    assert found.beside["explained"].tolist() == [2, 2, 0, 0]
    assert found.beside["start"].tolist() == [0, 1, 0, 1]
    l2, tv, jitter = settings.get("l2", 0), settings.get("tv", 0), settings.get("jitter", 0)

    def climbed(image, of, shift=(0, 0)):
        logit = model(image.roll(shift, (1, 2))[None])[0, of]
        rough = sum(
            (a - b).square().sum() for a, b in [(image[:, 1:], image[:, :-1]), (image[..., 1:], image[..., :-1])]
        )
        return logit - l2 * (image - 0.5).square().sum() - tv * rough

    for row, (of, start) in enumerate(itertools.product((2, 0), (0, 1))):
        image = noises(2, model.shape)[start].requires_grad_()
        adam = torch.optim.Adam([image], lr=0.05, maximize=True)
        looked = []
        for step in range(6):
            if step in (0, 1, 2, 4, 5):
                looked.append(
                    (step, climbed(image, of).item(), model(image[None])[0, of].item(), image.detach().clone())
                )
            if step == 5:
                break
            shift = Draws(0, torch.tensor([start])).integers(2 * jitter + 1, (2,), "jitter", step)[0] - jitter
            adam.zero_grad()
            climbed(image, of, tuple(shift.tolist())).backward()
            adam.step()
            image.data.clamp_(0, 1)
        assert found.beside["steps"].tolist() == [step for step, *_ in looked]
        torch.testing.assert_close(
            found.beside["curve.logit"][row], torch.tensor([logit for _, _, logit, _ in looked]), rtol=1e-4, atol=1e-4
        )
        best = max(looked, key=lambda look: look[1])
        torch.testing.assert_close(found.maps["image"][row], best[3], rtol=1e-3, atol=1e-3)
        assert found.beside["kept"][row] == best[0]


def test_of_a_linear_network_it_is_the_corner_of_the_box():
    """Each pixel is white where the class's weight is above 0, black where it is below."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    model = classifier(net)
    found = made(model, steps=64, starts=2)
    corners = (net[1].weight > 0).float().reshape(3, 1, 8, 8).repeat_interleave(2, 0)
    assert torch.equal(found.maps["image"], corners)
    highest = (net[1].weight.clamp(min=0).sum(1) + net[1].bias).repeat_interleave(2)
    torch.testing.assert_close(found.beside["logits"].gather(1, found.beside["explained"][:, None])[:, 0], highest)
    assert found.beside["kept"].min() >= 16  # 1 / 0.05 steps from one side to the other, and no sooner
    assert found.beside["kept"].max() <= 32


def test_what_it_pays_pulls_it_back_to_grey_and_smooths():
    """logit − l2 · (x − ½)² is highest at ½ + w / (2 · l2), if that is in the box."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    found = made(classifier(net), steps=1500, l2=0.5, starts=1, classes=1, patience=1500)
    wanted = (0.5 + net[1].weight[1] / (2 * 0.5)).clamp(0, 1).reshape(1, 1, 8, 8)
    torch.testing.assert_close(found.maps["image"], wanted.detach(), rtol=0, atol=0.02)
    rough, smooth = (made(small(), steps=30, starts=1, tv=tv).maps["image"] for tv in (0.0, 1.0))
    assert smooth.diff(dim=3).abs().mean() < 0.5 * rough.diff(dim=3).abs().mean()


def test_no_image_depends_on_its_neighbours():
    model = small(3)
    whole = made(model, steps=20, starts=13, jitter=1)  # 39 images: two passes, the second one padded
    alone = made(model, steps=20, starts=2, classes=(1,), jitter=1)
    rows = [13, 14]
    assert torch.equal(alone.maps["image"], whole.maps["image"][rows])
    for key in ("logits", "kept", "curve.logit", "curve.probability"):
        assert torch.equal(alone.beside[key], whole.beside[key][rows]), key


def test_a_longer_way_begins_with_the_shorter_one_and_another_seed_elsewhere():
    short, long, other = (made(small(), steps=steps, starts=1, seed=seed) for steps, seed in ((8, 0), (40, 0), (8, 1)))
    assert torch.equal(short.beside["curve.logit"], long.beside["curve.logit"][:, : len(short.beside["steps"])])
    assert (long.beside["logits"].diagonal() >= short.beside["logits"].diagonal()).all()
    assert not torch.equal(short.beside["curve.logit"][:, 0], other.beside["curve.logit"][:, 0])


def test_it_rests_where_nothing_is_gained_and_keeps_the_highest():
    found = made(classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 3))), steps=2000, patience=100)
    assert found.beside["stopped"].max() < 400
    assert found.beside["steps"].max() == found.beside["stopped"].max()
    curve = found.beside["curve.logit"]
    reached = found.beside["logits"].gather(1, found.beside["explained"][:, None])
    assert (curve <= reached + 1e-5).all()
    assert (curve[:, 0] < reached[:, 0]).all()


class Asleep(nn.Module):
    """Class 0 is dead, whatever is shown; class 1 wakes above a mean of `over`; class 2 always hears."""

    def __init__(self, over=0.0):
        super().__init__()
        self.over = over

    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return torch.stack([(mean - 2).relu(), 9 * (mean - self.over).relu(), mean], 1)


def test_a_dead_start_is_said_in_words_and_the_others_go_on():
    found = made(classifier(Asleep()), steps=30, starts=2, l2=0.001)
    assert found.beside["stopped"].tolist() == [0, 0, 30, 30, 30, 30]
    said = "never fired, its gradient is 0 everywhere from 4 noises"
    assert found.words[1:] == (f"class 0, start 0: {said}", f"class 0, start 1: {said}")
    assert (found.maps["image"][:2] > 0).any()
    assert (found.maps["image"][4] > 0.9).float().mean() > 0.9
    assert told(found.beside) == found.words


def test_where_one_noise_is_dead_another_is_taken():
    means = [
        Draws(0, torch.tensor([0])).uniform((1, 8, 8), "class image", attempt).mean().item() for attempt in range(4)
    ]
    over = sorted(means)[-2] + 1e-6  # only the brightest wakes it
    assert means[0] < over
    found = made(classifier(Asleep(over)), steps=10, starts=1, classes=1)
    assert found.beside["stopped"].tolist() == [10]
    assert found.beside["logits"][0, 1] > 0


def test_nothing_is_left_on_the_network():
    model = small().train()
    model.net[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    chance = torch.get_rng_state()
    made(model, steps=3, jitter=1, tv=0.1)
    assert all(part.training for part in model.modules())
    assert [p.requires_grad for p in model.parameters()] == [False] + [True] * 7
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert torch.equal(chance, torch.get_rng_state())


def test_a_transformer_has_them_too():
    from assay.models.vit import vit

    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = vit((3, 16, 16), 3)
    found = made(classifier(net, (3, 16, 16)), steps=8, starts=1)
    curve = found.beside["curve.logit"]
    assert (curve[:, -1] > curve[:, 0]).all()


@pytest.mark.parametrize("classes", [(0, 0), (3,), 3, ()])
def test_classes_that_are_none(classes):
    with pytest.raises(ValueError, match="class_image: classes must be some of 0 to 2, each once, got"):
        made(small(), classes=classes)


def test_an_answer_or_a_gradient_that_is_no_number():
    class Broken(nn.Module):
        def forward(self, images):
            root = (images - images.detach()).abs().sum((1, 2, 3)).sqrt()  # 0, with the slope 0 / 0
            return torch.stack([root, images.sum((1, 2, 3))], 1)

    with pytest.raises(ValueError, match="gives NaN or infinity, or its gradient does, at iteration 1"):
        made(classifier(Broken(), classes=2), steps=4)
