"""Does the attack break what can be broken, and nothing that cannot; and if not, why not."""

from typing import Any

import numpy as np
import torch

from assay.adversary.threat import THREATS
from assay.doctor import canaries
from assay.doctor.evidence import Ways
from assay.doctor.examination import Examination, weak
from assay.doctor.findings import SHOWN, Finding, Severity
from assay.doctor.mends import OF_ATTACKS
from assay.doctor.reasons import clamped_elsewhere, does_nothing, is_clamped, why_weak
from assay.doctor.trial import Trial, percent, run
from assay.doctor.witness import EndlessError, classes

FEW = 5  # gradients of an image
SPENT = 0.95  # of eps
HARD = 6.0  # of what hidden directions are worth: not to be had in so few steps


def found(name: str, severity: Severity, effect: str, check: str, images: Any = ()) -> Finding:
    """A finding with its mend; `images` as indexes or as a mask."""
    rows = np.asarray(images)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    return Finding(name, severity, effect, OF_ATTACKS[name], check, tuple(int(row) for row in rows[:SHOWN]))


def answers(case: Examination) -> list[Finding]:
    """It returns finite images, as many and of the same shape."""
    trial = case.first
    if trial.error is not None:
        said = f"{type(trial.error).__name__}: {trial.error}".splitlines()[0][:200]
        hint = "never-ends" if isinstance(trial.error, EndlessError) else _of_crash(said)
        if hint == "stops-after-one-step" and not trial.record.backwards:
            hint = "no-gradient"  # not even once
        return [found(hint, "error", f"{trial.canary.name}: no number at all: {said}", "answers")]
    if trial.points is None:
        got = tuple(trial.returned.shape) if hasattr(trial.returned, "shape") else type(trial.returned).__name__
        effect = f"{trial.canary.name}: returned {got} for images {tuple(trial.canary.images.shape)}"
        return [found("returns-no-images", "error", effect, "answers")]
    blank = _blank(trial.points) & ~_blank(trial.canary.images)
    if blank.any():
        effect = f"{blank.sum()} images came back all black, or of one grey; {trial.says()}"
        return [found("returns-blank", "error", effect, "answers", blank)]
    if trial.points.abs().max() <= 1.05 * trial.eps < 0.5 * float(trial.canary.images.abs().max()):
        return [found("returns-the-change", "error", trial.says(), "answers")]
    lost = ~trial.points.isfinite().flatten(1).all(1).numpy()
    if not lost.any():
        return []
    return [found("returns-nan", "error", f"{lost.sum()} images with NaN; {trial.says()}", "answers", lost)]


def _blank(images: torch.Tensor) -> np.ndarray:
    """Images whose pixels are all the same."""
    flat = images.flatten(1)
    return (flat == flat[:, :1]).all(1).numpy()


def _of_crash(said: str) -> str:
    if "element 0 of tensors does not require grad" in said or "not have been used in the graph" in said:
        return "no-gradient"
    if "NoneType" in said:
        return "stops-after-one-step"
    return "crashes"


def budget(case: Examination) -> list[Finding]:
    """Every pixel in [0, 1], every change within eps."""
    return beyond_budget(case, case.first, "budget")


def spent(case: Examination) -> list[Finding]:
    """An image that nobody can break ends at eps: a linear model gives no reason to stop before."""
    left = ~case.first.fallen & (case.first.sizes > 0) & (case.straight.radius > case.eps)
    if case.spends and left.any() and not weak(case.first) and not case.looks_for_small_changes:
        share = float(np.median(case.first.sizes[left])) / case.eps
        if share < SPENT:
            effect = f"images that did not fall have spent {percent(share)} of eps; {case.first.says()}"
            return [found("spends-too-little", "warning", effect, "spent", left)]
    return []


