"""What does not show in one number: the loss that is climbed, the modes, what is left behind, an image's company."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from assay.doctor import canaries
from assay.doctor.canaries import Canary
from assay.doctor.evidence import Ways
from assay.doctor.examination import Examination, weak
from assay.doctor.findings import Finding, Severity
from assay.doctor.nets import Normalising, Restless, Wrapped
from assay.doctor.of_strength import found
from assay.doctor.reasons import does_nothing, of_nll
from assay.doctor.trial import Trial, percent, run

LEFT = {
    "hooks": "hooks were left on the model",
    "frozen": "parameters of the model were left with another requires_grad",
    "torch": "torch was left with gradients switched off, or with another default type",
}
GENERATORS = ("torch", "numpy", "python")
FALLS = (1.0, 2.0, 3.0, 5.0, 9.0)  # each shows gradients that add up at another length of step
OFF = 0.15  # of the images: more than chance moves from one run to another


def losses(case: Examination) -> list[Finding]:
    """The gradient that comes back to the logits says which loss it is of."""
    if not case.first.record.backwards:
        return []
    near = case.level.trial
    if case.level.mostly("softmax ce"):
        return [found("softmax-before-cross-entropy", "warning", near.says(), "losses", near.standing)]
    if nll := of_nll(case):
        return [found(nll, "error", near.says(), "losses", near.standing)]
    return []


def way(case: Examination) -> list[Finding]:
    """It asks where it stands, and steps by that answer, within the ball."""
    findings: list[Finding] = []
    if does_nothing(case) or not (case.first.sizes > 0).any():
        return findings
    if case.ways.questions >= 3 and case.ways.stays():
        trial = case.bent if case.norm != "l1" else case.first
        findings.append(found("stale-gradient", "error", trial.says(), "way", trial.standing))
    elif case.ways.questions >= 3 and case.ways.stops() and case.norm != "l1" and case.bent.standing.mean() > 0.3:
        findings.append(found("stops-after-one-step", "error", case.bent.says(), "way", case.bent.standing))
    if case.norm == "linf" and case.claims == "iterative":
        steep = (canaries.peaked(case.norm, case.eps, fall=fall, others=case.others) for fall in FALLS)
        uneven = [run(case.attack, canary) for canary in steep]
        adding = [trial for trial in uneven if trial.points is not None and Ways(trial).adds_up_gradients()]
        if adding:
            findings.append(found("gradients-accumulate", "warning", adding[0].says(), "way", adding[0].standing))
    if case.norm == "l2" and case.claims == "iterative" and _on_the_sphere(case):
        findings.append(found("sphere-not-ball", "warning", case.peaked.says(), "way", case.peaked.standing))
    return findings


def _on_the_sphere(case: Examination) -> bool:
    lengths = [np.array(way[1:]) for way in case.peaked_ways.lengths() if len(way) > 4]
    strides = [float(move[1:].flatten(1).norm(dim=1).median()) for move in case.peaked_ways.moves() if len(move) > 3]
    if not lengths or not strides:
        return False
    surface = np.mean([np.abs(each / case.eps - 1).max() < 0.01 for each in lengths])
    return bool(surface > 0.9 and np.median(strides) < 0.9 * case.eps)


def modes(case: Examination) -> list[Finding]:
    """A model in eval mode is attacked in eval mode; modes, weights and statistics come back."""
    channels = case.straight.images.shape[1]
    trial = case.twin("batch norm and dropout", lambda canary: Restless(canary.net, channels))
    findings = []
    if any(asked.training for asked in trial.record.passes):
        drift = ", and its batch statistics are no longer what they were" if trial.traces["weights"] else ""
        findings.append(found("train-mode", "error", f"{trial.says()}{drift}", "modes", trial.standing))
    elif trial.traces["weights"]:
        findings.append(found("changes-the-model", "error", trial.says(), "modes"))
    taught = case.twin("a model in train mode", lambda canary: Restless(canary.net, channels), train=True)
    if (trial.traces["modes"] or taught.traces["modes"]) and trial.error is None and taught.error is None:
        effect = "a model handed over in train mode came back in eval mode"
        if trial.traces["modes"]:
            effect = "a model handed over in eval mode came back in train mode: every number after it is another"
        findings.append(found("leaves-another-mode", "warning", effect, "modes"))
    return findings


def traces(case: Examination) -> list[Finding]:
    """Nothing of the caller's is written to, and global chance is not seeded."""
    trial, findings = case.first, []
    for what in ("images", "labels"):
        if trial.traces[what]:
            effect = (
                f"the caller's {what} are not what they were: the clean accuracy after it is that of {what} attacked"
            )
            findings.append(found("overwrites-input", "error", effect, "traces"))
    if trial.traces["weights"]:
        findings.append(found("changes-the-model", "error", "the model's weights are not what they were", "traces"))
    for what, left in LEFT.items():
        if trial.traces[what]:
            findings.append(found("leaves-traces", "warning", left, "traces"))
    other = run(case.attack, case.straight, seed=2)
    sown = [name for name, a, b in zip(GENERATORS, other.chance, trial.chance, strict=True) if a == b]
    if sown:
        effect = f"after it, {sown[0]} draws the same numbers whatever the seed was: two seeds are no two runs"
        findings.append(found("reseeds-global-chance", "warning", effect, "traces"))
    again = run(case.attack, case.straight)
    if trial.points is not None and again.points is not None and not torch.equal(trial.points, again.points):
        effect = f"the same seeds, and {_differ(trial, again)} images differ"
        findings.append(found("not-reproducible", "warning", effect, "traces"))
    clean = ~trial.fallen & (trial.sizes == 0) if trial.points is not None else np.zeros(0, bool)
    if case.spends and clean.any() and trial.fallen.any() and not trial.standing.any():
        effect = f"{clean.sum()} images on which it failed came back unchanged"
        findings.append(found("gives-up-where-it-fails", "note", effect, "traces", clean))
    return findings


