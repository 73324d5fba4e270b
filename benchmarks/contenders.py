"""PGD, the same attack, by assay and by its peers: (classifier, images) -> robust accuracy.

Everybody starts at a random point of the ball, takes the same steps and tests the last point; the peers get the model
as their users have it: contiguous, parameters live. As a script, one contender in a process of its own.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import Lock

import torch
from journal import peak_memory
from torch import Tensor, nn

from assay import ImageSet, Plan, linf, load, spec, untargeted
from assay.adversary.goal import Until
from assay.adversary.victim import Precision, frozen
from assay.attacks import ATTACKS
from assay.cli.options import load_run
from assay.evaluate.shards import evaluate
from assay.models.classifier import Classifier
from assay.tally import stands

EPS, STEPS, STEP_SIZE = 0.3, 40, 0.01
BATCH = 64  # what the peers are fastest with: 128 is as good, 256 takes 1.3 times as long, 512 twice
Contender = Callable[[Classifier, ImageSet], float]


def assay(attack: str, precision: Precision, until: Until = "fooled") -> Contender:
    """All that `assay attack` does: clean pass, attack on what is right, the judge, the table."""
    call = spec.read(attack, ATTACKS, "attack")
    goal = spec.Call("untargeted", lambda labels, *_: untargeted(labels, until=until), {})

    def contend(classifier: Classifier, images: ImageSet) -> float:
        plan = Plan((call,), linf(EPS), (EPS,), goal, 0, precision, torch.device("cpu"))
        return float(stands(evaluate(classifier, images, plan).table, [str(call)], [EPS], EPS).mean())

    return contend


def torchattacks(classifier: nn.Module, images: ImageSet) -> float:
    from torchattacks import PGD

    attack, right = PGD(classifier, eps=EPS, alpha=STEP_SIZE, steps=STEPS, random_start=True), 0
    for pixels, labels in _batches(images):
        points = attack(pixels, labels)
        with torch.no_grad():
            right += int((classifier(points).argmax(1) == labels).sum())
    return right / len(images)


def torchattacks_by_hand(classifier: Classifier, images: ImageSet) -> float:
    """torchattacks by a user who knows what is slow: frozen, channels_last, bfloat16, decided in float32."""

    class Fast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

        def forward(self, pixels: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=torch.is_grad_enabled()):
                return self.inner(pixels).float()

    with frozen(classifier):
        return torchattacks(Fast(), images)


def foolbox(classifier: Classifier, images: ImageSet) -> float:
    from foolbox import PyTorchModel
    from foolbox.attacks import LinfPGD

    model = PyTorchModel(classifier, bounds=(0, 1))
    attack, right = LinfPGD(abs_stepsize=STEP_SIZE, steps=STEPS, random_start=True), 0
    for pixels, labels in _batches(images):
        right += int((~attack(model, pixels, labels, epsilons=EPS)[2]).sum())
    return right / len(images)


def art(classifier: Classifier, images: ImageSet) -> float:
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    inside = {"input_shape": classifier.shape, "nb_classes": len(classifier.classes), "clip_values": (0.0, 1.0)}
    model = PyTorchClassifier(classifier, loss=nn.CrossEntropyLoss(), **inside)
    budget = {"eps": EPS, "eps_step": STEP_SIZE, "max_iter": STEPS, "num_random_init": 1}
    attack = ProjectedGradientDescentPyTorch(model, batch_size=BATCH, verbose=False, **budget)
    labels = images.labels.numpy()
    points = attack.generate(images.pixels().numpy(), labels)
    return float((model.predict(points, batch_size=BATCH).argmax(1) == labels).mean())


def _batches(images: ImageSet) -> list[tuple[Tensor, Tensor]]:
    return list(zip(images.pixels().split(BATCH), images.labels.split(BATCH), strict=True))


SAME, OWN = f"pgd(steps={STEPS}, step_size={STEP_SIZE})", f"pgd(steps={STEPS})"
PEERS: dict[str, Contender] = {"torchattacks": torchattacks, "foolbox": foolbox, "art": art}
CONTENDERS: dict[str, Contender] = {
    **PEERS,
    "assay": assay(SAME, "bfloat16"),
    "assay, float32": assay(SAME, "float32"),
    "assay, nothing closes": assay(SAME, "bfloat16", "end"),
    "assay, float32, nothing closes": assay(SAME, "float32", "end"),
    "assay, its own step": assay(OWN, "bfloat16"),
    "torchattacks, tuned by hand": torchattacks_by_hand,
}


def serve(name: str, run: str, images: str, threads: str) -> None:
    """Attack once for each line on stdin, after a first time to warm up, in which the passes are counted."""
    torch.set_num_threads(int(threads))
    _, classifier = load_run(Path(run))
    if name in PEERS:
        classifier.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    attacked = load("mnist", "test", int(images))
    before = peak_memory()
    with counted(classifier) as passes:
        robust = CONTENDERS[name](classifier, attacked)
    for clock in chain([{}], (_timed(CONTENDERS[name], classifier, attacked) for _ in sys.stdin)):
        memory = {"before": before, "peak": peak_memory()}
        print(json.dumps({"robust": robust, **clock, **passes, **memory}), flush=True)


@contextmanager
def counted(model: nn.Module) -> Iterator[Counter[str]]:
    """How many images go forward and backward through a model, padding and tests included.

    Assay's threads have copies of the model (see adversary/crew.py), which share this hook: hence the lock.
    """
    passes: Counter[str] = Counter(forwards=0, backwards=0)
    lock = Lock()

    def count(**more: int) -> None:
        with lock:
            passes.update(more)

    def after(_: nn.Module, __: tuple[Tensor], logits: Tensor) -> None:
        count(forwards=len(logits))
        if logits.requires_grad:
            logits.register_hook(lambda gradient: count(backwards=len(gradient)))

    watch = model.register_forward_hook(after)
    try:
        yield passes
    finally:
        watch.remove()


def _timed(contend: Contender, classifier: Classifier, images: ImageSet) -> dict[str, float]:
    began, cpu_began = time.perf_counter(), time.process_time()
    contend(classifier, images)
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu_began}


if __name__ == "__main__":
    serve(*sys.argv[1:])
