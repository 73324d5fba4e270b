"""Each method against the same by hand, slow and plain."""

import pytest
import torch
from torch import nn

from assay.adversary.victim import Victim
from assay.explain import EXPLAIN
from assay.explain.activations import activations
from assay.explain.filters import filters
from assay.explain.occlusion import occlusion
from assay.explain.saliency import saliency
from tests.explain.conftest import classifier, pixels, small


def close(got, wanted):
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("colour", ["black", 0.5, "painted"])
@pytest.mark.parametrize(("patch", "stride"), [(3, 2), (8, 1), (1, 5)])
def test_occlusion_is_a_plain_loop(seen, patch, stride, colour):
    victim, images, labels = seen
    channels = images.shape[1]
    numbers = {"black": (0.0,) * channels, "painted": (1.0, 0.25, 0.0)[:channels]}.get(colour, (colour,) * channels)
    settings = {} if colour == "black" else {"colour": numbers if colour == "painted" else colour}
    found = occlusion(victim, images[:4], labels[:4], patch=patch, stride=stride, **settings)
    side = (8 - patch) // stride + 1
    assert found.maps["probability"].shape == (4, side, side)
    for image in range(4):
        for row in range(side):
            for column in range(side):
                covered = images[image].clone()
                for y in range(row * stride, row * stride + patch):
                    for x in range(column * stride, column * stride + patch):
                        covered[:, y, x] = torch.tensor(numbers)
                logits = victim.classifier(covered[None])[0]
                close(found.maps["probability"][image, row, column], logits.softmax(0)[labels[image]].detach())
                assert found.maps["class"][image, row, column] == logits.argmax()


def test_ten_by_ten_in_steps_of_two_has_ten_positions_and_stands_like_the_image():
    class Corner(nn.Module):
        def forward(self, images):  # sure of class 0 while it sees the upper right corner
            return torch.stack([images[:, 0, 0, -1] * 9, torch.ones(len(images))], 1)

    images = torch.ones(1, 1, 28, 28)
    with Victim(classifier(Corner(), (1, 28, 28), 2)) as victim:
        found = occlusion(victim, images, torch.zeros(1, dtype=torch.int64))
    assert found.maps["class"].shape == (1, 10, 10)
    assert found.maps["class"][0].nonzero().tolist() == [[0, 9]]
    assert (found.maps["probability"][0] < 0.5).nonzero().tolist() == [[0, 9]]


def test_saliency_is_the_gradient_of_the_largest_logit(seen):
    victim, images, labels = seen
    found = saliency(victim, images, labels)
    for place, image in enumerate(images):
        pixel = image.clone().requires_grad_()
        logits = victim.classifier(pixel[None])[0]
        logits.max().backward()
        close(found.maps["saliency"][place], pixel.grad.abs().max(0).values)
        assert found.explained[place] == logits.argmax()


def test_filters_are_the_weights(seen):
    victim, images, labels = seen
    first, second = victim.classifier.net[0].weight, victim.classifier.net[3].weight

    def drawn(**settings):
        return filters(victim, images[:0], labels[:0], **settings)

    assert torch.equal(drawn().maps["conv 1"], first)
    for layer in (2, "net.3", "3"):
        assert torch.equal(drawn(layer=layer).maps["conv 2, input channel 0 of 4"], second[:, [0]])
    assert torch.equal(drawn(layer=2, channel=3).maps["conv 2, input channel 3 of 4"], second[:, [3]])
    channels = images.shape[1]
    assert torch.equal(
        drawn(channel=0).maps[f"conv 1, input channel 0 of {channels}"], first[:, [0]]
    )  # one colour alone
    low, high = first.min().item(), first.max().item()
    assert drawn().words == (f"conv 1 (net.0): 4 filters of 3×3, weights {low:.3g} to {high:.3g}",)


def test_a_deeper_layer_of_three_channels_is_not_taken_for_colours():
    net = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 2, 1), nn.Flatten())
    with Victim(classifier(net, (3, 8, 8))) as victim:
        whole, deeper = (filters(victim, *pixels(0, 3), layer=layer).maps for layer in (1, 2))
    assert [value.shape for value in whole.values()] == [(3, 3, 1, 1)]
    assert [value.shape for value in deeper.values()] == [(2, 1, 1, 1)]


def test_activations_are_the_outputs_before_the_relu(seen):
    victim, images, labels = seen
    found = activations(victim, images, labels)
    net = victim.classifier.net
    with torch.no_grad():
        first = net[0](images)
        second = net[3](net[2](first.relu()))
    assert list(found.maps) == ["conv 1", "conv 2"]
    for got, wanted in zip(found.maps.values(), (first, second), strict=True):
        assert got.dtype == torch.float16
        torch.testing.assert_close(got.float(), wanted, rtol=2e-3, atol=1e-5)
        assert torch.equal(got > 0, wanted > 0)
        assert got.min() < 0  # else the ReLU could not be told from none
    assert list(activations(victim, images, labels, layer=2).maps) == ["conv 2"]


