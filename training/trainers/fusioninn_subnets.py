"""Subnets of couplings as training wants them: the same weights under the same names, with a quicker gradient or in low precision."""
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from FusionINNLib.methods.fusioninn.convolution import NarrowConv
from FusionINNLib.methods.fusioninn.flow import AffineCoupling

PIXELS = 9600  # worked on at a time, so that what lies between the two convolutions stays in the processor's cache


def replace_subnets(network: nn.Module, make: Callable[[nn.Sequential], nn.Sequential]) -> None:
    """Put `make(subnet)` in the place of each subnet of each coupling. It must keep the layers, so that weights keep their names."""
    for coupling in [module for module in network.modules() if isinstance(module, AffineCoupling)]:
        coupling.for_first, coupling.for_second = make(coupling.for_first), make(coupling.for_second)


def quicken(network: nn.Module) -> None:
    """Give the published network's subnets quicker gradients on the CPU: at full resolution, where they cost the most, and at half."""
    replace_subnets(network, lambda subnet: (QuickSubnet if isinstance(subnet[2], NarrowConv) else ImageByImage)(*subnet))


def lower_subnets(network: nn.Module, dtype: torch.dtype) -> None:
    """Let the subnets of a flow compute in 16 bits."""
    replace_subnets(network, lambda subnet: LowPrecisionSubnet(*subnet, dtype=dtype))


class QuickSubnet(nn.Sequential):
    """3x3 convolution, ReLU, 3x3 convolution, ReLU between few channels, with a gradient from matrix products.

    PyTorch's gradient of a convolution to one or two channels takes twice as long as all the rest of such a subnet.
    """

    def forward(self, x):
        if x.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(x)
        return _Subnet.apply(x, self[0].weight, self[0].bias, self[2].weight, self[2].bias)


class ImageByImage(nn.Sequential):
    """A subnet that takes the images of a batch in turns: what lies between its layers is then small enough for memory to be used again."""

    def forward(self, x):
        if x.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(x)
        return torch.cat([super(ImageByImage, self).forward(image) for image in x.split(1)])


class LowPrecisionSubnet(nn.Sequential):
    """A subnet whose layers compute in `dtype`, float32 in and out: what couplings do with its output is not rounded."""

    def __init__(self, *layers: nn.Module, dtype: torch.dtype):
        super().__init__(*layers)
        self.dtype = dtype

    def forward(self, x):
        with torch.autocast(x.device.type, self.dtype):
            out = super().forward(x)
        return out.float()


class _Subnet(Function):
    """relu(conv(relu(conv(x, w1) + b1), w2) + b2).

    The first convolution is a product with the neighbourhoods of all pixels; the second one gives what each pixel adds to each of its
    neighbours, which is then added up. Nothing of this is kept: the way back computes it again, an image and `PIXELS` at a time.
    """

    @staticmethod
    def forward(ctx, x, w1, b1, w2, b2):
        first, second = _as_matrices(w1, b1, w2)
        patches, added = patches_of(x), x.new_empty(len(second), x[0, 0].numel())
        parts = list(zip(patches.split(PIXELS, 1), added.split(PIXELS, 1)))
        out = x.new_empty(len(x), len(w2), *x.shape[2:])
        for image, result in zip(x, out):
            unfold(image, patches)
            for part, sums in parts:
                torch.mm(second, (first @ part).relu_(), out=sums)
            result.copy_(fold(added, image.shape[1:]))
        out.add_(b2[:, None, None]).relu_()
        ctx.save_for_backward(x, w1, b1, w2, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, w1, b1, w2, out = ctx.saved_tensors
        first, second = _as_matrices(w1, b1, w2)
        grad, grad_x = _where_positive(grad, out), torch.empty_like(x)
        grad_first, grad_second = torch.zeros_like(first.T), torch.zeros_like(second)
        patches, asked = patches_of(x), patches_of(grad)  # asked: what each pixel is asked by its neighbours
        grad_patches = x.new_empty(len(patches) - 1, patches.shape[1])
        parts = list(zip(*(matrix.split(PIXELS, 1) for matrix in (patches, asked[:-1], grad_patches))))
        first_back, second_back = first[:, :-1].T.contiguous(), second.T.contiguous()
        for image, grad_image, result in zip(x, grad, grad_x):
            unfold(image, patches)
            unfold(grad_image, asked)
            for part, asked_part, grad_part in parts:
                hidden = (first @ part).relu_()
                grad_second.addmm_(asked_part, hidden.T)
                grad_hidden = _where_positive(second_back @ asked_part, hidden)
                grad_first.addmm_(part, grad_hidden.T)
                torch.mm(first_back, grad_hidden, out=grad_part)
            result.copy_(fold(grad_patches, image.shape[1:]))
        grad_w2 = grad_second.view(len(w2), 3, 3, -1).permute(0, 3, 1, 2).flip(2, 3)
        return grad_x, grad_first[:-1].T.reshape(w1.shape), grad_first[-1], grad_w2, grad.sum((0, 2, 3))


def _where_positive(grad: Tensor, out: Tensor) -> Tensor:
    """The gradient of ReLU."""
    return torch.ops.aten.threshold_backward(grad, out, 0)


def _as_matrices(w1: Tensor, b1: Tensor, w2: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (M, C, 3, 3) with their bias as (M, 9 C + 1), and (C', M, 3, 3), from the giving pixel's view, as (9 C', M)."""
    return torch.cat([w1.flatten(1), b1[:, None]], 1), w2.flip(2, 3).permute(0, 2, 3, 1).reshape(9 * len(w2), -1)


def patches_of(x: Tensor) -> Tensor:
    """Room (9 C + 1, H W) for the neighbourhoods of an image of x (B, C, H, W), with a last row of ones for the bias.

    It is used for one image after the other: fresh memory costs as much as the arithmetic.
    """
    return x.new_ones(9 * x.shape[1] + 1, x.shape[2] * x.shape[3])


def unfold(image: Tensor, patches: Tensor) -> None:
    """Put into `patches`, but for its last row, what `F.unfold(image, 3, padding=1)` gives: the neighbourhood of each pixel."""
    c, h, w = image.shape
    padded = F.pad(image.contiguous(), (1, 1, 1, 1))
    channels, rows, columns = padded.stride()
    patches[:-1].view(c, 3, 3, h, w).copy_(padded.as_strided((c, 3, 3, h, w), (channels, rows, columns, rows, columns)))


def fold(patches: Tensor, shape: tuple[int, int]) -> Tensor:
    """What `F.fold(patches, shape, 3, padding=1)` gives, sooner: (9 C, H W) -> (C, H, W), neighbourhoods added up."""
    h, w = shape
    patches = patches.view(-1, 3, 3, h, w)
    out = patches.new_zeros(len(patches), h + 2, w + 2)
    for row in range(3):
        for column in range(3):
            out[:, row:row + h, column:column + w] += patches[:, row, column]
    return out[:, 1:-1, 1:-1]
