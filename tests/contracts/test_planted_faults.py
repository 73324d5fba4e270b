"""The tests of the tests: each deliberate fault is seen by the check that is there for it."""

import pytest
import torch

from assay.adversary import norms, search, victim
from assay.attacks import ATTACKS, attack
from assay.spec import Call, read
from tests.contracts import plants_of_state
from tests.contracts.contract import CHECKS
from tests.contracts.plants import PLANTS, PROMISE, walk

assert plants_of_state.__name__  # its import plants


@pytest.mark.parametrize("name", PLANTS)
def test_fault_is_caught(name):
    plant = PLANTS[name]
    with pytest.raises(AssertionError) as caught:
        CHECKS[plant.caught_by](plant.call)
    assert plant.saying in str(caught.value)


def walks(plant):
    return "walk" in plant.call.function.__code__.co_names


def test_every_check_catches_a_fault():
    needless = CHECKS.keys() - {plant.caught_by for plant in PLANTS.values()}
    assert not needless, f"checks that have never been seen to fail: {sorted(needless)}"


@attack(kind="budget", access="gradients", norms=("linf", "l2"), oracle_factor=PROMISE)
def honest_walk(victim, images, goal, threat, draws):
    return walk(victim, images, goal, threat)


@pytest.mark.parametrize("check", sorted({plant.caught_by for plant in PLANTS.values() if walks(plant)}))
def test_without_a_fault_the_planted_attack_keeps_the_contract(check):
    CHECKS[check](Call("honest_walk", honest_walk, {}))


def _pgd():
    return read("pgd", ATTACKS, "attack")


def test_a_search_that_does_not_confirm_is_caught(monkeypatch):
    honest = search.Search.test
    monkeypatch.setattr(search.Search, "test", lambda self, *claim, confirmed: honest(self, *claim, confirmed=True))
    with pytest.raises(AssertionError, match="on bfloat16's word"):
        CHECKS["decides_in_float32"](_pgd())


def test_a_search_that_tests_the_last_point_only_is_caught(monkeypatch):
    def only_when_looked_at(self, *claim, confirmed):
        if confirmed:
            honest(self, *claim, confirmed=True)

    honest = search.Search.test
    monkeypatch.setattr(search.Search, "test", only_when_looked_at)
    with pytest.raises(AssertionError, match="did not keep it"):
        CHECKS["keeps_an_earlier_success"](_pgd())


def test_a_search_that_hides_nan_is_caught(monkeypatch):
    def scored(self, points, goal):
        labels, score = honest(self, points, goal)
        return labels, score.nan_to_num(-1e9)

    honest = search.Search._scored
    monkeypatch.setattr(search.Search, "_scored", scored)
    with pytest.raises(AssertionError, match="where some restarts gave NaN"):
        CHECKS["no_restart_hides_nan"](_pgd())


def test_a_victim_that_forgets_the_modes_is_caught(monkeypatch):
    class Forgetful:
        def __init__(self, module):
            self.module = module

        def __enter__(self):
            self.was = self.module.training
            self.module.eval()
            self.module.requires_grad_(False)

        def __exit__(self, *error):
            self.module.train(self.was)
            self.module.requires_grad_(True)

    monkeypatch.setattr(victim, "frozen", Forgetful)
    with pytest.raises(AssertionError, match=r"after the attack: .* changed"):
        CHECKS["leaves_the_classifier_alone"](_pgd())


def test_a_victim_that_looks_at_its_neighbours_is_caught(monkeypatch):
    class Blurred(victim.Victim):
        def gradient(self, images, goal):
            logits, gradient = super().gradient(images, goal)
            return logits, gradient - 0.1 * gradient.mean(0)

    monkeypatch.setattr("tests.contracts.play.Victim", Blurred)
    with pytest.raises(AssertionError, match="in a shard of"):
        CHECKS["company_changes_nothing"](_pgd())


def test_a_sign_that_takes_nan_for_zero_is_caught(monkeypatch):
    monkeypatch.setattr(norms, "signs", torch.sign)
    with pytest.raises(AssertionError, match="on gradients of NaN"):
        CHECKS["gradients_of_nan_are_a_fault"](_pgd())
