"""Who makes the shards: this process, or several on this machine. A cluster is on_ray.py."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from assay.data import ImageSet
from assay.evaluate.guest import read_attacks
from assay.evaluate.robust import Evaluation, Plan, play
from assay.models.classifier import Classifier, restore

GOES_ON = "the same command goes on from the shards that are done"


# Makes the shards of some rows, in any order, with so many workers; moves the bar as it goes.
Engine = Callable[[Classifier, ImageSet, Plan, Sequence[slice], int, "tqdm[Any]"], Iterator[tuple[slice, Evaluation]]]


@dataclass(frozen=True)
class Job:
    """What a worker must know to make any shard: all of it travels as plain values and arrays."""

    description: Mapping[str, Any]
    weights: Mapping[str, np.ndarray]
    plan: Plan  # without its attacks: a function of the user's file cannot travel
    attacks: Sequence[str]
    threads: int

    @classmethod
    def of(cls, classifier: Classifier, plan: Plan, threads: int) -> "Job":
        weights = {name: tensor.cpu().numpy() for name, tensor in classifier.net.state_dict().items()}
        attacks = [str(attack) for attack in plan.attacks]
        return cls(classifier.describe(), weights, replace(plan, attacks=()), attacks, threads)

    def ready(self) -> tuple[Classifier, Plan]:
        """The model and the plan, in a worker."""
        torch.set_num_threads(self.threads)
        tensors = {name: torch.from_numpy(array.copy()) for name, array in self.weights.items()}
        classifier = restore(self.description, tensors).to(self.plan.device)
        return classifier, replace(self.plan, attacks=read_attacks(self.attacks))

    def steps(self, rows: slice) -> int:
        """How far the bar moves when those rows are done."""
        return (rows.stop - rows.start) * max(1, len(self.attacks) * len(self.plan.epsilons))


def here(
    classifier: Classifier, images: ImageSet, plan: Plan, parts: Sequence[slice], _: int, bar: "tqdm[Any]"
) -> Iterator[tuple[slice, Evaluation]]:
    """This process makes them, one after the other."""
    for rows in parts:
        yield rows, play(classifier, images.rows(rows), plan, bar)


def processes(
    classifier: Classifier, images: ImageSet, plan: Plan, parts: Sequence[slice], workers: int, bar: "tqdm[Any]"
) -> Iterator[tuple[slice, Evaluation]]:
    """Several processes of this machine. One that dies leaves those shards that came before."""
    job = Job.of(classifier, plan, max(1, torch.get_num_threads() // workers))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, max(1, len(parts))), context, _prepare, (job,)) as pool:
        asked = {pool.submit(_work, images.rows(rows)): rows for rows in parts}
        try:
            for future in as_completed(asked):
                yield asked[future], future.result()
                bar.update(job.steps(asked[future]))
        except BrokenProcessPool as error:
            raise ChildProcessError(f"a worker died; {GOES_ON}") from error
        finally:
            pool.shutdown(cancel_futures=True)


_JOB: dict[str, tuple[Classifier, Plan]] = {}  # of this worker


def _prepare(job: Job) -> None:
    _JOB["mine"] = job.ready()


def _work(shard: ImageSet) -> Evaluation:
    return made(*_JOB["mine"], shard)


def made(classifier: Classifier, plan: Plan, shard: ImageSet) -> Evaluation:
    """A shard, made where nobody looks at a bar."""
    with tqdm(disable=True) as bar:
        return play(classifier, shard, plan, bar)
