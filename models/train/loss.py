"""Losses that know what a label leaves open."""

import torch
from torch.nn import functional as F

from classes import ANY, NAMES, PARTING, WEAK

CLASS_WEIGHTS = (1.1, 1.5, 1.1, 1.0, 0.8)
WEAK_WEIGHT = 0.6
SMOOTHING = 0.02
EDGE_WEIGHT = 1.0
EDGE_PX = 2
PARTING_WEIGHT = 4.0


def partial_label_loss(logits, label):
    """Minus the log of the probability that the classes left open have together, plus soft Dice.

    Where the label is a set, its probabilities are added up before the logarithm
    (marginalized); where the set is everything, the pixel says nothing.
    """
    logits = logits.float()
    allowed = torch.stack([(label >> i) & 1 for i in range(len(NAMES))], 1).bool()
    log_p = F.log_softmax(logits, 1)
    marginal = torch.logsumexp(log_p.masked_fill(~allowed, -30.0), 1)
    count = allowed.sum(1)
    class_weight = logits.new_tensor(CLASS_WEIGHTS)[None, :, None, None]
    weight = (class_weight * allowed).sum(1) / count.clamp(min=1)
    weight = weight * torch.where(label & WEAK > 0, WEAK_WEIGHT, 1.0)
    known = (count > 0) & (count < len(NAMES))
    weight = weight * known * (1 + EDGE_WEIGHT * near_building_edge(allowed, count))
    weight = weight * torch.where(label & PARTING > 0, 1 + PARTING_WEIGHT, 1.0)
    smooth = -(log_p * allowed).sum(1) / count.clamp(min=1)
    pixel = -(1 - SMOOTHING) * marginal + SMOOTHING * torch.minimum(smooth, smooth.new_tensor(8.0))
    entropy_loss = (pixel * weight).sum() / weight.sum().clamp(min=1)
    return entropy_loss + 0.5 * dice(log_p.exp(), allowed, count)


def near_building_edge(allowed, count):
    """One where both building and not-building are within a few pixels: what parts neighbours."""
    building = (allowed[:, 0] & (count == 1)).float()[:, None]
    other = (~allowed[:, 0]).float()[:, None]
    reach = dict(kernel_size=2 * EDGE_PX + 1, stride=1, padding=EDGE_PX)
    return (F.max_pool2d(building, **reach) * F.max_pool2d(other, **reach))[:, 0]


def dice(p, allowed, count):
    """One minus the soft Dice of each class over the pixels where it is surely there or surely not."""
    sure_yes = allowed & (count == 1)[:, None]
    sure = (sure_yes | ~allowed) & (count < len(NAMES))[:, None]
    y, p = sure_yes.float(), p * sure
    overlap = (p * y).sum((0, 2, 3))
    total = (p + y * sure).sum((0, 2, 3))
    present = y.sum((0, 2, 3)) > 500
    score = (2 * overlap + 1) / (total + 1)
    return ((1 - score) * present).sum() / present.sum().clamp(min=1)


assert ANY == (1 << len(NAMES)) - 1