def _differ(one: Trial, other: Trial) -> int:
    assert one.points is not None
    assert other.points is not None
    return int((one.points != other.points).flatten(1).any(1).sum())


def company(case: Examination) -> list[Finding]:
    """Alone, in another order, beside its double: an image falls, or it does not."""
    canary, n = case.straight, len(case.first.sizes)
    findings = []
    order = np.arange(n)[::-1].copy()
    trials = {"in another order": (run(case.attack, canary.rows(order)), order)}
    few = np.flatnonzero(canary.breakable)[:6]
    doubled = np.repeat(few, 4)
    trials["beside its doubles"] = (run(case.attack, canary.rows(doubled)), doubled)
    for how, (trial, rows) in trials.items():
        other = trial.error is not None or trial.points is None
        moved = np.ones(len(rows), bool) if other else trial.fallen != case.first.fallen[rows]
        if moved.mean() > OFF + 2 * case.luck:
            said = f"{moved.sum()} of {len(rows)} images end otherwise {how}"
            findings.append(found("depends-on-company", "error", said, "company", rows[moved]))
    alone = [run(case.attack, canary.rows(np.array([row]))) for row in few]
    if any(trial.error is not None or trial.points is None for trial in alone):
        error = next((trial.error for trial in alone if trial.error is not None), "no images returned")
        findings.append(found("crashes", "error", f"a batch of one image: {error}", "company", few))
    else:
        moved = np.array([trial.fallen[0] for trial in alone]) != case.first.fallen[few]
        if moved.mean() > OFF + 2 * case.luck and moved.sum() > (2 if case.luck else 1):
            said = f"{moved.sum()} of {len(few)} images end otherwise alone"
            findings.append(found("depends-on-company", "error", said, "company", few[moved]))
    return findings


def twins(case: Examination) -> list[Finding]:
    """Networks that answer the same are attacked alike."""
    findings = []
    if case.norm != "l1" or case.spends:
        for shift in (200.0, -200.0):
            trial = case.twin(f"logits {shift:+.0f}", partial(_wrapped, shift=shift))
            if _worse(case, trial):
                effect = _change(case.first, trial)
                findings.append(found("depends-on-logit-shift", "error", effect, "twins", trial.standing))
    two = canaries.straight(case.norm, case.eps, classes=2, n=case.n)  # of flat logits, each class has its say
    faint = run(case.attack, two.under("2 classes, logits / 50", _wrapped(two, scale=0.02)))
    if case.spends and faint.points is not None and _worse(case, faint):
        name = "raw-gradient-step" if case.ways.follows_raw_gradients() else "depends-on-logit-scale"
        findings.append(found(name, "warning", _change(case.first, faint), "twins", faint.standing))
    for scale in (50.0, 200.0):
        trial = case.twin(f"logits × {scale:.0f}", partial(_wrapped, scale=scale))
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
    if case.straight.classes == 2:
        del asked["3 classes"]  # one of them is out of reach, as for a targeted attack it may not be
    for what, make in asked.items():
        trial = run(case.attack, make())
        if trial.error is not None or trial.points is None:
            said = f"{what}: {type(trial.error).__name__}: {trial.error}".splitlines()[0][:200]
            findings.append(found("crashes", "note", said, "shapes"))  # no number is no wrong number
        elif _worse(case, trial):
            findings.append(found("too-weak", "error", _change(case.first, trial), "shapes", trial.standing))
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


def claims(case: Examination) -> list[Finding]:
    """Who claims to need no gradients takes none."""
    if case.claims != "black-box" or not case.first.record.backwards:
        return []
    taken = sum(len(asked.images) for asked in case.first.record.backwards)
    return [found("uses-gradients", "error", f"{taken} gradients of images taken", "claims")]


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


def _worse(case: Examination, other: Trial) -> bool:
    """Whether clearly more images that can be broken are left standing than usual."""
    if other.points is None:
        return other.error is not None
    before, after = (case.missed(trial).sum() / case.must(trial).sum() for trial in (case.first, other))
    return bool(after > before + OFF)


def _change(usual: Trial, other: Trial) -> str:
    if other.error is not None:
        return f"{other.canary.name}: {type(other.error).__name__}: {other.error}".splitlines()[0][:200]
    return f"{other.says()}; {usual.canary.name}: {percent(1 - usual.fallen.mean())}"
