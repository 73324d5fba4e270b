"""An evaluation shard by shard: what is done is kept and never done again, and several processes may share the work."""

import contextlib
import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from assay.adversary.victim import MICRO_BATCH, Victim
from assay.data import ImageSet
from assay.evaluate.engines import Engine, here, processes
from assay.evaluate.robust import Cost, Evaluation, Plan, derive, merged
from assay.models.classifier import Classifier, check
from assay.run_folder import Folder, file_hash


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


def kept_for(run: Path, weights: str, architecture: str, images: ImageSet, plan: Plan) -> Kept:
    """Where the shards of an evaluation lie, under a name that stands for all they depend on: the user's files, too,
    that make the network and the attacks. They may change while weights and names do not."""
    named = [architecture, *map(str, plan.attacks)]
    files = {text.rpartition(":")[0] for text in named if ".py:" in text}
    texts = {name: file_hash(Path(name)) for name in sorted(files) if Path(name).is_file()}
    about = [plan.describe(), weights, images.fingerprint, images.index.tolist(), texts]
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    return Kept(Folder(run / "shards" / name))


def evaluate(
    classifier: Classifier,
    images: ImageSet,
    plan: Plan,
    kept: Kept | None = None,
    workers: int = 1,
    engine: Engine | None = None,
) -> Evaluation:
    """Attack the images shard by shard. An image's row does not depend on the others (docs/decisions/0002), nor on
    who made its shard: this process, several of them, or the engine that is given.

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
        make = engine or (here if workers == 1 else processes)
        for rows, shard in make(classifier, images, plan, missing, workers, bar):
            found[rows.start] = shard
            if kept:
                kept.write(rows, shard)
    evaluation = merged([found[rows.start] for rows in parts])
    derive(evaluation.table, plan)
    return evaluation
