"""The speech encoder: a stack of residual 1-D convolutions from 600 samples to one frame (spec 2.6)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

AUDIO_WIDTH = 128
KERNEL = 15
# channels in, channels out, stride; the strides multiply to 600 samples a frame
BLOCKS = ((1, 32, 5), (32, 32, 6), (32, 32, 1), (32, 64, 5), (64, 64, 1), (64, AUDIO_WIDTH, 4))


class AudioBlock(nn.Module):
    """Two convolutions with batch norm, a shortcut, and leaky ReLU on the sum; (B, in, S) to (B, out, S / stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, outputs, KERNEL, stride, padding=KERNEL // 2)
        self.bn1 = nn.BatchNorm1d(outputs)
        self.conv2 = nn.Conv1d(outputs, outputs, KERNEL, padding=KERNEL // 2)
        self.bn2 = nn.BatchNorm1d(outputs)
        self.dropout = dropout
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv1d(inputs, outputs, KERNEL, stride, padding=KERNEL // 2), nn.BatchNorm1d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = functional.leaky_relu(self.bn1(self.conv1(x)), 0.01)
        y = self.bn2(self.conv2(functional.dropout(y, self.dropout, self.training)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return functional.leaky_relu(y + shortcut, 0.01)


def audio_encoder(dropout: float) -> nn.Sequential:
    """Waveform (B, 1, 600 L) at 18 kHz to features (B, 128, L)."""
    return nn.Sequential(*(AudioBlock(inputs, outputs, stride, dropout) for inputs, outputs, stride in BLOCKS))
