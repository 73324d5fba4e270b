"""Shards made by a Ray cluster: tries again what a dead node had, and places one shard on each GPU or core."""

import logging
import os
import socket
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before ray is imported: nothing is told to anybody
os.environ.setdefault(
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0"
)  # what ray is about to make its default, without a word

import ray
from tqdm import tqdm

from assay.data import ImageSet
from assay.evaluate.engines import GOES_ON, Job, made
from assay.evaluate.robust import Evaluation, Plan
from assay.files import reason
from assay.models.classifier import Classifier

PATIENCE = 10.0  # seconds until somebody must answer
TRIES = 5  # of a shard whose node or process dies


def spread(
    classifier: Classifier, images: ImageSet, plan: Plan, parts: Sequence[slice], workers: int, bar: "tqdm[Any]"
) -> Iterator[tuple[slice, Evaluation]]:
    """The cluster of RAY_ADDRESS, or one of `workers` cores on this machine that ends with the evaluation.

    A shard is a pure function of what it is given, so one that was lost is made again, and is the same.
    """
    began = not ray.is_initialized()
    if began:
        _connect(workers)
    try:
        job = Job.of(classifier, plan, threads=1)
        name, told, on_gpu = uuid.uuid4().hex, ray.put(job), plan.device.type == "cuda"
        remote = ray.remote(num_gpus=int(on_gpu), num_cpus=int(not on_gpu), max_retries=TRIES)(_work)
        asked = {remote.remote(name, told, images.rows(rows)): rows for rows in parts}
        waiting = list(asked)
        while waiting:
            (done,), waiting = ray.wait(waiting)
            yield asked[done], _answer(done)
            bar.update(job.steps(asked.pop(done)))
    finally:
        if began:
            ray.shutdown()


def _connect(workers: int) -> None:
    where = os.environ.get("RAY_ADDRESS")
    try:
        if where:
            _knock(where)
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
        else:  # which nobody else can reach
            ray.init(
                "local",
                num_cpus=workers,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address="127.0.0.1",
            )
    except Exception as error:  # ray has many kinds of them
        raise ValueError(f"--engine ray: no cluster at {where or 'this machine'}: {reason(error)}") from error


def _knock(where: str) -> None:
    """OSError at once where nobody answers: ray would try for minutes."""
    host, _, port = where.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def _answer(done: "ray.ObjectRef[Evaluation]") -> Evaluation:
    try:
        answer: Evaluation = ray.get(done)
    except ray.exceptions.RayTaskError as error:  # an error of the model's or the attack's own, as if made here
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise ChildProcessError(f"the cluster lost a shard {TRIES} times; {GOES_ON}") from error
    return answer


_READY: dict[str, tuple[Classifier, Plan]] = {}  # of this worker: the last job it saw, by its name


def _work(name: str, job: Job, shard: ImageSet) -> Evaluation:
    if name not in _READY:
        _READY.clear()
        _READY[name] = job.ready()
    return made(*_READY[name], shard)
