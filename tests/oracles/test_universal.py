"""One noise for many images: that it fools those it was fitted on, keeps its budget, and is counted as by hand."""

from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from assay.adversary.goal import targeted, untargeted
from assay.adversary.threat import l1, l2, linf
from assay.adversary.victim import Victim
from assay.attacks import ATTACKS
from assay.attacks.add_noise import read
from assay.chance import Draws
from assay.data.digits import digits
from assay.evaluate import universal
from assay.evaluate.universal import fit, transfer

BUDGETS = [linf(), linf(0.3), l2(2.0), l1(12)]
SHORT = {"steps": 150, "rate": 0.02}


def toward(target, images):
    return targeted(torch.full((len(images),), target))


def some(n, split="train"):
    return digits(split).first(n)


@pytest.mark.parametrize("threat", [linf(), l2(3.0)], ids=str)
@pytest.mark.parametrize("target", [1, 4, 8])
def test_fitted_on_one_image_it_fools_that_one(learnt, threat, target):
    net, _, _ = learnt
    one = digits("train").rows(slice(3, 4))
    fitted = fit(net, one, toward(target, one), threat, **SHORT)
    assert fitted.reached == 1
    assert fitted.scores[-1] > fitted.scores[0]
    assert len(fitted.scores) == 150
    points = one.pixels() + fitted.delta
    assert ((points > -1e-6) & (points < 1 + 1e-6)).all(), "of one image the noise leaves the box"


def check_keeps_its_budget(learnt, threat):
    net, _, _ = learnt
    images = some(60)
    fitted = fit(net, images, toward(2, images), threat, **SHORT)
    size = float(threat.size(fitted.delta[None]))
    assert threat.eps is None or size <= threat.eps * (1 + 1e-5), f"{threat}: a noise of size {size:.4f}"
    assert fitted.delta.abs().max() <= 1, f"{threat}: a pixel of {fitted.delta.abs().max():.4f}"
    assert threat.eps is None or size > 0.5 * threat.eps, f"{threat}: only {size:.4f} of it spent"


@pytest.mark.parametrize("threat", BUDGETS, ids=str)
def test_a_noise_keeps_its_budget(learnt, threat):
    check_keeps_its_budget(learnt, threat)


def test_fitted_on_many_it_fools_others_too_and_more_than_fitted_on_one(learnt):
    net, _, _ = learnt
    test, success = digits("test"), {}
    for n in (1, 100):
        images = some(n)
        fitted = {target: fit(net, images, toward(target, images), linf(), **SHORT) for target in (1, 3, 8)}
        found = transfer(net, {target: one.delta for target, one in fitted.items()}, test, linf())
        success[n] = found.success.mean()
    assert success[100] > 0.9
    assert success[1] < 0.6  # the source: mostly it fails on other images


def test_away_from_the_labels(learnt):
    net, _, _ = learnt
    many = some(100)
    fitted = fit(net, many, untargeted(many.labels), linf(0.3), **SHORT)
    assert fitted.reached > 0.5
    tried = transfer(net, {0: fitted.delta, 1: torch.zeros_like(fitted.delta)}, digits("test"), linf(0.3))
    assert tried.failure[0] > 0.4
    assert tried.failure[1] == 0


