"""What all tests share."""

import sys

import torch

sys.path.append(f"{sys.prefix}/peers")  # where scripts/setup puts torchattacks

torch.set_num_threads(1)  # two workers on two cores: more threads than cores make small tensors a hundred times slower