def test_a_batch_norm_that_follows_at_once_is_in_it_and_only_a_relu_makes_dead():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1), nn.Flatten()).eval()
    net[0].weight.data.fill_(1.0)
    net[0].bias.data.fill_(-9.0)  # below 0 everywhere, until it is normalised
    net[1].running_mean.fill_(-9.0)
    net[3].weight.data.fill_(-1.0)
    net[3].bias.data.fill_(-1.0)
    images = torch.rand(3, 1, 8, 8)
    with Victim(classifier(net, classes=128)) as victim:
        found = activations(victim, images, torch.zeros(3).long())
    with torch.no_grad():
        torch.testing.assert_close(found.maps["conv 1"].float(), net[1](net[0](images)), rtol=2e-3, atol=1e-5)
    assert found.words[0] == "conv 1 (net.0): 0 of 2 filters dead on 3 images"
    nobody = "2 of 2 filters nowhere above 0 on 3 images; no ReLU layer takes them at once"
    assert found.words[1] == f"conv 2 (net.3): {nobody}"


def dying(dead):
    net = small().net
    for number in dead:
        net[3].weight.data[number] = 0
        net[3].bias.data[number] = -0.0 if number else -1.0
    net[3].bias.data[1] = 5.0  # and this one is not
    return classifier(net)


@pytest.mark.parametrize("dead", [(), (4,), (0, 4)])
def test_dead_filters_are_counted(dead):
    images, labels = pixels(20)
    with Victim(dying((0, 2, 3, 4))) as victim:
        net = victim.classifier.net
        for number in {0, 2, 3, 4} - set(dead):
            net[3].bias.data[number] = 1e-9  # ever so little is not dead, though no float16 holds it
        found = activations(victim, images, labels)
    assert found.words[1] == f"conv 2 (net.3): {len(dead)} of 5 filters dead on 20 images"
    assert found.words[0].startswith("conv 1 (net.0): 0 of 4 filters")


def test_one_answer_at_one_place_of_one_image_is_life():
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.Flatten())
    net[0].weight.data.fill_(1.0)
    images = torch.zeros(20, 1, 8, 8)
    with Victim(classifier(net, classes=64)) as victim:
        assert "1 of 1 filters dead on 20 images" in activations(victim, images, images[:, 0, 0, 0].long()).words[0]
        images[17, 0, 5, 6] = 1e-8
        assert "0 of 1 filters dead on 20 images" in activations(victim, images, images[:, 0, 0, 0].long()).words[0]
        assert activations(victim, images[:1], torch.zeros(1).long()).words[0].endswith("dead on 1 image")


def test_a_layer_that_is_used_twice_is_there_twice_in_the_order_of_use():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.late = nn.Conv2d(1, 1, 3, padding=1)
            self.early = nn.Conv2d(1, 1, 1)
            self.never = nn.Conv2d(1, 1, 1)

        def forward(self, images):
            return self.late(self.late(self.early(images))).flatten(1)[:, :3]

    images, labels = pixels(2)
    with Victim(classifier(Twice())) as victim:
        found = activations(victim, images, labels)
        assert list(found.maps) == ["conv 2", "conv 1", "conv 1, use 2"]
        late = victim.classifier.net.late(victim.classifier.net.early(images))
        torch.testing.assert_close(
            found.maps["conv 1, use 2"].float(),
            victim.classifier.net.late(late).detach(),
            rtol=2e-3,
            atol=1e-4,
        )
        with pytest.raises(ValueError, match=r"^activations: the model does not use net.never$"):
            activations(victim, images, labels, layer=3)


@pytest.mark.parametrize("name", EXPLAIN)
def test_nothing_is_left_behind_and_nothing_is_changed(seen, name):
    victim, images, labels = seen
    before = {key: value.clone() for key, value in victim.classifier.state_dict().items()}
    copies = images.clone(), labels.clone()
    patch = {"patch": 4} if name == "occlusion" else {}
    found = EXPLAIN[name](victim, images, labels, **patch)
    assert torch.equal(copies[0], images)
    assert torch.equal(copies[1], labels)
    assert all(torch.equal(before[key], value) for key, value in victim.classifier.state_dict().items())
    assert not any(value.requires_grad for value in found.maps.values())
    hooks = [
        part._forward_hooks or part._forward_pre_hooks or part._backward_hooks for part in victim.classifier.modules()
    ]
    assert not any(hooks)


QUICK = {"occlusion": {"patch": 4}, "class_image": {"steps": 2}, "integrated_gradients": {"steps": 4}}


@pytest.mark.parametrize("name", EXPLAIN)
def test_the_facts_are_those_of_its_maps(seen, name):
    victim, images, labels = seen
    facts = EXPLAIN[name].facts
    given = (images, labels) if facts.of_images else (images[:0], labels[:0])
    found = EXPLAIN[name](victim, *given, **QUICK.get(name, {}))
    wanted = {"maps": 3}.get(facts.kind, 4)
    assert all(value.ndim == wanted for value in found.maps.values())
    assert (found.explained is not None) == (facts.kind == "maps")
    if facts.of_images:
        assert all(len(value) == len(images) for value in found.maps.values())


def test_hooks_are_gone_after_an_error():
    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1)

        def forward(self, images):
            self.conv(images)
            raise KeyError("later")

    images, labels = pixels(2)
    with Victim(classifier(Failing())) as victim:
        with pytest.raises(KeyError):
            activations(victim, images, labels)
        assert not victim.classifier.net.conv._forward_hooks
