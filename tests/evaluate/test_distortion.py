"""How much a change shows: ssim against its equation written out slowly, and the lengths that a verdict tells."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from assay.adversary.goal import untargeted
from assay.adversary.threat import linf
from assay.adversary.victim import Victim
from assay.data import load
from assay.evaluate.distortion import ssim
from assay.evaluate.judge import judge
from assay.evaluate.shards import evaluate
from assay.models.classifier import Classifier
from assay.tally import column
from tests.evaluate.test_same_answer import ATTACK, plan


def slow(one: np.ndarray, other: np.ndarray) -> float:
    """Wang et al. 2004, eq. 13, for every 7×7 window (smaller where the image is) of every channel; then the mean."""
    side = min(7, *one.shape[1:])
    found = []
    for x, y in zip(one.astype(float), other.astype(float), strict=True):
        for top in range(x.shape[0] - side + 1):
            for left in range(x.shape[1] - side + 1):
                a, b = (image[top : top + side, left : left + side].ravel() for image in (x, y))
                n = max(1, a.size - 1)
                mean_a, mean_b = a.mean(), b.mean()
                var_a, var_b = ((a - mean_a) ** 2).sum() / n, ((b - mean_b) ** 2).sum() / n
                both = ((a - mean_a) * (b - mean_b)).sum() / n
                above = (2 * mean_a * mean_b + 0.0001) * (2 * both + 0.0009)
                found.append(above / ((mean_a**2 + mean_b**2 + 0.0001) * (var_a + var_b + 0.0009)))
    return float(np.mean(found))


def pair(shape: tuple[int, int, int], seed: int, n: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n, *shape, generator=generator)
    return images, (images + 0.3 * torch.randn(n, *shape, generator=generator)).clamp(0, 1)


def check_ssim(shape: tuple[int, int, int], seed: int) -> None:
    images, others = pair(shape, seed)
    wanted = [slow(one.numpy(), other.numpy()) for one, other in zip(images, others, strict=True)]
    np.testing.assert_allclose(ssim(images, others), wanted, atol=2e-6, err_msg=f"ssim of {shape}")


SHAPES = st.tuples(st.sampled_from((1, 3)), st.integers(1, 12), st.integers(1, 12))


@given(shape=SHAPES, seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_ssim_is_equation_13(shape: tuple[int, int, int], seed: int) -> None:
    check_ssim(shape, seed)


@given(shape=SHAPES, seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_ssim_of_an_image_and_itself_is_1_and_it_is_symmetric(shape: tuple[int, int, int], seed: int) -> None:
    images, others = pair(shape, seed)
    np.testing.assert_allclose(ssim(images, images), 1, atol=1e-6)
    np.testing.assert_allclose(ssim(images, others), ssim(others, images), atol=1e-6)
    assert (ssim(images, others) <= 1 + 1e-6).all()


def test_ssim_in_closed_form() -> None:
    """Of flat images only the first factor is left; a negative has the sign of its covariance; one pixel will do."""
    a, b = torch.full((1, 1, 9, 9), 0.25), torch.full((1, 1, 9, 9), 0.75)
    wanted = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert float(ssim(a, b)) == pytest.approx(wanted, abs=1e-6)
    assert float(ssim(a[..., :1, :1], b[..., :1, :1])) == pytest.approx(wanted, abs=1e-6)
    noise, _ = pair((1, 9, 9), 0)
    assert (ssim(noise, 1 - noise) < 0).all()


def test_each_image_is_looked_at_alone() -> None:
    images, others = pair((3, 9, 9), 1)
    alone = torch.cat([ssim(images[row : row + 1], others[row : row + 1]) for row in range(3)])
    assert torch.equal(ssim(images, others), alone)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    return Classifier(net, "linear", (1, 8, 8), tuple("0123456789"), [0.0], [1.0]).eval()


def test_the_judge_measures_the_change(classifier: Classifier) -> None:
    images = load("digits", "test", 8).pixels()
    points = (images + 0.2 * torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8)).clamp(0, 1)
    with Victim(classifier, access="scores") as victim:
        found = judge(victim, images, untargeted(torch.zeros(8, dtype=torch.int64)), linf(0.2), points)
    delta = (points - images).numpy().reshape(8, -1).astype(float)
    np.testing.assert_allclose(found.l2, np.sqrt((delta**2).sum(1)), rtol=1e-6)
    np.testing.assert_allclose(found.linf, np.abs(delta).max(1), rtol=1e-6)
    np.testing.assert_allclose(found.size, found.linf)
    np.testing.assert_allclose(
        found.ssim, [slow(*two) for two in zip(images.numpy(), points.numpy(), strict=True)], atol=2e-6
    )


def test_what_cannot_be_measured_is_finite_all_the_same(classifier: Classifier) -> None:
    images = load("digits", "test", 3).pixels()
    goal = untargeted(torch.zeros(3, dtype=torch.int64))
    with Victim(classifier, access="scores") as victim:
        for points in (images * torch.nan, images + torch.inf, images[:2]):
            found = judge(victim, images, goal, linf(0.2), points)
            assert set(found.verdict) == {"fault"}
            for name in ("confidence", "size", "l2", "linf", "ssim"):
                assert np.isfinite(getattr(found, name)).all(), name
                assert len(getattr(found, name)) == 3


def test_the_columns_are_the_lengths_of_the_proofs(classifier: Classifier) -> None:
    images = load("digits", "test", 60)
    wanted = plan()
    found = evaluate(classifier, images, wanted)
    table, proof = found.table, found.proof
    row_of = {index: row for row, index in enumerate(table["index"].tolist())}
    assert len(proof["index"])
    for index, pixels in zip(proof["index"].tolist(), proof["pixels"], strict=True):
        row = row_of[index]
        clean = images.pixels()[row].numpy().astype(float)
        by, eps = table["first_breaker"][row], float(table["eps_broken"][row])
        for what, length in (("l2", np.linalg.norm(pixels - clean)), ("linf", np.abs(pixels - clean).max())):
            assert table[column(by, eps, what)][row] == pytest.approx(length, rel=1e-5)
        assert table[column(by, eps, "ssim")][row] == pytest.approx(slow(clean, pixels), abs=2e-6)
    wrong = table["clean_prediction"] != table["label"]
    assert wrong.any()
    assert (table[column(ATTACK, 0.12, "l2")][wrong] == 0).all()
    assert (table[column(ATTACK, 0.12, "ssim")][wrong] == 1).all()
