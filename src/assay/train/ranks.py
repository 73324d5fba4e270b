"""The processes that train one network together, as torchrun starts them; alone, there is one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Ranks:
    """Which of them this one is. Counts are summed exactly; no image is seen twice to fill a batch."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this one writes and speaks."""
        return self.rank == 0

    def share(self, rows: Tensor) -> Tensor:
        """This one's part of a batch that all make together; parts differ by at most one image."""
        return rows.tensor_split(self.size)[self.rank]

    def sum(self, numbers: Tensor) -> Tensor:
        """The sum over all of them, in place."""
        if self.size > 1:
            dist.all_reduce(numbers)
        return numbers

    def wait(self) -> None:
        """Until all have come here."""
        if self.size > 1:
            dist.barrier()

    def wrapped(self, module: nn.Module) -> nn.Module:
        """The module whose backward pass averages gradients over all of them; buffers stay each one's own."""
        return DistributedDataParallel(module, broadcast_buffers=False) if self.size > 1 else module


def placed(device: torch.device) -> torch.device:
    """This process's own GPU, where each has one."""
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return torch.device("cuda", int(os.environ["LOCAL_RANK"])) if several and device.type == "cuda" else device


@contextmanager
def ranks(device: torch.device) -> Iterator[Ranks]:
    """Joined by what torchrun has set; gloo on a CPU, nccl on GPUs."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()


def restarted() -> bool:
    """Whether torchrun has started these processes anew after one of them died."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def speaks() -> bool:
    """Whether this process is the first, or the only one."""
    return int(os.environ.get("RANK", "0")) == 0
