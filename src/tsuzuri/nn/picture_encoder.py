"""The convolutional encoder: a picture becomes a grid of vectors, each of which knows what lies around its place."""
import numpy as np

from tsuzuri.array import Array, module_of
from tsuzuri.nn.conv import BatchNorm2D, Conv2D
from tsuzuri.nn.module import Module
from tsuzuri.tensor import Tensor

MIDDLE = 127.5                                               # of the bytes of a picture: they become -1 to 1


class PictureEncoder(Module):
    """pictures (N, H, W, channels), bytes -> (N, h, w, width): blocks of convolution (3 x 3), batch norm and relu, pooled in between.

    Each block has twice the filters of the one before, and its picture half the height and width.
    """

    def __init__(self, channels: int, filters: int, blocks: int, *, rng: np.random.Generator, dtype=np.float32):
        sizes = [channels, *(filters << k for k in range(blocks))]
        self.convolutions = [Conv2D(sizes[k], sizes[k + 1], 3, padding=1, rng=rng, dtype=dtype) for k in range(blocks)]
        self.norms = [BatchNorm2D(size, dtype=dtype) for size in sizes[1:]]
        self.width, self.dtype = sizes[-1], np.dtype(dtype)

    def places(self, pixels: int) -> int:
        """The height and width of the grid of a picture of so many pixels in each direction."""
        return pixels >> (len(self.norms) - 1)

    def __call__(self, pictures: Array, rng: np.random.Generator | None = None) -> Tensor:
        x = Tensor(module_of(pictures).asarray(pictures, self.dtype) * self.dtype.type(1 / MIDDLE) - self.dtype.type(1))
        for k, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True), 1):
            x = norm.relu_of_largest(convolution(x), 2 if k < len(self.norms) else 1, rng)
        return x
