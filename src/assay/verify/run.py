"""One run, from its weights to the last picture of its evaluations."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

from assay.models.classifier import Classifier
from assay.run_folder import Evaluation, Run
from assay.verify.corrupted import verify_corruptions
from assay.verify.figures import verify_costs, verify_figures, verify_settings
from assay.verify.frames import verify_frames
from assay.verify.ledger import Ledger
from assay.verify.looked import look
from assay.verify.model import verify_data, verify_model
from assay.verify.names import verify_name
from assay.verify.pictures import verify_pictures
from assay.verify.proofs import verify_proofs
from assay.verify.rerun import SOME, rerun
from assay.verify.shown import verify_explanation, verify_universal
from assay.verify.source import Source
from assay.verify.table import verify_table
from assay.verify.training import verify_training

CPU = torch.device("cpu")
LARGEST = 1 << 32  # an index beyond is none
LOOKED_AT = {*Evaluation.wanted, "images.parquet", "adversarial.safetensors"}
WITHOUT = (
    "the verdicts of other attacks than the one that broke an image first: one proof is kept for each",
    "that the images said to be robust were attacked at all: --rerun attacks some of them again",
    "what the diagnostics found (checks.json): --rerun runs them again",
    "that the predictions, and the answers to the adversarial images, are the model's: --rerun asks it",
)
NEVER = (
    "how long it took, and what it cost in passes (costs.json, metrics.jsonl): checked for sense only",
    "when, where and with which versions (env.json); of a training, what its recipe says beyond its learning rate",
    "that nothing was left out: an evaluation that is not in the folder is not missed",
)


def verify(
    run: Run,
    source: Source,
    here: Mapping[str, Any],
    classifier: Classifier | None = None,
    device: torch.device = CPU,
    some: int = SOME,
) -> Ledger:
    """Count everything again and compare; with a classifier, also run again what can be.

    `here` tells of the machine and version that looks; `some` of the images that stand are attacked again.
    """
    ledger = Ledger()
    if classifier is not None:
        classifier.to(device)
    verify_model(ledger, run)
    verify_training(ledger, run, source, classifier)
    verify_data(ledger, run, source)
    for name in run.names("evaluations"):
        folder = run.evaluation(name)
        with ledger.reading():
            _evaluation(ledger, run, folder, source, here, classifier, device, some)
    for name in run.names("explanations"):
        verify_explanation(ledger, run, run.explanation(name), source, classifier)
    verify_universal(ledger, run, source, classifier)
    verify_corruptions(ledger, run, source, classifier)
    _say(ledger, run, classifier)
    return ledger


def _evaluation(
    ledger: Ledger,
    run: Run,
    folder: Evaluation,
    source: Source,
    here: Mapping[str, Any],
    classifier: Classifier | None,
    device: torch.device,
    some: int,
) -> None:
    ledger.digests[folder.path.name] = digest(run, folder)
    looked = look(ledger, folder, source)
    if looked is None:
        return
    if int(looked.table["index"].max()) >= LARGEST:
        ledger.differs(looked.file, f"index {looked.table['index'].max()} is out of range")
        return
    verify_settings(ledger, looked, run)
    verify_name(ledger, looked, here)
    verify_table(ledger, looked)
    verify_figures(ledger, looked)
    verify_costs(ledger, looked)
    verify_proofs(ledger, looked)
    verify_pictures(ledger, looked)
    verify_frames(ledger, looked, here)
    if classifier is not None:
        rerun(ledger, looked, classifier, device, here, some)


def digest(run: Run, folder: Evaluation) -> str:
    """The first 32 hexadecimal digits of a hash of the weights and of each file of an evaluation, and its name.

    It proves what its author has published elsewhere: in the folder itself a forger would write it anew.
    """
    files = sorted(file for file in folder.path.iterdir() if file.is_file())
    found = hashlib.sha256()
    for file in [run.path / "model.safetensors", *files]:
        content = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        found.update(f"{file.name} {content}\n".encode())
    return found.hexdigest()[:32]


def _say(ledger: Ledger, run: Run, classifier: Classifier | None) -> None:
    """What nobody can know from these files."""
    evaluations = run.path / "evaluations"
    for folder in sorted(evaluations.glob("[!.]*/")) if evaluations.is_dir() else ():
        _unread(ledger, run.evaluation(folder.name))
    if run.has("panels/doctor.json"):
        ledger.unsure("what the doctor found (panels/doctor.json): assay doctor examines it again")
    for text in own_files(run):
        ledger.unsure(f"what {text.rpartition(':')[0]} held when it was run")
    for text in (*(WITHOUT if classifier is None else ()), *NEVER):
        ledger.unsure(text)


def _unread(ledger: Ledger, folder: Evaluation) -> None:
    """What is not looked at of an evaluation."""
    if not folder.has("config.json"):
        ledger.unsure(f"{folder.path}: it has no config.json, and nobody reads it")
        return
    for file in sorted(folder.path.iterdir()):
        if file.name not in LOOKED_AT and not file.name.startswith("."):
            ledger.unsure(str(file))
    if folder.has("curves.safetensors"):
        ledger.unsure("what the attacks climbed (curves.safetensors)")
    if "add_noise" in folder.path.name:
        ledger.unsure("which noise add_noise read")


def own_files(run: Run) -> list[str]:
    """The user's own FILE.py:FUNCTION that running it again executes."""
    named = []
    with Ledger().reading():  # what is damaged is told elsewhere
        named.append(run.read_json("model.json")["architecture"])
    for name in run.names("evaluations"):
        with Ledger().reading():
            named += run.evaluation(name).read_json("config.json")["attacks"]
    return sorted({text for text in named if ".py:" in text})
