"""The processes that train one network together, as torchrun starts them; alone, there is one."""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

PATIENCE = timedelta(hours=6)  # others wait while the first one decodes; that one has died, torchrun knows at once
LOST = re.compile("connection (was )?(closed|reset|refused)|broken pipe|timed out", re.IGNORECASE)  # what gloo says


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
        """This one's part of a batch that all make together; parts differ by at most one image, and may be empty."""
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

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """The first does it, then the others: what it downloads or decodes they find, what it refuses is said once."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def restarted(self, device: torch.device) -> bool:
        """Whether torchrun has started them anew, as one has died; only the machine of that one counts it."""
        times = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
        return int(self.sum(torch.tensor(times, device=device))) > 0

    def told(self, number: int, device: torch.device) -> int:
        """The number that the first one has."""
        return int(self.sum(torch.tensor(int(number) if self.first else 0, device=device)))

    def wrapped(self, module: nn.Module) -> nn.Module:
        """The module whose backward pass averages gradients over all of them; buffers stay each one's own."""
        if self.size == 1:
            return module
        with warnings.catch_warnings():  # its name has changed in torch 2.13, older ones do not know the new one
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            return DistributedDataParallel(module, broadcast_buffers=False)

    def agree(self, net: nn.Module) -> None:
        """Give all of them the mean of what each one's batch norm has counted on its own parts."""
        for part in net.modules():
            if self.size > 1 and isinstance(part, _BatchNorm) and part.training and part.track_running_stats:
                for counted in (part.running_mean, part.running_var):
                    assert counted is not None
                    self.sum(counted).div_(self.size)


def several() -> int:
    """How many processes torchrun has started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def placed(device: torch.device) -> torch.device:
    """This process's own GPU, where each has one. ValueError where there are more processes than GPUs."""
    if several() == 1 or device.type != "cuda":
        return device
    mine, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if mine >= there:
        raise ValueError(f"--nproc-per-node must be at most {there}, one process for each GPU, or say --device cpu")
    return torch.device("cuda", mine)


@contextmanager
def ranks(device: torch.device) -> Iterator[Ranks]:
    """Joined by what torchrun has set; gloo on a CPU, nccl on GPUs. ConnectionError when another one has died."""
    if several() == 1:
        yield Ranks()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
        if os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]:  # elsewhere each machine counts its own
            # torchrun's store outlives a restart, and gloo would take the dead processes' addresses from it
            store = PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT')}", store)
        backend, own = ("nccl", device) if device.type == "cuda" else ("gloo", None)
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE, device_id=own)
        with warnings.catch_warnings():
            # of images with one channel, whose gradients may lie in memory in two ways; it costs next to nothing
            warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides", UserWarning)
            yield Ranks(rank, size)
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or LOST.search(str(error)):
            raise ConnectionError(f"rank {os.environ['RANK']} has lost another process of this training") from error
        raise
    # not after an error: nccl would wait here for the others, who wait for this one
    dist.destroy_process_group()


def job() -> str | None:
    """What torchrun calls this training, through all its restarts; None without torchrun."""
    return os.environ.get("TORCHELASTIC_RUN_ID")


def speaks() -> bool:
    """Whether this process is the first, or the only one."""
    return int(os.environ.get("RANK", "0")) == 0
