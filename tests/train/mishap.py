"""Assay, with a mishap in one step of one process: -m tests.train.mishap kill|raise RANK EPOCH STEP VERB …

Processes that torchrun has started anew are spared.
"""

import os
import signal
import sys
from typing import Any

from assay.cli import main
from assay.train.loop import Training

how, rank, *when = sys.argv[1:5]
step_of = Training._step


def step_with_mishap(self: Training, rows: Any, epoch: int, step: int) -> Any:
    mine, again = os.environ.get("RANK", "0"), os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if (mine, again, [str(epoch), str(step)]) == (rank, "0", when):
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ValueError("the disk of this process is gone")
    return step_of(self, rows, epoch, step)


Training._step = step_with_mishap  # type: ignore[method-assign]
if __name__ == "__main__":
    sys.exit(main(sys.argv[5:]))
