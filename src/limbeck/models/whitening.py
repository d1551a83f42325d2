"""A fixed first convolution that whitens patches of images (Jordan 2024, arXiv 2404.00498, s. 3.2).

Not in the paper.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu

from limbeck.errors import ArgumentError
from limbeck.models.limits import check_scale

SIDE = 2  # pixels of a patch, in both directions
FLOOR = 5e-4  # added to each variance, for pixels in 0..1, so that directions of almost none are not blown up;
# the source adds as much for pixels of deviation 1


class Whitening(nn.Module):
    """Each 2 x 2 patch by its principal directions, the positive and the negative part of each apart.

    They are uncorrelated; a direction of variance v in the images comes out with variance v / (v + FLOOR), most near 1.
    Its weights come from images and are never trained. Height and width stay: zeros come in at the bottom and right.
    """

    def __init__(self, images: Tensor, scale: float = 255.0) -> None:
        """Take the patches' covariance from images (examples, channels, height, width), whose values are 0..scale.

        Raises:
            ArgumentError: no such images, or too few to have as many patches as a patch has values.
        """
        super().__init__()
        shape = tuple(images.shape)
        if images.ndim != 4 or not shape[1] or len(images) * (shape[2] - 1) * (shape[3] - 1) <= SIDE**2 * shape[1]:
            raise ArgumentError(
                "whitening takes images (examples, channels, height, width) with more patches of 2 x 2 than a patch "
                f"has values, got shape {shape}"
            )
        patches = (images.double() / check_scale(scale)).unfold(2, SIDE, 1).unfold(3, SIDE, 1).permute(0, 2, 3, 1, 4, 5)
        patches = patches.flatten(0, 2).flatten(1)  # (patches, channels · 4)
        covariance = torch.cov(patches.T)
        if not covariance.isfinite().all():
            raise ArgumentError("whitening takes images of finite values, got some that are not")
        variances, directions = torch.linalg.eigh(covariance)
        rows = (directions / (variances + FLOOR).sqrt()).T
        shift = -rows @ patches.mean(0)
        self.channels = 2 * len(rows)
        self.register_buffer("weight", torch.cat([rows, -rows]).reshape(self.channels, -1, SIDE, SIDE).float())
        self.register_buffer("bias", torch.cat([shift, -shift]).float())
        self.weight: Tensor
        self.bias: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """Return (batch, 8 · channels, height, width) for images (batch, channels, height, width), values 0..1."""
        padded = pad(images, (0, SIDE - 1, 0, SIDE - 1))
        return relu(conv2d(padded, self.weight, self.bias))
