"""What a batch is hardened with, against slow plain twins; and that crafting leaves weights and statistics alone."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assay.adversary.goal import untargeted
from assay.adversary.threat import Threat, l2, linf
from assay.chance import Draws
from assay.models.classifier import Classifier
from assay.train.average import Average
from assay.train.methods import read_method
from assay.train.methods.batch import Batch
from assay.train.methods.blend import blend
from assay.train.methods.fast import fast
from assay.train.methods.ibp import ibp
from assay.train.methods.trades import trades
from assay.train.perturbation import perturbed
from assay.train.ranks import Ranks

EPS, N = 0.1, 12


def batch(norm: bool = False, threat: Threat | None = None, **more: Any) -> Batch:
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(1, 6, 3, padding=1), *[nn.BatchNorm2d(6)] * norm, nn.ReLU()]
    net = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(96, 5))
    model = Classifier(net, "test", (1, 8, 8), list("abcde"), [0.5], [0.25]).train()
    pixels, labels = torch.rand(N, 1, 8, 8), torch.arange(N) % 5
    draws = Draws(3, torch.arange(N) + 100)
    settings: dict[str, Any] = {"precision": "float32", "share": 1 / N} | more
    return Batch(model, model, pixels, labels, threat or linf(EPS), draws, **settings)


def gradient(one: Batch, points: Tensor) -> Tensor:
    points = points.clone().requires_grad_()
    one.classifier.eval()
    loss = F.cross_entropy(one.classifier(points), one.labels, reduction="sum")
    one.classifier.train()
    return torch.autograd.grad(loss, points)[0]


def learnt_from(one: Batch, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The pixels that the network learns from, as they come."""
    seen: list[Tensor] = []
    honest = one.logits
    monkeypatch.setattr(one, "logits", lambda pixels: seen.append(pixels) or honest(pixels))
    return seen


def test_fast_is_n_fgsm(monkeypatch: pytest.MonkeyPatch) -> None:
    one = batch()
    seen = learnt_from(one, monkeypatch)
    noise = 2 * EPS * (2 * one.draws.uniform((1, 8, 8), "fast") - 1)
    start = (one.pixels + noise).clamp(0, 1)
    wanted = (start + EPS * gradient(one, start).sign()).clamp(0, 1)
    logits, loss = fast(one)()
    assert torch.equal(seen[0], wanted)
    assert float(loss.detach()) == pytest.approx(float(F.cross_entropy(logits, one.labels).detach()), rel=1e-6)
    assert float((seen[0] - one.pixels).abs().max()) > EPS, "it is not cut back to the ball, which is its point"


def test_trades_is_cross_entropy_and_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    one = batch()
    seen = learnt_from(one, monkeypatch)
    attacked, loss = trades(one, beta=3.0, steps=4, step_size=0.03)()
    clean, points = seen[0].chunk(2)
    assert torch.equal(clean, one.pixels)
    assert linf(EPS).contains(points, one.pixels).all()
    logits = one.classifier(one.pixels)
    apart = F.kl_div(attacked.log_softmax(1), logits.softmax(1), reduction="batchmean")
    assert float(loss.detach()) == pytest.approx(
        float((F.cross_entropy(logits, one.labels) + 3 * apart).detach()), rel=1e-5
    )
    twin = linf(EPS).project(one.pixels + 1e-3 * one.draws.normal((1, 8, 8), "trades"), one.pixels)
    one.classifier.eval()
    for _ in range(4):
        twin = twin.detach().requires_grad_()
        kl = F.kl_div(one.classifier(twin).log_softmax(1), logits.detach().softmax(1), reduction="sum")
        twin = linf(EPS).project(twin + 0.03 * torch.autograd.grad(kl, twin)[0].sign(), one.pixels)
    assert torch.allclose(points, twin, atol=1e-6)


def test_the_blend_trains_on_its_share_of_eps_and_on_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    one = batch()
    seen = learnt_from(one, monkeypatch)
    blend(one, steps=3)()
    size = (seen[0] - one.pixels).abs().flatten(1).amax(1)
    assert float(size.max()) <= EPS / 2 + 1e-6
    assert float(size.min()) > EPS / 4


