"""The window of structural similarity: a Gaussian filter of 11 x 11 pixels without borders, as products with banded matrices."""
from functools import lru_cache

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

TAPS, SIGMA = 11, 1.5
BLOCK = 40  # columns of a banded matrix that are worked on at a time: the rest of its rows are zeros there

Blocks = list[tuple[slice, slice, Tensor]]


def gaussian(x: Tensor) -> Tensor:
    """(..., H, W) -> (..., H - 10, W - 10).

    A product with the whole matrix is several times faster on a CPU than a convolution of one channel, and block by block again so. Other
    devices do better with few large products.
    """
    if x.device.type != "cpu":
        rows, columns = (band(size).to(x) for size in x.shape[-2:])
        return rows.T @ (x @ columns)
    return _Gaussian.apply(x)


def band(size: int) -> Tensor:
    """Matrix (size, size - 10) float32 that filters rows."""
    taps = torch.exp(-(torch.arange(TAPS) - TAPS // 2.0) ** 2 / (2 * SIGMA ** 2))
    taps = taps / taps.sum()
    matrix = torch.zeros(size, size - TAPS + 1)
    for column in range(size - TAPS + 1):
        matrix[column:column + TAPS, column] = taps
    return matrix


@lru_cache(maxsize=64)
def _blocks(size: int, is_back: bool, dtype: torch.dtype) -> Blocks:
    """Of the matrix of `band`, or its transpose: (rows, columns, what is there) for each block of columns."""
    matrix = (band(size).T if is_back else band(size)).to(dtype)
    blocks = []
    for start in range(0, matrix.shape[1], BLOCK):
        part = matrix[:, start:start + BLOCK]
        used = part.any(1).nonzero()
        rows = slice(int(used[0]), int(used[-1]) + 1)
        blocks.append((rows, slice(start, start + part.shape[1]), part[rows].contiguous()))
    return blocks


def _filter_columns(x: Tensor, blocks: Blocks) -> Tensor:
    """x (N, W) times the matrix."""
    out = x.new_empty(len(x), blocks[-1][1].stop)
    for rows, columns, part in blocks:
        torch.mm(x[:, rows], part, out=out[:, columns])
    return out


def _filter_rows(x: Tensor, blocks: Blocks) -> Tensor:
    """The transposed matrix times each of x (B, H, W)."""
    out = x.new_empty(len(x), blocks[-1][1].stop, x.shape[2])
    for rows, columns, part in blocks:
        torch.bmm(part.T.expand(len(x), -1, -1), x[:, rows], out=out[:, columns])
    return out


def _filter(x: Tensor, size: tuple[int, int], is_back: bool) -> Tensor:
    """x (..., H, W) with both matrices; `size` is that of the image that is or was filtered."""
    rows, columns = (_blocks(side, is_back, x.dtype) for side in size)
    flat = _filter_columns(x.reshape(-1, x.shape[-1]), columns).view(-1, x.shape[-2], columns[-1][1].stop)
    return _filter_rows(flat, rows).view(*x.shape[:-2], rows[-1][1].stop, columns[-1][1].stop)


class _Gaussian(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.size = x.shape[-2:]
        return _filter(x, ctx.size, is_back=False)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return _filter(grad, ctx.size, is_back=True)
