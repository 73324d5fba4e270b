"""Goals against plain loops over rows, which follow the papers' formulas with python's own numbers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adversary.goal import Goal, read_goal, targeted, untargeted
from assay.chance import Draws

often = settings(max_examples=80, deadline=None)
DRAWS = Draws(0, torch.arange(2))
LOSSES = ["ce", "margin", "dlr", "logit"]


def plain_score(row, own, is_target, loss):
    """What the enemy climbs, for one image."""
    best_other = max(logit for k, logit in enumerate(row) if k != own)
    if loss == "ce":
        log_sum = max(row) + math.log(sum(math.exp(logit - max(row)) for logit in row))
        return row[own] - log_sum if is_target else log_sum - row[own]
    if loss == "logit":
        return row[own] if is_target else -row[own]
    margin = row[own] - best_other if is_target else best_other - row[own]
    first, *rest = sorted(row, reverse=True)
    if loss == "margin" or len(row) < (4 if is_target else 3):
        return margin
    third = (rest[1] + rest[2]) / 2 if is_target else rest[1]
    return margin / max(first - third, 1e-12)


@st.composite
def answers(draw):
    """Logits that differ by more than rounding, and a class for each row."""
    classes = draw(st.integers(2, 6))
    row = st.lists(st.integers(-80, 80), min_size=classes, max_size=classes, unique=True)
    logits = torch.tensor(draw(st.lists(row, min_size=1, max_size=5)), dtype=torch.float32) / 4
    own = draw(st.lists(st.integers(0, classes - 1), min_size=len(logits), max_size=len(logits)))
    return logits, torch.tensor(own)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("is_target", [False, True])
@often
@given(answers())
def test_score_is_the_papers(is_target, loss, answer):
    logits, own = answer
    score = Goal(own, targeted=is_target, loss=loss).score(logits)
    plain = [plain_score(row, k, is_target, loss) for row, k in zip(logits.tolist(), own.tolist(), strict=True)]
    torch.testing.assert_close(score, torch.tensor(plain), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("loss", ["margin", "dlr"])
@pytest.mark.parametrize("make", [untargeted, targeted])
@often
@given(answers())
def test_margins_are_positive_exactly_when_the_goal_is_reached(make, loss, answer):
    logits, own = answer
    goal = make(own, loss=loss)
    assert torch.equal(goal.score(logits) > 0, goal.reached(logits.argmax(1)))


@often
@given(answers(), st.integers(-3, 6))
def test_dlr_does_not_know_the_scale_of_logits(answer, power):
    logits, own = answer
    if logits.shape[1] >= 4:
        for goal in (untargeted(own, "dlr"), targeted(own, "dlr")):
            torch.testing.assert_close(goal.score(logits * 2.0**power), goal.score(logits))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("make", [untargeted, targeted])
@often
@given(answers(), st.randoms())
def test_a_row_is_scored_alike_in_any_company(make, loss, answer, chance):
    logits, own = answer
    goal, rows = make(own, loss=loss), torch.tensor(chance.choices(range(len(own)), k=3))
    assert torch.equal(goal[rows].score(logits[rows]), goal.score(logits)[rows])
    assert torch.equal(goal[rows].reached(own[rows]), goal.reached(own)[rows])


@pytest.mark.parametrize("loss", ["ce", "margin", "logit"])  # dlr divides by what moves with it
@pytest.mark.parametrize("make", [untargeted, targeted])
@often
@given(answers())
def test_climbing_the_score_leads_to_the_goal(make, loss, answer):
    """No step along its gradient moves the class of the goal the wrong way."""
    logits, own = answer
    watched = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(make(own, loss=loss).score(watched).sum(), watched)
    along = gradient.gather(1, own[:, None])[:, 0]
    assert (along >= 0 if make is targeted else along <= 0).all()


def test_no_prediction_reaches_no_goal():
    nothing = torch.tensor([-1, -1])
    for make in (untargeted, targeted):
        assert not make(torch.tensor([0, 1])).reached(nothing).any()


def test_goals_by_name_are_resolved_to_classes():
    labels, logits = torch.tensor([0, 1]), torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0]])
    assert read_goal("untargeted")(labels, logits, DRAWS).classes.tolist() == [0, 1]
    assert read_goal("toward(2)")(labels, logits, DRAWS).classes.tolist() == [2, 2]
    least_likely = read_goal("least_likely(loss='dlr')")(labels, logits, DRAWS)
    assert (least_likely.classes.tolist(), least_likely.targeted, least_likely.loss) == ([1, 0], True, "dlr")


@pytest.mark.parametrize("target", [-1, 3])
def test_a_target_that_is_no_class_is_refused(target):
    with pytest.raises(ValueError, match="there are classes 0 to 2"):
        read_goal(f"toward({target})")(torch.tensor([0]), torch.zeros(1, 3), DRAWS[:1])
