"""The keeping of counts, step by step, with a classifier whose answers are plain to see."""

import numpy as np
import torch

from assay.adversary.goal import untargeted
from assay.adversary.search import Search
from assay.adversary.threat import l2, linf
from assay.adversary.victim import Victim
from assay.doctor.linear import linear

BRIGHTER = linear(np.array([[-1.0] * 4, [1.0] * 4]), np.array([2.0, -2.0]))  # class 1 where the mean is above a half
DARK = torch.tensor([0.3, 0.4]).reshape(2, 1, 1, 1).expand(2, 1, 2, 2)


def search(victim, threat, until="fooled"):
    return Search(victim, DARK, untargeted(torch.zeros(2, dtype=torch.int64), until=until), threat)


def shades(*brightness):
    return torch.tensor(brightness).reshape(2, 1, 1, 1).expand(2, 1, 2, 2).contiguous()


def test_an_image_closes_at_its_first_confirmed_point():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(0.3))
        looking.look(shades(0.45, 0.55))
        assert looking.open.tolist() == [True, False]
        looking.look(shades(0.55, 0.65))
        assert torch.equal(looking.best, shades(0.55, 0.55))
        assert list(looking.rounds(9)) == []


def test_a_point_beyond_eps_closes_nothing():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(0.2))
        looking.look(shades(0.6, 0.7))
        assert looking.open.all()


def test_each_point_is_held_to_its_own_eps():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(torch.tensor([0.4, 0.2])))
        looking.look(shades(0.45, 0.65))
        assert looking.open.all()
        looking.look(shades(0.65, 0.45))
        assert looking.open.tolist() == [False, True]


def test_of_failures_the_highest_score_is_kept():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(0.3))
        for brightness in (0.41, 0.45, 0.43):
            looking.look(shades(brightness, brightness))
        assert torch.equal(looking.best, shades(0.45, 0.45))


def test_the_gradient_is_zero_where_closed_and_costs_nothing_there():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(0.3))
        looking.look(shades(0.45, 0.55))
        before = victim.backwards
        gradient = looking.gradient(shades(0.46, 0.56))
        assert (gradient[1] == 0).all()
        assert (gradient[0] > 0).all()
        assert victim.backwards == before + 1


def test_the_forward_of_a_gradient_tests_its_points():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(0.3))
        looking.gradient(shades(0.45, 0.55))
        assert looking.open.tolist() == [True, False]


def test_without_eps_nothing_closes_and_the_smallest_success_is_kept():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, l2())
        for brightness in (0.9, 0.55, 0.6, 0.45):
            looking.gradient(shades(brightness, brightness))
        assert looking.open.all()
        assert torch.equal(looking.best, shades(0.55, 0.55))
        assert len(list(looking.rounds(9))) == 9


def test_to_the_end_the_last_point_is_returned_and_costs_no_pass():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(0.3), until="end")
        looking.gradient(shades(0.55, 0.55))
        before = victim.forwards
        looking.look(shades(0.45, 0.6))
        assert victim.forwards == before
        assert torch.equal(looking.best, shades(0.45, 0.6))


def test_to_the_end_the_better_of_several_restarts_is_returned_at_one_pass_each():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(0.3), until="end")
        for brightness in ((0.45, 0.6), (0.5, 0.5), (0.4, 0.65)):
            looking.look(shades(*brightness))
        assert torch.equal(looking.best, shades(0.5, 0.65))
        assert victim.forwards == 2 * 3


def test_a_score_of_nan_is_kept_until_a_success_takes_its_place():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(0.3))
        lost = shades(torch.nan, 0.45)
        for points in (shades(0.4, 0.41), lost, shades(0.45, 0.46)):
            looking.look(points)
        assert looking.best[0].isnan().all()
        assert torch.equal(looking.best[1], shades(0.46, 0.46)[1])
        looking.look(shades(0.55, 0.47))
        assert torch.equal(looking.best[0], shades(0.55, 0.55)[0])


class Gap(torch.nn.Module):
    """The logit of class 0 falls with brightness; that of class 1 is NaN in a gap."""

    def forward(self, images):
        brightness = images.flatten(1).mean(1)
        other = torch.full_like(brightness, -9).masked_fill((brightness - 0.43).abs() < 0.02, torch.nan)
        return torch.stack([-brightness, other], 1)


def test_an_answer_that_is_none_has_no_score_whatever_the_loss():
    goal = untargeted(torch.zeros(2, dtype=torch.int64), loss="logit")
    with Victim(Gap(), micro_batch=2) as victim:
        looking = Search(victim, DARK, goal, linf(0.3))
        looking.look(shades(0.43, 0.48))
        looking.look(shades(0.5, 0.5))
        assert torch.equal(looking.best, shades(0.43, 0.5))


def test_an_eps_of_zero_leaves_nothing_to_search():
    with Victim(BRIGHTER, micro_batch=2) as victim:
        looking = search(victim, linf(torch.tensor([0.0, 0.3])))
        assert looking.open.tolist() == [False, True]
        looking.look(shades(0.6, 0.6))
        assert torch.equal(looking.best, torch.cat([DARK[:1], shades(0.6, 0.6)[1:]]))
