"""What must not matter: an image's company, the scale of logits, the order of classes, the shape of images."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from assay.doctor import canaries
from assay.doctor.canaries import Canary
from assay.doctor.examination import Examination, weak
from assay.doctor.findings import Finding, Severity
from assay.doctor.nets import Normalising, Wrapped
from assay.doctor.of_strength import beyond_budget, found
from assay.doctor.trial import Trial, differ, percent, run

APART, OFTEN = 0.1, 0.25  # of an image's largest change, and of its pixels: more than a sign of almost zero turns
OFF = 0.15  # of the images: more than chance moves from one run to another


def company(case: Examination) -> list[Finding]:
    """Alone, in another order, beside its double: an image falls, or it does not."""
    canary, n = case.straight, len(case.first.sizes)
    findings = []
    order = np.arange(n)[::-1].copy()
    allowed = (OFF if case.claims != "black-box" else 2 * OFF) + 2 * case.luck
    trials = {"in another order": (run(case.attack, canary.rows(order)), order)}
    few = np.flatnonzero(canary.breakable)[:6]
    doubled = np.repeat(few, 4)
    trials["beside its doubles"] = (run(case.attack, canary.rows(doubled)), doubled)
    for how, (trial, rows) in trials.items():
        other = trial.error is not None or trial.points is None
        moved = np.ones(len(rows), bool) if other else trial.fallen != case.first.fallen[rows]
        if moved.mean() > allowed:
            said = f"{moved.sum()} of {len(rows)} images end otherwise {how}"
            findings.append(found("depends-on-company", "error", said, "company", rows[moved]))
    alone = [run(case.attack, canary.rows(np.array([row]))) for row in few]
    if any(trial.error is not None or trial.points is None for trial in alone):
        error = next((trial.error for trial in alone if trial.error is not None), "no images returned")
        findings.append(found("crashes", "error", f"a batch of one image: {error}", "company", few))
    else:
        moved = np.array([trial.fallen[0] for trial in alone]) != case.first.fallen[few]
        if moved.mean() > allowed and moved.sum() > (2 if case.luck else 1):
            said = f"{moved.sum()} of {len(few)} images end otherwise alone"
            findings.append(found("depends-on-company", "error", said, "company", few[moved]))
    if not findings and (pulled := _pulled(case)):
        findings.append(pulled)
    return findings


def _pulled(case: Examination) -> Finding | None:
    """Images that nobody can break go their whole way, whoever is beside them; without chance, the same way."""
    far = np.flatnonzero(case.straight.unbreakable & ~case.first.fallen)[-6:]
    if not case.spends or len(far) < 3 or differ(case.first, case.reseeded):
        return None
    trial, turned = (run(case.attack, case.straight.rows(rows)) for rows in (far, far[::-1].copy()))
    if trial.points is None or turned.points is None or case.first.points is None:
        return None
    widest = case.first.deltas[torch.from_numpy(far)].flatten(1).abs().amax(1, keepdim=True)
    by_place, by_company = (
        float(((trial.points - other).flatten(1).abs() > APART * widest).double().mean(1).median())
        for other in (turned.points.flip(0), case.first.points[torch.from_numpy(far)])
    )
    if by_company <= OFTEN or by_place > OFTEN:  # an attack's own chance, seeded, goes by an image's place
        return None
    said = f"of images that did not fall, {percent(by_company)} of the pixels are others in a smaller batch"
    return found("depends-on-company", "warning", said, "company", far)


def twins(case: Examination) -> list[Finding]:
    """Networks that answer the same are attacked alike."""
    findings = []
    if case.norm != "l1" or case.spends:
        for shift in (200.0, -200.0):
            trial = case.twin(f"logits {shift:+.0f}", partial(_wrapped, shift=shift))
            if _worse(case, trial):
                effect = _change(case.first, trial)
                findings.append(found("depends-on-logit-shift", "error", effect, "twins", trial.standing))
    for scale in (50.0, 200.0):
        trial = case.twin(f"logits × {scale:.0f}", partial(_wrapped, scale=scale))
        if trial.points is not None and (lost := ~trial.points.isfinite().flatten(1).all(1).numpy()).any():
            effect = f"{trial.canary.name}: {lost.sum()} images of NaN, which most code counts as broken"
            findings.append(found("returns-nan", "error", effect, "twins", lost))
            continue
        if _worse(case, trial):
            forms = case.ways.forms()
            of_ce = forms["ce"] + forms["minus ce"] + forms["softmax ce"] > 0 or case.claims == "minimum"
            name = "saturates" if of_ce else "depends-on-logit-scale"
            severity: Severity = "note" if of_ce else "warning"
            findings.append(found(name, severity, _change(case.first, trial), "twins", trial.standing))
    inside = case.twin("normalising inside", lambda canary: Normalising(canary.net))
    if _worse(case, inside):
        findings.append(found("too-weak", "error", _change(case.first, inside), "twins", inside.standing))
    return findings


def scales(case: Examination) -> list[Finding]:
    """Logits on another scale, where nothing saturates, are attacked alike."""
    two, findings = canaries.straight(case.norm, case.eps, classes=2, n=case.n), []  # where each class has its say
    usual = run(case.attack, two)
    if not case.spends or usual.points is None:
        return []
    for how, scale, before in (("/ 50", 0.02, case.first), ("× 4", 4.0, usual)):
        trial = run(case.attack, two.under(f"2 classes, logits {how}", _wrapped(two, scale=scale)))
        if trial.points is not None and _worse(case, trial, before):
            raw = scale < 1 and case.ways.follows_raw_gradients()
            name = "raw-gradient-step" if raw else "depends-on-logit-scale"
            findings.append(found(name, "warning", _change(before, trial), "scales", trial.standing))
    return findings


def _wrapped(canary: Canary, scale: float = 1.0, shift: float = 0.0) -> Wrapped:
    return Wrapped(canary.net, scale, shift)


def class_order(case: Examination) -> list[Finding]:
    """With the classes in another order the same images fall."""
    order = list(range(case.straight.classes))[::-1]
    turned = case.straight.under("classes in another order", Wrapped(case.straight.net, order=order))
    labels = torch.tensor([order.index(int(label)) for label in turned.labels])
    trial = run(case.attack, replace(turned, labels=labels))
    if not _worse(case, trial):
        return []
    return [found("depends-on-class-order", "error", _change(case.first, trial), "class_order", trial.standing)]


def shapes(case: Examination) -> list[Finding]:
    """Two classes, three channels, images that are not square."""
    findings = []
    asked: dict[str, Callable[[], Canary]] = {
        "2 classes": lambda: canaries.straight(case.norm, case.eps, classes=2, n=case.n, seed=4, corners=case.spends),
        "3 classes": lambda: canaries.straight(case.norm, case.eps, classes=3, n=case.n, seed=4, corners=case.spends),
        "3 × 10 × 14 pixels": lambda: canaries.straight(
            case.norm, case.eps, (3, 10, 14), 2, case.n, seed=5, corners=case.spends
        ),
    }
    if case.norm == "linf" and case.eps < 0.4:
        asked["images of little contrast"] = lambda: canaries.pale(case.eps)
    if case.straight.classes == 2:
        del asked["3 classes"]  # one of them is out of reach, as for a targeted attack it may not be
    for what, make in asked.items():
        trial = run(case.attack, make())
        if trial.error is not None or trial.points is None:
            said = f"{what}: {type(trial.error).__name__}: {trial.error}".splitlines()[0][:200]
            findings.append(found("crashes", "note", said, "shapes"))  # no number is no wrong number
        elif _worse(case, trial):
            findings.append(found("too-weak", "error", _change(case.first, trial), "shapes", trial.standing))
        else:
            findings += beyond_budget(case, trial, "shapes")
    return findings


def steps(case: Examination) -> list[Finding]:
    """The number of steps is heard, and twice as many change nothing."""
    own = case.attack.steps
    if own is not None and own > 2 and case.claims == "one-step":
        return _one_gradient(case, own)
    if own is None or case.claims not in ("iterative", "black-box") or weak(case.first):
        return []
    passes = {
        count: len(run(case.attack, case.straight, steps=count).record.passes)
        for count in (max(2, own), 3 * max(2, own))
    }
    if len(set(passes.values())) == 1:
        effect = f"{min(passes)} and {max(passes)} steps make {passes[min(passes)]} passes alike"
        return [found("ignores-setting", "warning", effect, "steps")]
    if case.claims != "iterative" or case.norm == "l1" or case.bent.points is None or case.looks_for_small_changes:
        return []
    twice = run(case.attack, case.bent.canary, steps=2 * own)
    if twice.points is None or twice.fallen.sum() - case.bent.fallen.sum() <= 0.3 * len(twice.fallen):
        return []
    effect = (
        f"{case.bent.says()}; {case.bent.fallen.sum()} images broken by {own} steps, {twice.fallen.sum()} by {2 * own}"
    )
    return [found("too-few-steps", "error", effect, "steps", case.bent.standing)]


def _one_gradient(case: Examination, own: int) -> list[Finding]:
    """It says that it makes several steps, and takes one gradient."""
    if weak(case.first) or not case.first.record.backwards:
        return []
    one = run(case.attack, case.straight, steps=1)
    assert case.first.points is not None
    if one.points is not None and torch.equal(one.points, case.first.points):
        return [found("ignores-setting", "warning", f"1 and {own} steps are the same one step", "steps")]
    effect = f"{own} steps along one gradient; {case.bent.says()}"
    return [found("stale-gradient", "error", effect, "steps", case.bent.standing)]


def targeted(case: Examination) -> list[Finding]:
    """Told to be targeted, toward the labels that it is given."""
    if not case.attack.takes_targeted or case.norm == "l1":
        return []
    canary = canaries.straight(case.norm, case.eps, classes=2, seed=6)
    trial = run(case.attack, canary, labels=1 - canary.labels, targeted=True)
    if trial.points is None or trial.standing.sum() <= max(1, 0.1 * canary.breakable.sum()):
        return []
    hit = int((canary.breakable & trial.fallen).sum())
    effect = f"{hit} of {canary.breakable.sum()} targets reached that can be reached"
    return [found("targeted-sign", "error", f"{canary.name}: {effect}", "targeted", trial.standing)]


def corners(case: Examination) -> list[Finding]:
    """A search for the smallest change moves pixels of 0 and 1, too: from there one way is open."""
    if case.spends:
        return []
    canary = canaries.straight(case.norm, case.eps, n=case.n)
    binary = ((canary.images == 0) | (canary.images == 1)).flatten(1).all(1).numpy()
    trial = run(case.attack, canary.rows(np.flatnonzero(binary & np.isfinite(canary.radius))))
    if trial.points is None or trial.fallen.mean() > 0.5:
        return beyond_budget(case, trial, "corners")
    effect = f"black and white images: {(~trial.fallen).sum()} of {len(trial.fallen)} not broken"
    if (trial.sizes > 1e-6).mean() > 0.5:
        return [found("stops-at-the-box", "note", effect, "corners", ~trial.fallen)]  # as DeepFool's theory does
    return [found("frozen-corners", "error", f"{effect}, hardly a pixel moved", "corners", ~trial.fallen)]


def _worse(case: Examination, other: Trial, usual: Trial | None = None) -> bool:
    """Whether clearly more images that can be broken are left standing than usual."""
    if other.points is None:
        return other.error is not None
    before, after = (
        case.missed(trial).sum() / max(1, case.must(trial).sum()) for trial in (usual or case.first, other)
    )
    return bool(after > before + OFF)


def _change(usual: Trial, other: Trial) -> str:
    if other.error is not None:
        return f"{other.canary.name}: {type(other.error).__name__}: {other.error}".splitlines()[0][:200]
    return f"{other.says()}; {usual.canary.name}: {percent(1 - usual.fallen.mean())}"
