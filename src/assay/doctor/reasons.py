"""Why an attack is too weak: what its first trial, and a few more, show of the cause."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from assay.doctor.evidence import form_of
from assay.doctor.examination import Examination, weak
from assay.doctor.nets import Wrapped
from assay.doctor.trial import Trial, run


def why_weak(case: Examination) -> str:
    """The name of the fault; "too-weak" where nothing tells."""
    return next(filter(None, (reason(case) for reason in REASONS)), "too-weak")


def _leaves_out(case: Examination) -> str | None:
    idle = case.first.standing & (case.first.sizes <= 1e-6)
    return "only-some-images" if idle.sum() > 0.5 * case.first.standing.sum() and _by_place(case) else None


def _takes_none(case: Examination) -> str | None:
    """No gradient taken, or none that is not zero."""
    if case.claims == "black-box":
        return None
    return "no-gradient" if _all_flat(case) else None


def _believes_the_model(case: Examination) -> str | None:
    """Where the model was already wrong, the loss was of what it said, and not of the label."""
    told: list[bool] = []
    for way, label in zip(case.level.steps, case.level.trial.canary.labels.tolist(), strict=True):
        for step in way:
            said = int(step.logits.argmax())
            if said != label and len(told) < 200:
                told.append(form_of(step)[1] == said)
    return "predicted-labels" if len(told) >= 10 and np.mean(told) > 0.8 and not case.aims_elsewhere else None


def _goes_back(case: Examination) -> str | None:
    """The changes make the right class surer."""
    trial = case.first
    assert trial.points is not None
    rows = torch.arange(len(trial.canary.labels))
    with torch.no_grad():
        before, after = (
            logits[rows, trial.canary.labels] - logits.scatter(1, trial.canary.labels[:, None], -torch.inf).amax(1)
            for logits in (trial.canary.net(trial.canary.images), trial.canary.net(trial.points))
        )
    if float((after > before)[torch.from_numpy(trial.sizes > 1e-6)].float().mean()) <= 0.8:
        return None
    return "targeted-sign" if case.aims_elsewhere else "wrong-sign"


def _stops_short(case: Examination) -> str | None:
    """No change is as large as eps."""
    if (case.attack.steps or 0) > 3 and 0 < case.ways.questions <= 2:
        return "stops-after-one-step"
    if case.first.sizes.max() >= 0.97 * case.first.eps or case.ways.follows_raw_gradients():
        return None
    if company := _of_company(case):
        return company
    if case.ways.stops():
        return "stops-after-one-step"
    goes_on = case.ways.questions > 1 and (case.ways.grows_to_the_end() or case.ways.fades())
    return "path-too-short" if goes_on else "eps-in-other-units"


def _minds_the_level(case: Examination) -> str | None:
    shifted = case.twin("logits + 50", lambda canary: Wrapped(canary.net, shift=50.0))
    return None if weak(shifted) else "depends-on-logit-shift"


def _of_steps(case: Examination) -> str | None:
    if case.norm == "linf" and case.ways.questions > 1 and case.ways.goes_straight_on():
        return "path-too-short"
    if case.ways.follows_raw_gradients():
        return "raw-gradient-step"
    if case.norm == "l2" and case.ways.steps_by_signs():
        return "sign-step-in-l2"
    if case.ways.stays():
        return "stale-gradient"
    return "stops-after-one-step" if case.ways.stops() else None


def does_nothing(case: Examination) -> str | None:
    """Nothing changes, or the same whatever the model."""
    trial = case.first
    blind = case.told and case.claims == "black-box"
    if not (trial.sizes > 1e-6).any():
        if case.claims == "minimum" and trial.record.backwards:
            return None
        asked = trial.record.passes and not blind
        return "no-gradient" if asked and (not trial.record.backwards or _all_flat(case)) else "returns-input"
    if not needs_the_model(case):
        return "no-gradient" if trial.record.passes and not trial.record.backwards and not blind else "just-noise"
    return None


def _all_flat(case: Examination) -> bool:
    """Whether no gradient was taken that is not zero."""
    return all(form_of(step)[0] == "none" for way in case.ways.steps for step in way[:3])


def of_nll(case: Examination) -> str | None:
    """The logit of one class alone is climbed: that of the label, or of a class that is the same for all."""
    if not case.level.mostly("nll"):
        return None
    labels = case.level.trial.canary.labels
    own = np.mean([label == int(labels[image]) for image, label in case.level.aims()])
    return "nll-on-logits" if own > 0.9 else "depends-on-class-order"


def _alone(case: Examination) -> Trial | None:
    """The images that were left standing, one by one, with their points put together."""
    rows = np.flatnonzero(case.first.standing)[:8]
    trials = [run(case.attack, case.straight.rows(np.array([row]))) for row in rows]
    points = [trial.points for trial in trials if trial.points is not None]
    if not trials or len(points) < len(trials):
        return None
    return replace(trials[0], canary=case.straight.rows(rows), points=torch.cat(points))


def _of_company(case: Examination) -> str | None:
    if case.luck > 0.1:
        return None
    alone = _alone(case)
    if alone is None or alone.standing.sum() > 0.5 * len(alone.standing):
        return None
    if not case.ways.follows_raw_gradients():
        return "depends-on-company"
    return "batch-scaled-step" if case.ways.keeps_its_rate() else "norm-over-the-batch"


def needs_the_model(case: Examination) -> bool:
    """Whether the opposite of the model gets another answer, with the same chance."""
    if case.opposite.points is None or case.first.points is None:
        return True
    return not torch.allclose(case.opposite.points, case.first.points, atol=1e-7)


def _by_place(case: Examination) -> bool:
    """Whether those that are left alone are others when the order is another."""
    order = np.arange(len(case.first.sizes))[::-1].copy()
    turned = run(case.attack, case.straight.rows(order))
    if turned.points is None:
        return False
    return bool(((turned.sizes[order] > 1e-6) != (case.first.sizes > 1e-6)).any())


def clamped_elsewhere(case: Examination) -> bool:
    """Whether even a tiny budget lets pixels jump: a clamp to a range that is not that of the pixels."""
    if not case.attack.hears_eps or case.still.points is None:
        return False
    return is_clamped(case.still.points, case.still.deltas)


def is_clamped(points: torch.Tensor, deltas: torch.Tensor) -> bool:
    """Whether what changed by much now lies on an edge, the lowest or the highest value that there is."""
    far = deltas.abs() > 0.05
    if not far.any() or bool(far.all()):
        return False
    channels = points.transpose(0, 1).flatten(1)
    edges = torch.stack([channels.amin(1), channels.amax(1)])[:, None, :, None, None]
    return bool(((points - edges).abs() < 1e-4).any(0)[far].float().mean() > 0.9)


# In this order: a later one may be the consequence of an earlier one.
REASONS: tuple[Callable[[Examination], str | None], ...] = (
    does_nothing,
    lambda case: "clamp-in-other-units" if clamped_elsewhere(case) else None,
    _leaves_out,
    _takes_none,
    _goes_back,
    _believes_the_model,
    _stops_short,
    _minds_the_level,
    of_nll,
    _of_company,
    _of_steps,
)