def test_ibp_weighs_the_worst_logits_as_eps_grows() -> None:
    losses = [float(ibp(batch(progress=progress), clean=0.25)()[1].detach()) for progress in (0.0, 0.5, 1.0)]
    one = batch()
    clean = float(F.cross_entropy(one.classifier(one.pixels), one.labels).detach())
    assert losses[0] == pytest.approx(clean, rel=1e-5)
    assert losses[1] == pytest.approx((losses[0] + losses[2]) / 2, rel=1e-5)
    assert losses[2] > losses[0]


@pytest.mark.parametrize("text", ["pgd(steps=2)", "fast", "trades(steps=2)", "blend(steps=1)"])
def test_crafting_makes_no_gradients_of_weights_and_moves_no_statistics(text: str) -> None:
    one = batch(norm=True)
    before = {name: tensor.clone() for name, tensor in one.classifier.state_dict().items()}
    call = read_method(text, linf(EPS))
    if call.name == "pgd":
        one.craft(call)
    else:
        call(one)
    assert one.classifier.training
    assert all(part.training for part in one.classifier.modules())
    assert all(weight.grad is None and weight.requires_grad for weight in one.classifier.parameters())
    after = one.classifier.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("norm", [False, True])
def test_whose_loss_an_attack_lowers_is_counted(norm: bool) -> None:
    """Seen in eval mode before and after: batch norm of the batch itself would tell of that, and not of the attack."""
    one = batch(norm, watched=True)
    with one.victim() as victim:
        victim.gradient(one.pixels, untargeted(one.labels))
    one.learning((one.pixels - 0.05 * gradient(one, one.pixels).sign()).clamp(0, 1))
    assert one.seen == N
    assert one.fell is not None
    assert int(one.fell) > N / 2
    uphill = batch(norm, watched=True)
    uphill.learning(uphill.craft(read_method("pgd(steps=3, random_start=False)", linf(EPS))))
    assert uphill.fell is not None
    assert int(uphill.fell) == 0
    assert uphill.classifier.training


@pytest.mark.parametrize(
    ("text", "threat", "line"),
    [
        ("trade", linf(EPS), "unknown method 'trade'; there are .*did you mean 'trades'"),
        ("deepfool", linf(EPS), "deepfool spends no eps: a hardening needs an attack that does"),
        ("noise", linf(EPS), "noise spends no eps"),
        ("fast", l2(1.0), r"fast is for linf, got l2\(1.0\)"),
        ("ibp", l2(1.0), r"ibp is for linf, got l2\(1.0\)"),
        ("trades(beta=-1)", linf(EPS), "trades: beta must be at least 0, got -1"),
        ("pgd(step=3)", linf(EPS), "pgd has no setting 'step'"),
    ],
)
def test_a_method_that_is_none_gets_one_line(text: str, threat: Threat, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        read_method(text, threat)


def test_weights_are_moved_along_their_gradient_and_come_back_bit_for_bit() -> None:
    one = batch()
    net = one.classifier.net
    before = {name: weight.detach().clone() for name, weight in net.named_parameters()}
    with perturbed(net, lambda: one.learning(one.pixels)()[1], 0.05, Ranks()):
        for name, weight in net.named_parameters():
            move = (weight - before[name]).norm() / before[name].norm()
            assert float(move.detach()) == pytest.approx(0.05 if weight.ndim > 1 else 0.0, rel=1e-4)
        worse = float(one.learning(one.pixels)()[1].detach())
    assert worse > float(one.learning(one.pixels)()[1].detach())
    assert all(torch.equal(before[name], weight) for name, weight in net.named_parameters())


def test_an_average_is_the_one_of_its_formula() -> None:
    net = nn.BatchNorm1d(2)
    average, wanted = Average(net, 0.9), net.weight.detach().clone()
    for step in range(1, 30):
        with torch.no_grad():
            net.weight.add_(0.1)
        net.running_mean += 1  # type: ignore[operator]
        decay = min(0.9, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * net.weight.detach()
        average.update()
    own = net.weight.detach().clone()
    with average.worn():
        assert torch.allclose(net.weight, wanted)
        assert float(net.running_mean[0]) < 29  # type: ignore[index]
    assert torch.equal(net.weight, own)
    assert float(net.running_mean[0]) == 29  # type: ignore[index]
