"""How much of a change can be seen: its lengths, and how alike the two images look."""

from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "B C H W"]
WINDOW = 7  # pixels
DARK, FLAT = 0.01**2, 0.03**2  # C1 and C2 of the paper, for pixels of [0, 1]


def ssim(images: Images, others: Images) -> Float[Tensor, "B"]:
    """Structural similarity, 1 for equal images (Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13).

    Mean over channels and over all places of a uniform 7×7 window (smaller where the image is), with sample
    covariances: as scikit-image computes it.
    """
    window = min(WINDOW, *images.shape[2:])
    x, y = images.double(), others.double()
    mean = partial(F.avg_pool2d, kernel_size=window, stride=1)
    n = window * window
    sample = n / (n - 1) if n > 1 else 1.0
    mean_x, mean_y = mean(x), mean(y)
    variance_x, variance_y = sample * (mean(x * x) - mean_x**2), sample * (mean(y * y) - mean_y**2)
    covariance = sample * (mean(x * y) - mean_x * mean_y)
    alike = (2 * mean_x * mean_y + DARK) * (2 * covariance + FLAT)
    found: Tensor = alike / ((mean_x**2 + mean_y**2 + DARK) * (variance_x + variance_y + FLAT))
    return found.flatten(1).mean(1).to(torch.float32)
