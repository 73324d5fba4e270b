"""Which layer Grad-CAM takes, and that it reads it rightly."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from assay.adversary.victim import Victim
from assay.explain.grad_cam import grad_cam
from assay.explain.layers import form_of, layers_with_places
from tests.explain.conftest import classifier, pixels, small
from tests.explain.networks import house, yours

CHOSEN = {
    "mnist_cnn": ("net.4", "net.1, net.4", 8),
    "small_cnn": ("net.7", "net.1, net.4, net.7", 4),
    "small_cnn(norm=True)": ("net.10", "net.2, net.6, net.10", 4),
    "resnet18(stem='small')": ("net.layer4", "net.relu, net.layer1.0, …, net.layer3, net.layer4.0, net.layer4", 2),
    "vit": ("net.block6", "net.patches.project, net.patches, …, net.block4, net.block5, net.block6", 8),
}


@pytest.mark.parametrize("architecture", CHOSEN)
def test_the_last_layer_before_the_pool_is_taken_and_said(architecture):
    chosen, listed, side = CHOSEN[architecture]
    with Victim(house(architecture, 3)) as victim:
        found = grad_cam(victim, *pixels(2, 3, 16))
    assert found.words[0] == f"layer {chosen}, places {side}×{side}, chosen of {listed}"
    assert found.maps["grad_cam"].shape == (2, side, side)


def by_hand(answer, logits, classes, read=lambda tensor: tensor):
    (slope,) = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), answer)
    answer, slope = read(answer), read(slope)
    return F.relu((slope.mean((2, 3), keepdim=True) * answer).sum(1)).detach()


def close(got, wanted):
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-6)


def test_relus_in_place_do_not_change_what_is_read():
    images, labels = pixels(5, 3)
    model = small(3)
    with Victim(model) as victim:
        before = model.net[0](images.clone().requires_grad_())
        inside = model.net[2](before.relu())
        last = model.net[3](inside)
        logits = model.net[5:](last.relu())
        close(
            grad_cam(victim, images, labels, layer="net.0", of="label").maps["grad_cam"],
            _again(model, 0, images, labels),
        )
        close(grad_cam(victim, images, labels, layer="3", of="label").maps["grad_cam"], by_hand(last, logits, labels))
        rectified = grad_cam(victim, images, labels, of="label").maps["grad_cam"]
        close(rectified, _again(model, 4, images, labels))
        assert not torch.equal(rectified, grad_cam(victim, images, labels, layer="3", of="label").maps["grad_cam"])
        first = grad_cam(victim, images, labels, layer=1)
    assert first.words[0] == "layer net.2, places 8×8, chosen of net.2, net.4"


def _again(model, number, images, classes):
    """The same with no ReLU in place."""
    layers = [nn.ReLU() if isinstance(part, nn.ReLU) else part for part in model.net]
    answer = nn.Sequential(*layers[: number + 1])(images.clone().requires_grad_())
    return by_hand(answer, nn.Sequential(*layers[number + 1 :])(answer), classes)


def test_the_last_use_of_a_layer_that_is_used_again():
    images, labels = pixels(3)
    model = yours("reused", 1)
    with Victim(model) as victim:
        found = grad_cam(victim, images, labels)
        net = model.net
        inside = F.relu(net.norm(net.first(images.clone().requires_grad_())))
        inside = F.relu(net.again(inside) + inside)
        last = F.relu(net.again(inside))
        logits = net.end(last.flatten(1))
        close(found.maps["grad_cam"], by_hand(last, logits, logits.argmax(1)))
        assert found.words[0].startswith("layer net.relu, use 3, places 8×8")
        assert grad_cam(victim, images, labels, layer="relu, use 2").words[0].startswith("layer net.relu, use 2")


def test_a_class_token_is_left_out_and_a_block_that_says_nothing_passed_by():
    images, labels = pixels(3, 3)
    model = yours("class token", 3)
    with Victim(model) as victim:
        found = grad_cam(victim, images, labels)
        assert found.words[0].startswith("layer net.blocks.1, places 4×4, chosen of ")
        net = model.net
        tokens = net.patches(images.clone().requires_grad_()).flatten(2).mT
        tokens = torch.cat([net.token.expand(3, -1, -1), tokens], 1) + net.places
        last = net.blocks[1](net.blocks[0](tokens))
        logits = net.end(net.norm(net.blocks[2](last))[:, 0])
        wanted = by_hand(last, logits, logits.argmax(1), lambda t: t[:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2))
        close(found.maps["grad_cam"], wanted)
        silent = grad_cam(victim, images, labels, layer="blocks")
    assert (silent.maps["grad_cam"] == 0).all()
    assert silent.words[1] == "3 of 3 maps are 0: nothing in that layer speaks for the class"


def test_the_layers_belong_to_the_model_and_stand_as_the_image_does():
    model = house("vit(window=2)", 1)
    with Victim(model):
        found, everything = layers_with_places(model, (1, 16, 16))
    assert [one.name for one in found][-1] == "net.block6"
    assert [one.form.kind for one in found] == ["maps"] + ["places"] * 8
    assert {one.name: one.form.kind for one in everything}["net.patches.project"] == "maps"
    assert all(one.heard for one in found)
    images = torch.zeros(2, 3, 20, 12)
    assert form_of(torch.zeros(2, 5, 10, 6), nn.Identity(), images).kind == "maps"
    assert form_of(torch.zeros(2, 10, 6, 5), nn.Identity(), images).kind == "places"
    tokens = form_of(torch.zeros(2, 16, 7), nn.Identity(), images)
    assert (tokens.height, tokens.width, tokens.before) == (5, 3, 1)
    assert form_of(torch.zeros(2, 17), nn.Identity(), images) is None
    assert form_of(torch.zeros(2, 9, 1, 1), nn.Identity(), images) is None


def test_one_pixel_of_signal_is_found_where_it_is():
    class Corner(nn.Module):
        def __init__(self):
            super().__init__()
            self.see = nn.Conv2d(1, 1, 1)
            self.see.weight.data.fill_(1.0)
            self.see.bias.data.zero_()

        def forward(self, images):
            seen = self.see(images)
            return torch.stack([seen[:, 0].sum((1, 2)), -seen[:, 0].sum((1, 2))], 1)

    images = torch.zeros(1, 1, 8, 8)
    images[0, 0, 1, 6] = 1
    with Victim(classifier(Corner(), classes=2)) as victim:
        found = grad_cam(victim, images, torch.zeros(1).long(), of="label")
        assert found.maps["grad_cam"][0].nonzero().tolist() == [[1, 6]]
        against = grad_cam(victim, images, torch.ones(1).long(), of="label")
    assert (against.maps["grad_cam"] == 0).all()


MISTAKES = [
    (9, "grad_cam: there is no layer 9, the model has 2 with places: net.2, net.4"),
    ("fc", "grad_cam: no layer with places is called 'fc'; there are net.2, net.4; did you mean 'net.4'?"),
    ("net.6", "grad_cam: no layer with places is called 'net.6'; there are net.2, net.4"),
]


@pytest.mark.parametrize(("layer", "said"), MISTAKES)
def test_a_layer_that_is_not_there_is_said_in_one_line(layer, said):
    with Victim(small()) as victim, pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        grad_cam(victim, *pixels(2), layer=layer)


def test_hooks_are_gone_after_an_error_in_the_middle():
    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 3, 3)
            self.calls = 0

        def forward(self, images):
            self.calls += 1
            if self.calls > 2:
                raise KeyError("later")
            return self.conv(images).mean((2, 3))

    model = classifier(Failing())
    with Victim(model, micro_batch=2) as victim, pytest.raises(KeyError):
        grad_cam(victim, *pixels(2))
    assert not model.net.conv._forward_hooks
