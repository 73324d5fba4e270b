"""Grad-CAM: where the answers of a late layer speak for a class."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim
from assay.explain import Explanation, Of, explained_class, finite, method
from assay.explain.layers import Layer, answer_of, layers_with_places, listing, pick_layer
from assay.spec import Count


@method(access="gradients", kind="maps")
def grad_cam(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    layer: Count | str | None = None,
    of: Of = "predicted",
) -> Explanation:
    """The channels of a layer, each weighted by the mean of ∂ logit / ∂ channel, summed and cut below 0: (B, h, w).

    Selvaraju et al. 2017, arXiv 1610.02391, eq. 1 and 2. The map has the layer's own resolution. layer is a number from
    1, or a name; if nobody says, the last one before the places are pooled. Of a transformer's tokens those of the
    image, as they stand in it. ValueError if there is no such layer, or no layer has places.
    """
    explained = explained_class(victim, images, labels, of)
    victim.grant("gradients")
    found, everything = layers_with_places(victim.classifier, images.shape[1:])
    chosen = pick_layer("grad_cam", found, everything, layer)
    maps = finite("grad_cam", _maps(victim, images, explained, chosen))
    size = f"{chosen.form.height}×{chosen.form.width}"
    words = [f"layer {chosen.title}, places {size}, chosen of {listing([one.title for one in found])}"]
    if empty := int((maps.flatten(1) == 0).all(1).sum()):
        words.append(f"{empty} of {len(maps)} maps are 0: nothing in that layer speaks for the class")
    unit = f"logit of the class, per mean channel of {chosen.title}: {size} places, below 0 cut"
    return Explanation({"grad_cam": maps}, unit, explained, tuple(words))


def _maps(
    victim: Victim, images: Float[Tensor, "B C H W"], classes: Int64[Tensor, "B"], layer: Layer
) -> Float[Tensor, "B h w"]:
    parts = [images.new_zeros(0, layer.form.height, layer.form.width)]
    for rows, batch in victim.micro_batches(images):  # of one shape: no map depends on an image's neighbours
        n = rows.stop - rows.start
        with torch.enable_grad(), answer_of(layer) as kept:
            logits = victim.classifier(batch.requires_grad_())[:n].float()
            if not kept or not kept[0].requires_grad:
                raise ValueError(f"grad_cam: the logits do not hang on {layer.title}")
            (gradient,) = torch.autograd.grad(
                logits.gather(1, classes[rows, None]).sum(), kept[0], allow_unused=True, materialize_grads=True
            )
        answers, slopes = (layer.form.read(tensor)[:n] for tensor in (kept[0].detach(), gradient))
        parts.append(F.relu((slopes.mean((2, 3), keepdim=True) * answers).sum(1)).float())
    victim.forwards += len(images)
    victim.backwards += len(images)
    return torch.cat(parts)
