"""Every attack of the folder keeps every line of the contract."""

import pytest

from assay.attacks import ATTACKS
from assay.spec import read
from tests.contracts.contract import CHECKS


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name, check):
    CHECKS[check](read(name, ATTACKS, "attack"))
