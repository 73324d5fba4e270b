"""Every planted fault and every right attack under the doctor: caught, named, by which check, in how long.

python -m benchmarks.doctor prints the table of docs/planted-faults.md. With torchattacks on the path its attacks are
examined too.
"""

import importlib.util
import warnings

import torch
from torch import nn

from assay.adversary.yours import yours
from assay.doctor.attack import examine_attack
from tests.doctor import wrong_by_strangers, wrong_elsewhere, wrong_in_manners
from tests.doctor.right import RIGHT
from tests.doctor.wrong import WRONG

PLANTING = (wrong_by_strangers, wrong_elsewhere)  # by being imported
PEERS = (
    *("FGSM", "BIM", "PGD", "PGDL2", "RFGSM", "EOTPGD", "FFGSM", "UPGD", "MIFGSM", "NIFGSM", "SINIFGSM", "VMIFGSM"),
    *("DIFGSM", "PGDRS", "TPGD", "Jitter", "DeepFool", "CW", "APGD", "APGDT", "FAB", "Square"),
)


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    named = 0
    print("| planted fault | caught as | first found by | what it did to the number | s |\n|---|---|---|---|---|")
    for name, (function, names) in WRONG.items():
        found = examine_attack(yours(function, name), claims=wrong_in_manners.CLAIMS.get(name))
        first = next((finding for finding in found.findings if finding.severity != "note"), None)
        named += first is not None and first.name in names
        said = (f"**{first.name}**", first.check, first.effect) if first else ("nothing", "–", "–")
        print(f"| {name} | {' | '.join(said)} | {found.seconds:.1f} |")
    print(f"\n{named} of {len(WRONG)} caught and rightly named.\n")
    print("| right attack | claims | worse than a note | s |\n|---|---|---|---|")
    for name, function in {**RIGHT, **_peers()}.items():
        found = examine_attack(yours(function, name))
        worse = [finding.name for finding in found.findings if finding.severity != "note"]
        print(f"| {name} | {found.claims} | {', '.join(worse) or '–'} | {found.seconds:.1f} |")


def _peers() -> dict[str, object]:
    if importlib.util.find_spec("torchattacks") is None:
        return {}
    import torchattacks

    more = {"APGDT": {"n_classes": 10}, "FAB": {"n_classes": 10}, "Square": {"n_queries": 1000}}

    def maker(name: str):  # type: ignore[no-untyped-def]
        def make(model: nn.Module) -> object:
            return getattr(torchattacks, name)(model, **more.get(name, {}))

        return make

    return {f"torchattacks {name}": maker(name) for name in PEERS}


if __name__ == "__main__":
    main()
