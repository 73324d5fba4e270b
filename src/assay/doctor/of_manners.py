"""What does not show in one number: the loss that is climbed, the modes, what is left behind, an image's company."""

import numpy as np

from assay.doctor import canaries
from assay.doctor.evidence import Ways
from assay.doctor.examination import Examination, weak
from assay.doctor.findings import Finding
from assay.doctor.nets import Restless
from assay.doctor.of_strength import found
from assay.doctor.reasons import does_nothing, needs_the_model, of_nll
from assay.doctor.trial import differ, run

LEFT = {
    "hooks": "hooks were left on the model",
    "frozen": "parameters of the model were left with another requires_grad",
    "attributes": "attributes were written onto the model",
    "torch": "torch was left with gradients switched off, or with another default type",
}
GENERATORS = ("torch", "numpy", "python")
FALLS = (1.0, 2.0, 3.0, 5.0, 9.0)  # each shows gradients that add up at another length of step


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
        worst = max(adding, key=lambda trial: trial.standing.sum(), default=None)
        if worst is not None and worst.standing.any():  # without harm it is an optimiser's own momentum
            findings.append(found("gradients-accumulate", "warning", worst.says(), "way", worst.standing))
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
    """Nothing of the caller's is written to."""
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
    if trial.traces["graph"]:
        effect = "requires_grad was left on the caller's images: whatever is done with them next is recorded"
        findings.append(found("leaves-a-graph", "note", effect, "traces"))
    if trial.traces["gradients"]:
        effect = "the weights' .grad is not what it was: an optimiser's next step takes the attack's gradient with it"
        findings.append(found("leaves-gradients", "note", effect, "traces"))
    clean = ~trial.fallen & (trial.sizes == 0) if trial.points is not None else np.zeros(0, bool)
    if case.spends and clean.any() and trial.fallen.any() and not trial.standing.any():
        effect = f"{clean.sum()} images on which it failed came back unchanged"
        findings.append(found("gives-up-where-it-fails", "note", effect, "traces", clean))
    return findings


def again(case: Examination) -> list[Finding]:
    """The same is the same again, another seed is another one, and so is another model."""
    trial, findings = case.first, []
    sown = [name for name, a, b in zip(GENERATORS, case.reseeded.chance, trial.chance, strict=True) if a == b]
    if sown:
        effect = f"after it, {sown[0]} draws the same numbers whatever the seed was: two seeds are no two runs"
        findings.append(found("reseeds-global-chance", "warning", effect, "again"))
    if others := differ(trial, run(case.attack, case.straight)):
        effect = f"the same seeds, and {others} images differ"
        findings.append(found("not-reproducible", "warning", effect, "again"))
    if not weak(trial) and trial.fallen.any() and not needs_the_model(case):
        effect = f"another model, with the same images and labels, got the same answer; {case.opposite.says()}"
        findings.append(found("remembers-answers", "error", effect, "again", case.opposite.standing))
    return findings


def failures(case: Examination) -> list[Finding]:
    """A model that fails half way is heard of, and is given back as it was."""
    passes = len(case.first.record.passes)
    trial = run(case.attack, case.straight, fails_at=passes // 2)
    if not trial.record.failed:
        return []
    findings = []
    if trial.error is None:
        effect = f"the model raised an error at pass {passes // 2 + 1} of {passes}, and nobody heard of it"
        effect = f"{effect}; {trial.says()}" if trial.points is not None else effect
        findings.append(found("swallows-errors", "error", effect, "failures", trial.standing))
    for what in ("hooks", "frozen"):
        if trial.traces[what] and not case.first.traces[what]:
            findings.append(found("leaves-traces", "warning", f"when the model fails, {LEFT[what]}", "failures"))
    if trial.traces["modes"] and not case.first.traces["modes"]:
        effect = "when the model fails, it is left in train mode"
        findings.append(found("leaves-another-mode", "warning", effect, "failures"))
    return findings


def claims(case: Examination) -> list[Finding]:
    """Who claims to need no gradients takes none."""
    if case.claims != "black-box" or not case.first.record.backwards:
        return []
    taken = sum(len(asked.images) for asked in case.first.record.backwards)
    return [found("uses-gradients", "error", f"{taken} gradients of images taken", "claims")]
