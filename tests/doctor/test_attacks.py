"""The doctor's word on attacks: every fault named, every right attack left in peace, each finding complete."""

import pytest

from assay.adversary.yours import yours
from assay.doctor.attack import CHECKS, examine_attack
from assay.doctor.mends import OF_ATTACKS
from tests.doctor import wrong_by_strangers, wrong_elsewhere, wrong_in_manners
from tests.doctor.right import RIGHT
from tests.doctor.wrong import WRONG

PLANTING = (wrong_by_strangers, wrong_elsewhere)  # by being imported
QUICK = {"fgsm", "pgd", "margin_pgd", "momentum"}  # of the right ones; of the wrong ones those measured in the field


def _marked(names):
    long = {
        "goes_on_until_all_have_fallen",
        "searches_half_heartedly",
        "pgd_one_by_one",
        "random_search",
        "nes_with_a_seed_of_its_own",
    }
    field = {name for name in WRONG if WRONG[name][0].__module__ == "tests.doctor.wrong"}
    late = {name: pytest.mark.long if name in long else pytest.mark.slow for name in names}
    return [name if name in QUICK | field else pytest.param(name, marks=late[name]) for name in names]


pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")


@pytest.mark.parametrize("name", _marked(WRONG))
def test_a_wrong_attack_is_named(name):
    function, names = WRONG[name]
    found = examine_attack(yours(function, name), claims=wrong_in_manners.CLAIMS.get(name))
    first = [finding for finding in found.findings if finding.severity != "note"][:1]
    assert first, "nothing found"
    assert first[0].name in names, found.findings
    assert not found.healthy
    assert first[0].effect, "no word of what it did to the number"
    assert first[0].mend == OF_ATTACKS[first[0].name]


@pytest.mark.parametrize("name", _marked(RIGHT))
def test_a_right_attack_is_left_in_peace(name):
    found = examine_attack(yours(RIGHT[name], name))
    assert found.healthy, found.findings
    assert list(found.checks) == list(CHECKS)


def test_what_costs_no_time_is_told_quickly():
    found = examine_attack(yours(RIGHT["pgd"], "pgd"), quick=True)
    assert found.seconds < 60
    assert set(found.checks) | set(found.skipped) == set(CHECKS)


def test_every_name_has_been_seen():
    """A name that no planted fault bears has never been shown to be right."""
    seen = {name for _, names in WRONG.values() for name in names}
    rare = {"crashes", "saturates", "depends-on-company", "depends-on-logit-scale", "eps-zero-moves", "too-weak"}
    rare |= {
        "gives-up-where-it-fails",
        "leaves-gradients",
        "leaves-a-graph",
        "aims-at-one-class",
        "stops-at-the-box",
    }  # notes
    assert OF_ATTACKS.keys() - seen - rare == set()