def beyond_budget(case: Examination, trial: Trial, check: str) -> list[Finding]:
    """What of a trial lies out of the pixels' range or beyond eps."""
    findings: list[Finding] = []
    if trial.points is None:
        return findings
    if trial.outside.any():
        low, high = float(trial.points.min()), float(trial.points.max())
        effect = f"pixels from {low:.3f} to {high:.3f}; {trial.says()}"
        findings.append(found("no-pixel-clip", "error", effect, check, trial.outside))
    if case.spends and trial.beyond.any() and not clamped_elsewhere(case):
        over = trial.sizes.max() / trial.eps
        effect = f"up to {over:.3g} × eps, {trial.impossible.sum()} provably robust images broken; {trial.says()}"
        findings.append(found(_of_excess(case, trial), "error", effect, check, trial.beyond))
    return findings


def _of_excess(case: Examination, trial: Trial) -> str:
    assert trial.points is not None
    levels = trial.points * 255
    little = trial.sizes.max() <= trial.eps + THREATS[case.norm]().size(torch.ones(1, levels[0].numel())).item() / 255
    if little and float((levels - levels.round()).abs().max()) < 1e-3:
        return "eight-bit-rounding"
    over = trial.sizes[trial.beyond]
    uneven = over.max() > 1.05 * over.min() and over.max() > 1.2 * trial.eps
    wandering = case.ways.questions > 1 and case.ways.grows_to_the_end() and over.max() > 1.2 * trial.eps
    return "no-projection" if wandering or (uneven and case.ways.questions > 1) else "over-budget"


def zero_eps(case: Examination) -> list[Finding]:
    """With eps 0 nothing changes."""
    if not (case.attack.hears_eps and case.spends):
        return []
    trial = case.still
    if trial.points is None or not trial.deltas.isfinite().all():
        return []  # a length of zero may be divided by: no fault where there is a budget
    most = float(trial.deltas.abs().max())
    if most <= 1e-5:
        return []
    name = "clamp-in-other-units" if is_clamped(trial.points, trial.deltas) else "eps-zero-moves"
    wrong = f"with eps 0 pixels change by up to {most:.3f} and {trial.fallen.sum()} images are broken"
    return [found(name, "error", f"{wrong}; {case.first.says()}", "zero_eps", trial.fallen)]


def more_eps(case: Examination) -> list[Finding]:
    """Twice the eps breaks no fewer, and half of it is kept to, too."""
    if not (case.attack.hears_eps and case.spends) or (case.norm == "linf" and case.eps > 0.5):
        return []
    less = run(case.attack, case.straight, eps=case.eps / 2)
    if less.points is not None and less.beyond.any() and not case.first.beyond.any():
        effect = f"at half of eps up to {less.sizes.max() / less.eps:.3g} × as much; {case.first.says()}"
        return [found("eps-in-other-powers", "error", effect, "more_eps", less.beyond)]
    trial = run(case.attack, case.straight, eps=2 * case.eps)
    lost = case.first.fallen & ~trial.fallen
    if weak(case.first) or lost.sum() <= max(2, 0.1 * case.first.fallen.sum()):
        return []
    effect = (
        f"{trial.canary.name}: {case.first.fallen.sum()} images broken at eps, {trial.fallen.sum()} at twice as much"
    )
    return [found("more-eps-less-broken", "error", effect, "more_eps", lost)]


def linear(case: Examination) -> list[Finding]:
    """On a linear model, where the truth is a formula, it breaks what is within eps."""
    trial = case.first
    if case.claims == "minimum":
        return _smallest(case)
    if case.claims == "black-box" or (case.claims == "one-step" and case.starts_elsewhere):
        share = 0.1 if case.claims == "black-box" else 0.5  # a step of half the ball from a corner of it
        if case.missed(trial).sum() <= max(1, share * case.must(trial).sum()):
            return []
    elif not weak(trial):
        return []
    name = why_weak(case)
    effect = f"{trial.says()}; {trial.standing.sum()} of {trial.canary.breakable.sum()} images left that can be broken"
    return [found(name, "error", effect, "linear", trial.standing)]


