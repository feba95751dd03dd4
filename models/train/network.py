"""A light residual encoder-decoder with a dilated context stage: five logits per pixel."""

import torch
from torch import nn
from torch.nn import functional as F

WIDTHS = (24, 40, 72, 128, 160)


def conv(inputs, outputs, size=3, stride=1, dilation=1):
    pad = dilation * (size // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, pad, dilation, bias=False),
        nn.BatchNorm2d(outputs), nn.ReLU())


class Residual(nn.Module):
    def __init__(self, width, dilation=1):
        super().__init__()
        self.first = conv(width, width, dilation=dilation)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        return F.relu(x + self.second(self.first(x)))


class Join(nn.Module):
    """Doubles the coarse map, adds the fine one, and mixes."""

    def __init__(self, coarse, fine, width):
        super().__init__()
        self.coarse = conv(coarse, width, 1)
        self.fine = conv(fine, width, 1)
        self.mix = conv(width, width)

    def forward(self, coarse, fine):
        coarse = F.interpolate(self.coarse(coarse), scale_factor=2.0, mode="bilinear")
        return self.mix(coarse + self.fine(fine))


class City(nn.Module):
    """Convolutional throughout: what a pixel sees is bounded, and statistics are folded at export.

    The last stage works at half the resolution; each of its pixels answers for four (sub-pixel convolution, Shi 2016), so
    that a gap of one pixel between two roofs can be told.
    """

    def __init__(self, classes=5, widths=WIDTHS):
        super().__init__()
        a, b, c, d, e = widths
        self.stage2 = nn.Sequential(conv(3, a, stride=2), conv(a, a))
        self.stage4 = nn.Sequential(conv(a, b, stride=2), Residual(b))
        self.stage8 = nn.Sequential(conv(b, c, stride=2), Residual(c), Residual(c))
        self.stage16 = nn.Sequential(conv(c, d, stride=2), Residual(d), Residual(d))
        self.context = nn.Sequential(
            conv(d, e, stride=2), Residual(e), Residual(e, dilation=2), nn.Dropout2d(0.1))
        self.join16 = Join(e, d, 96)
        self.join8 = Join(96, c, 64)
        self.join4 = Join(64, b, 48)
        self.join2 = Join(48, a, 24)
        self.head = nn.Conv2d(24, 4 * classes, 1)

    def forward(self, image):
        half = self.stage2(image)
        quarter = self.stage4(half)
        eighth = self.stage8(quarter)
        sixteenth = self.stage16(eighth)
        x = self.join16(self.context(sixteenth), sixteenth)
        x = self.join8(x, eighth)
        x = self.join4(x, quarter)
        x = self.join2(x, half)
        return F.pixel_shuffle(self.head(x), 2)


def receptive_field_px(network):
    """The side of the square that one output pixel can see, found by following gradients."""
    probe = City(network.head.out_channels // 4)
    for parameter in probe.parameters():
        nn.init.constant_(parameter, 0.01)
    for module in probe.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1.0 / (module.in_channels * module.kernel_size[0] ** 2))
    probe.double().eval()
    side = 2048
    image = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    probe(image)[0, 0, side // 2 + 15, side // 2 + 15].backward()
    seen = image.grad[0].abs().sum(0).amax(0).nonzero().flatten()
    return int(seen.max() - seen.min() + 1)
