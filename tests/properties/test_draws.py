"""An image's chance is its own: the same in any company, and as good as random."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.chance import Draws, as_normal, derive, permutation, seeded

seeds = st.integers(0, 2**63 - 1)
shapes = st.sampled_from([(), (1,), (3, 2, 2), (1, 5, 7)])
purposes = st.lists(st.one_of(st.text(max_size=5), st.integers(0, 9)), max_size=3)
often = settings(max_examples=60, deadline=None)

BITS = [
    [1501333232837704850, 2306204829334784625],
    [-2715176895754268385, -5074223064848777845],
    [3284714338730279856, 8297105017205719069],
]
UNIFORM = [
    [0.08138740062713623, 0.1250196099281311],
    [0.8528099060058594, 0.7249258160591125],
    [0.17806470394134521, 0.4497869610786438],
]
INTEGERS = [[25, 12], [15, 85], [28, 34]]
DERIVED = 4741417365214036763
ORDER = [3, 0, 6, 1, 2, 5, 7, 4]


def draws(seed, *index):
    return Draws(seed, torch.tensor(index, dtype=torch.int64))


@often
@given(seeds, st.lists(st.integers(0, 2**62), min_size=1, max_size=12), shapes, purposes, st.randoms())
def test_any_rows_in_any_order_draw_the_same(seed, index, shape, purpose, chance):
    whole = draws(seed, *index)
    rows = torch.tensor(chance.choices(range(len(index)), k=chance.randint(1, 12)))
    for kind in ("bits", "uniform", "normal"):
        drawn = getattr(whole, kind)(shape, *purpose)
        assert drawn.shape == (len(index), *shape)
        assert torch.equal(getattr(whole[rows], kind)(shape, *purpose), drawn[rows])


@often
@given(seeds, shapes, purposes)
def test_nothing_is_used_up(seed, shape, purpose):
    one = draws(seed, 3, 5)
    first = one.bits(shape, *purpose)
    one.uniform((4,), "something else")
    assert torch.equal(one.bits(shape, *purpose), first)


@often
@given(seeds, purposes)
def test_a_longer_draw_begins_like_a_shorter(seed, purpose):
    one = draws(seed, 3, 5)
    assert torch.equal(one.bits((9,), *purpose)[:, :4], one.bits((4,), *purpose))


@often
@given(seeds, purposes)
def test_uniform_numbers_are_in_zero_to_one_without_one(seed, purpose):
    numbers = Draws(seed, torch.arange(500)).uniform((8,), *purpose)
    assert numbers.dtype == torch.float32
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert torch.equal(numbers * 2**24, (numbers * 2**24).round())


@often
@given(seeds, st.integers(1, 1000))
def test_integers_are_below_their_bound(seed, high):
    numbers = Draws(seed, torch.arange(500)).integers(high, (8,))
    assert numbers.min() >= 0
    assert numbers.max() < high
    assert len(numbers.unique()) > min(high, 500) / 2


@pytest.mark.parametrize("seed", [0, 1, 2**40])
@pytest.mark.parametrize("side", ["many images", "many pixels"])
def test_numbers_are_roughly_uniform_and_normal(seed, side):
    n, shape = (20_000, ()) if side == "many images" else (2, (10_000,))
    one = Draws(seed, torch.arange(n))
    assert stats.kstest(one.uniform(shape, "a").flatten().numpy(), "uniform").pvalue > 1e-3
    assert stats.kstest(one.normal(shape, "a").flatten().numpy(), "norm").pvalue > 1e-3
    counts = torch.bincount(one.integers(10, shape, "a").flatten(), minlength=10)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


@pytest.mark.parametrize(
    "other",
    [
        lambda: Draws(1, torch.arange(2000)).uniform((10,), "a"),
        lambda: Draws(0, torch.arange(2000)).uniform((10,), "b"),
        lambda: Draws(0, torch.arange(2000)).uniform((10,), "a", 0),
        lambda: Draws(0, torch.arange(2000) + 1).uniform((10,), "a"),
        lambda: Draws(0, torch.arange(2000)).uniform((11,), "a")[:, 1:],
        lambda: Draws(2**32, torch.arange(2000)).uniform((10,), "a"),
    ],
    ids=["seed", "purpose", "restart", "image", "pixel", "a far seed"],
)
def test_another_seed_purpose_restart_image_or_pixel_is_another_stream(other):
    first = Draws(0, torch.arange(2000)).uniform((10,), "a").flatten()
    second = other().flatten()
    assert (first == second).float().mean() < 1e-3
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 0.03


def test_parts_of_a_purpose_do_not_run_together():
    streams = [("ab",), ("a", "b"), ("a", "b", 0), ("a", "b", "0"), (1, 1), (11,), ()]
    assert len({int(draws(0, 1).bits((), *purpose)) for purpose in streams}) == len(streams)


@often
@given(st.integers(0, 300), seeds, purposes)
def test_a_permutation_is_one(n, seed, purpose):
    assert torch.equal(permutation(n, seed, *purpose).sort().values, torch.arange(n))


def test_every_place_of_a_permutation_is_as_likely():
    firsts = torch.stack([permutation(5, seed)[0] for seed in range(2000)])
    assert stats.chisquare(torch.bincount(firsts, minlength=5).numpy()).pvalue > 1e-3


@often
@given(seeds, purposes)
def test_a_derived_seed_is_one_that_torch_takes(seed, purpose):
    derived = derive(seed, *purpose)
    assert 0 <= derived < 2**63
    assert derived == derive(seed, *purpose)
    assert derived != derive(seed, *purpose, "more")


def test_the_stream_never_changes_silently():
    """Frozen: a change here changes every published number."""
    one = draws(7, 0, 1, 60_000)
    assert one.bits((2,), "pgd", 0).tolist() == BITS
    assert one.uniform((2,), "pgd", 0).tolist() == UNIFORM
    assert one.integers(100, (2,), "pgd", 0).tolist() == INTEGERS
    assert derive(7, "weights") == DERIVED
    assert permutation(8, 7, "order").tolist() == ORDER


def test_normal_numbers_are_finite_at_both_ends():
    ends = as_normal(torch.tensor([0.0, 0.5, 1 - 2.0**-24]))
    assert ends.isfinite().all()
    assert ends[0] == -ends[2]


def test_seeding_gives_the_global_generator_back():
    torch.manual_seed(12345)
    before = torch.get_rng_state()
    with seeded(3, "weights"):
        first = torch.rand(3)
    with contextlib.suppress(KeyError), seeded(3, "weights"):
        again = torch.rand(3)
        raise KeyError
    assert torch.equal(again, first)
    assert torch.equal(torch.get_rng_state(), before)