def _smallest(case: Examination) -> list[Finding]:
    """A search for the smallest change must end near it."""
    trial = case.first
    can = np.isfinite(trial.canary.radius) & (trial.canary.radius > 0)
    if case.attack.eps is not None or case.attack.hears_eps:  # it looks no further than that
        can &= trial.canary.breakable
    ratio = np.where(trial.fallen, trial.sizes / np.maximum(trial.canary.radius, 1e-9), np.inf)[can]
    poor, missed = ratio > 1.25, np.isinf(ratio)
    if missed.mean() <= 0.05 and poor.mean() <= (0.1 if len(poor) > 30 else 0.2):
        return []
    if missed.mean() > 0.9 and (why := does_nothing(case)):
        return [found(why, "error", trial.says(), "linear", trial.standing)]
    failed, long = int(missed.sum()), int((poor & ~missed).sum())
    effect = (
        f"{trial.canary.name}: of {len(ratio)} images {failed} not broken at all, {long} by more than 1.25 × the least"
    )
    return [found("not-minimal", "error", effect, "linear", poor)]


def near(case: Examination) -> list[Finding]:
    """Among four near classes it goes on until the class is another."""
    trial = case.level.trial
    if not case.spends or trial.points is None or trial.standing.mean() <= 0.1 or weak(case.first):
        return []
    early = float(np.median(trial.sizes[trial.standing])) < SPENT * trial.eps
    name = "stops-too-early" if early else "too-weak"
    return [found(name, "error", trial.says(), "near", trial.standing)]


def scattered(case: Examination) -> list[Finding]:
    """Of five classes each image has one within reach, not always the same."""
    trial = run(case.attack, canaries.scattered(case.norm, case.eps))
    if not case.spends or weak(case.first) or trial.points is None or not trial.standing.mean() > 0.3:
        return []
    if case.aims_elsewhere:
        return [found("aims-at-one-class", "note", trial.says(), "scattered", trial.standing)]
    return [found("too-weak", "error", trial.says(), "scattered", trial.standing)]


def curved(case: Examination) -> list[Finding]:
    """Where directions show only on the way, and where the answer lies in the middle, it gets there."""
    if case.claims not in ("iterative",) or case.norm == "l1":
        return []
    findings = []
    trial, ways = case.bent, case.bent_ways
    if trial.points is None:
        return []
    if ways.questions <= FEW:  # more than that many directions are hidden
        trial = run(case.attack, canaries.bent(case.norm, case.eps, need=HARD, others=case.others))
    if trial.standing.mean() > 0.5 and not weak(case.first) and not case.looks_for_small_changes:
        findings.append(found(_why_lost(ways), "error", trial.says(), "curved", trial.standing))
    peak = case.peaked
    if peak.points is not None and peak.standing.mean() > 0.5 and case.peaked_ways.jumps() > 0.2:
        findings.append(found("step-too-large", "error", peak.says(), "curved", peak.standing))
    return findings


def _why_lost(ways: Ways) -> str:
    if ways.stays() or ways.questions <= 1:
        return "stale-gradient"
    if ways.stops():
        return "stops-after-one-step"
    if ways.questions <= FEW:
        return "too-few-steps"
    return "path-too-short" if ways.grows_to_the_end() else "too-weak"


def right_again(case: Examination) -> list[Finding]:
    """Images that the model gets wrong stay wrong: the label counts, not the prediction."""
    canary = case.straight
    if case.claims == "minimum" or case.aims_elsewhere or weak(case.first):
        return []
    labels = canary.labels.clone()
    swapped = torch.arange(len(labels)) % 2 == 0
    labels[swapped] = 1 - labels[swapped]
    trial = run(case.attack, canary, labels=labels)
    if trial.points is None:
        return []
    healed = (classes(canary.net, trial.points) == labels) & swapped & torch.from_numpy(canary.breakable)
    could = (swapped & torch.from_numpy(canary.breakable)).sum()
    if healed.sum() <= 0.5 * could:
        return []
    effect = (
        f"{int(healed.sum())} of {int(could)} images that the model had wrong, and that can be moved, were made right"
    )
    return [found("predicted-labels", "error", f"{canary.name}: {effect}", "right_again", healed.numpy())]
