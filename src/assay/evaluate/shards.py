"""An evaluation shard by shard: what is done is kept and never done again, and several processes may share the work."""

import contextlib
import hashlib
import json
import multiprocessing
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from assay.adversary.victim import MICRO_BATCH, Victim
from assay.data import ImageSet
from assay.evaluate.guest import read_attacks
from assay.evaluate.robust import Cost, Evaluation, Plan, derive, merged, play
from assay.models.classifier import Classifier, check, restore
from assay.run_folder import Folder


@dataclass(frozen=True)
class Kept:
    """The shards of one evaluation that are done: three files each, of which the last says that it is whole."""

    folder: Folder

    def has(self, rows: slice) -> bool:
        return self.folder.has(f"{rows.start}.json")

    def write(self, rows: slice, shard: Evaluation) -> None:
        self.folder.path.mkdir(parents=True, exist_ok=True)
        self.folder.write_table(f"{rows.start}.parquet", shard.table)
        arrays = {f"proof {name}": values for name, values in shard.proof.items()}
        arrays |= {f"curve {name}": values for name, values in shard.curves.items()}
        self.folder.write_arrays(f"{rows.start}.safetensors", arrays)
        self.folder.write_json(f"{rows.start}.json", [asdict(cost) for cost in shard.costs])

    def read(self, rows: slice) -> Evaluation:
        arrays = self.folder.read_arrays(f"{rows.start}.safetensors")
        proof, curves = (
            {name.removeprefix(kind): values for name, values in arrays.items() if name.startswith(kind)}
            for kind in ("proof ", "curve ")
        )
        costs = [Cost(**cost) for cost in self.folder.read_json(f"{rows.start}.json")]
        return Evaluation(self.folder.read_table(f"{rows.start}.parquet"), costs, proof, curves)

    def forget(self) -> None:
        """When the evaluation is in its place."""
        shutil.rmtree(self.folder.path, ignore_errors=True)
        with contextlib.suppress(OSError):  # others may lie there
            self.folder.path.parent.rmdir()


def kept_for(run: Path, weights: str, images: ImageSet, plan: Plan) -> Kept:
    """Where the shards of an evaluation lie, under a name that stands for all they depend on."""
    files = {str(attack).rpartition(":")[0] for attack in plan.attacks if ".py:" in str(attack)}
    texts = {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in sorted(files)}
    about = [plan.describe(), weights, images.fingerprint, images.index.tolist(), texts]
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    return Kept(Folder(run / "shards" / name))


def evaluate(
    classifier: Classifier, images: ImageSet, plan: Plan, kept: Kept | None = None, workers: int = 1
) -> Evaluation:
    """Attack the images shard by shard. An image's row does not depend on the others (docs/decisions/0002), nor on
    who made its shard.

    Raises ValueError for a model whose answers are no logits, or a plan that cannot be.
    """
    plan.check(images)
    if classifier.shape != images.shape:
        raise ValueError(f"the model takes images {classifier.shape}, {images.name} has {images.shape}")
    classifier.to(plan.device)
    with Victim(classifier):
        check(classifier, images.rows(slice(MICRO_BATCH)).pixels(plan.device), len(images.classes))
    parts, found, each = plan.parts(images), {}, max(1, len(plan.attacks) * len(plan.epsilons))
    with tqdm(total=len(images) * each, unit="image", leave=False) as bar:
        for rows in parts:
            if kept and kept.has(rows):
                found[rows.start] = kept.read(rows)
                bar.update((rows.stop - rows.start) * each)
        missing = [rows for rows in parts if rows.start not in found]
        make = _here if workers == 1 else _spread
        for rows, shard in make(classifier, images, plan, missing, workers, bar):
            found[rows.start] = shard
            if kept:
                kept.write(rows, shard)
    evaluation = merged([found[rows.start] for rows in parts])
    derive(evaluation.table, plan)
    return evaluation


def _here(
    classifier: Classifier, images: ImageSet, plan: Plan, parts: Sequence[slice], _: int, bar: "tqdm[Any]"
) -> Iterator[tuple[slice, Evaluation]]:
    for rows in parts:
        yield rows, play(classifier, images.rows(rows), plan, bar)


def _spread(
    classifier: Classifier, images: ImageSet, plan: Plan, parts: Sequence[slice], workers: int, bar: "tqdm[Any]"
) -> Iterator[tuple[slice, Evaluation]]:
    """The shards, as they come from the workers. A worker that dies leaves those that came before."""
    weights = {name: tensor.cpu().numpy() for name, tensor in classifier.net.state_dict().items()}
    attacks, threads = [str(attack) for attack in plan.attacks], max(1, torch.get_num_threads() // workers)
    told = (classifier.describe(), weights, replace(plan, attacks=()), attacks, threads)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, max(1, len(parts))), context, _prepare, told) as pool:
        asked = {pool.submit(_work, images.rows(rows)): rows for rows in parts}
        try:
            for future in as_completed(asked):
                yield asked[future], future.result()
                bar.update((asked[future].stop - asked[future].start) * max(1, len(attacks) * len(plan.epsilons)))
        except BrokenProcessPool as error:
            raise ChildProcessError("a worker died; the same command goes on from the shards that are done") from error
        finally:
            pool.shutdown(cancel_futures=True)


_JOB: dict[str, tuple[Classifier, Plan]] = {}  # of this worker


def _prepare(
    description: Mapping[str, Any], weights: Mapping[str, np.ndarray], plan: Plan, attacks: list[str], threads: int
) -> None:
    torch.set_num_threads(threads)
    tensors = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
    classifier = restore(description, tensors).to(plan.device)
    _JOB["mine"] = classifier, replace(plan, attacks=read_attacks(attacks))


def _work(shard: ImageSet) -> Evaluation:
    classifier, plan = _JOB["mine"]
    with tqdm(disable=True) as bar:
        return play(classifier, shard, plan, bar)