def test_the_same_seed_gives_the_same_noise_and_another_order_another(learnt):
    net, _, _ = learnt
    images = some(100)
    one, same, other = (fit(net, images, toward(5, images), l2(2.0), steps=9, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.delta, same.delta)
    assert not torch.equal(one.delta, other.delta)


@pytest.mark.parametrize(("n", "steps"), [(64, 5), (130, 4)])
def test_each_epoch_shows_each_image_at_most_once(n, steps):
    rows = [universal._turn(n, 64, step, 0) for step in range(steps)]
    if n == 64:
        assert all(torch.equal(turn, torch.arange(64)) for turn in rows)
    else:
        assert len(torch.cat(rows[:2]).unique()) == 128
        assert not torch.equal(rows[0], rows[2])


def test_nothing_is_left_on_the_network(learnt):
    net, _, _ = learnt
    gradients = [None if parameter.grad is None else parameter.grad.clone() for parameter in net.parameters()]
    net.train()
    try:
        images = some(3)
        fitted = fit(net, images, toward(1, images), linf(0.1), steps=2)
        transfer(net, {1: fitted.delta}, images, linf(0.1))
        assert all(part.training for part in net.modules())
        for parameter, before in zip(net.parameters(), gradients, strict=True):
            assert parameter.requires_grad
            assert before is parameter.grad or torch.equal(parameter.grad, before)
    finally:
        net.eval()


def test_adam_is_torchs(learnt):
    """Without clipping or a ball the steps are torch.optim.Adam's."""
    net, _, _ = learnt
    images = some(20)
    grey = replace(images, images=images.images // 2 + 64, content="")
    found = fit(net, grey, toward(2, grey), linf(), steps=10)
    delta = torch.zeros(1, *grey.shape, requires_grad=True)
    optimizer = torch.optim.Adam([delta], 0.005)
    for _ in range(10):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(grey.pixels() + delta), toward(2, grey).classes).backward(inputs=[delta])
        optimizer.step()
    torch.testing.assert_close(found.delta, delta.detach()[0], rtol=0, atol=1e-5)


def slow(net, noises, images, threat):
    """The same table, an image at a time."""
    become, fooled = np.zeros((10, len(noises)), int), np.zeros((10, len(noises)), int)
    counts = np.zeros(10, int)
    for pixels, label in zip(images.pixels(), images.labels.tolist(), strict=True):
        if int(net(pixels[None]).argmax()) != label:
            continue
        counts[label] += 1
        for column, (target, noise) in enumerate(noises.items()):
            room = 2.0 if threat.eps is None else threat.eps
            found = int(net((pixels + noise.clamp(-room, room)).clamp(0, 1)[None]).argmax())
            become[label, column] += found == target
            fooled[label, column] += found != label
    return become, fooled, counts


def check_transfer_by_hand(learnt):
    net, _, _ = learnt
    generator = torch.Generator().manual_seed(0)
    noises = {target: torch.randn(1, 8, 8, generator=generator) for target in (7, 2)}
    images, threat = digits("test").rows(slice(80)), linf(0.4)
    found = transfer(net, noises, images, threat)
    become, fooled, counts = slow(net, noises, images, threat)
    assert found.targets == (7, 2)
    assert np.array_equal(found.becomes, become), "another table"
    assert np.array_equal(found.fooled, fooled), "another table"
    assert np.array_equal(found.counts, counts), "another table"
    np.testing.assert_allclose(found.matrix, become / counts[:, None])
    np.testing.assert_allclose(found.failure, fooled.sum(0) / counts.sum())
    others = np.delete(become[:, 0], 7).sum() / np.delete(counts, 7).sum()
    assert found.success[0] == pytest.approx(others)
    assert found.lost.tolist() == [0, 0]


def test_the_table_is_the_slow_one(learnt):
    check_transfer_by_hand(learnt)


def test_a_class_without_images_has_no_share(learnt):
    net, _, _ = learnt
    images = digits("test")
    images = images.rows((images.labels == 4).nonzero()[:, 0])
    found = transfer(net, {4: torch.zeros(1, 8, 8)}, images, linf())
    assert np.isnan(np.delete(found.matrix[:, 0], 4)).all()
    assert found.matrix[4, 0] == 1
    assert np.isnan(found.success).all()
    assert found.failure.tolist() == [0]


class Lost(nn.Module):
    def forward(self, images):
        return images.flatten(1)[:, :10].masked_fill((images[:, 0, 0, :1] > 0.5), torch.nan)


def test_an_answer_that_is_none_is_neither_fooled_nor_robust():
    images = digits("test").rows(slice(40))
    with Victim(Lost()) as victim:
        images = replace(images, labels=victim.labels(images.pixels()).clamp_min(0), content="")
    found = transfer(Lost(), {1: torch.ones(1, 8, 8)}, images, linf())
    assert found.lost.tolist() == [found.counts.sum()]
    assert found.fooled.sum() == found.becomes.sum() == 0


def test_without_images_there_is_nothing_to_fit(learnt):
    with pytest.raises(ValueError, match="at least one image, got none"):
        fit(learnt[0], digits("test").rows(slice(0)), untargeted(torch.zeros(0, dtype=torch.int64)), linf())


# add_noise


def test_what_was_fitted_is_an_attack(learnt, tmp_path):
    net, _, _ = learnt
    images, test = some(100), some(100, "test")
    fitted = fit(net, images, toward(8, images), linf(0.3), **SHORT)
    file = str(tmp_path / "noise.safetensors")
    safetensors.torch.save_file({"delta": fitted.delta}, file)
    with Victim(net, access="labels") as victim:
        points = ATTACKS["add_noise"](
            victim, test.pixels(), toward(8, test), linf(0.3), Draws(0, test.index), delta=file
        )
        assert victim.forwards == 0
    assert torch.equal(points, (test.pixels() + fitted.delta).clamp(0, 1))
    right = net(test.pixels()).argmax(1) == test.labels
    found = transfer(net, {8: fitted.delta}, test, linf(0.3))
    assert int((net(points).argmax(1) == 8)[right].sum()) == found.becomes.sum()


def bad_files(folder):
    save = safetensors.torch.save_file
    save({"noise": torch.zeros(1, 8, 8)}, folder / "unnamed")
    save({"delta": torch.zeros(3, 8, 8)}, folder / "coloured")
    save({"delta": torch.full((1, 8, 8), torch.nan)}, folder / "nan")
    save({"delta": torch.zeros(1, 8, 8, dtype=torch.int64)}, folder / "whole")
    (folder / "empty").write_bytes(b"")
    (folder / "text").write_text("a noise\nof two lines")
    (folder / "cut").write_bytes((folder / "nan").read_bytes()[:-9])
    (folder / "folder").mkdir()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("unnamed", "has no 'delta' in it; it has noise"),
        ("coloured", r"is a noise of shape \(3, 8, 8\), the images have \(1, 8, 8\)"),
        ("nan", "must hold finite numbers"),
        ("whole", "got torch.int64"),
        ("empty", "cannot be read as safetensors"),
        ("text", "cannot be read as safetensors"),
        ("cut", "cannot be read as safetensors"),
        ("folder", "there is no such file"),
        ("missing", "there is no such file"),
    ],
)
def test_a_file_without_a_noise_is_refused_in_one_line(tmp_path, name, says):
    bad_files(tmp_path)
    with pytest.raises(ValueError, match=says) as refused:
        read(str(tmp_path / name), (1, 8, 8))
    assert "\n" not in str(refused.value)


def test_without_a_file_it_says_what_to_write():
    with pytest.raises(ValueError, match=r'write add_noise\(delta="FILE.safetensors"\)'):
        read("", (1, 8, 8))


# Planted faults


def test_a_noise_that_is_not_held_back_is_caught(learnt, monkeypatch):
    monkeypatch.setattr(universal, "replace", lambda threat, box: replace(threat, eps=None, box=None))
    with pytest.raises(AssertionError, match="a noise of size"):
        check_keeps_its_budget(learnt, l2(2.0))


def test_a_trial_beyond_the_budget_is_caught(learnt, monkeypatch):
    monkeypatch.setattr(universal, "noisy", lambda images, delta, threat: (images + delta).clamp(0, 1))
    with pytest.raises(AssertionError, match="another table"):
        check_transfer_by_hand(learnt)
