"""What all tests share."""

import torch

torch.set_num_threads(1)  # two workers on two cores: more threads than cores make small tensors a hundred times slower
