"""The figures of the table: confusion, IoU, boundary F1, objects, calibration."""

import numpy as np
from scipy import ndimage

from classes import ANY, BUILDING, NAMES, WEAK

BINS = 15


def single_class(label):
    """The class index of each pixel, -1 where the label leaves it open."""
    index = np.full(label.shape, -1, np.int8)
    for i in range(len(NAMES)):
        index[label & ~np.uint8(WEAK) == 1 << i] = i
    return index


def confusion(truth, predicted):
    """Rows are the truth, columns the prediction; pixels with an open class are left out."""
    known = truth >= 0
    pairs = truth[known].astype(np.int64) * len(NAMES) + predicted[known]
    return np.bincount(pairs, minlength=len(NAMES) ** 2).reshape(len(NAMES), len(NAMES))


def class_iou(matrix):
    hit = np.diag(matrix).astype(float)
    union = matrix.sum(0) + matrix.sum(1) - hit
    return [float(h / u) if u else None for h, u in zip(hit, union)]


def building_counts(label, predicted):
    """True positives, false positives, false negatives in pixels, over all pixels that say."""
    known = label != ANY
    truth, found = (label == BUILDING) & known, (predicted == 0) & known
    return np.array([(truth & found).sum(), (~truth & found).sum(), (truth & ~found).sum()])


def boundary_counts(truth, found, known, tolerance_px):
    """[hits of predicted edge, predicted edge, hits of true edge, true edge] within the tolerance (Csurka 2013)."""
    true_edge, found_edge = edge(truth) & known, edge(found) & known
    near_true = ndimage.distance_transform_edt(~true_edge) <= tolerance_px if true_edge.any() else true_edge
    near_found = ndimage.distance_transform_edt(~found_edge) <= tolerance_px if found_edge.any() else found_edge
    return np.array([(found_edge & near_true).sum(), found_edge.sum(), (true_edge & near_found).sum(), true_edge.sum()])


def edge(mask):
    return mask & ~ndimage.binary_erosion(mask, border_value=1)


def f1(hit_found, found, hit_true, true):
    precision, recall = hit_found / max(found, 1), hit_true / max(true, 1)
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def object_counts(truth, found, least_px):
    """[matched, true, found] components, matched one to one and greedily at IoU 0.5 or more (4-connected)."""
    true_id, true_count = components(truth, least_px)
    found_id, found_count = components(found, least_px)
    if true_count == 0 or found_count == 0:
        return np.array([0, true_count, found_count])
    true_area, found_area = np.bincount(true_id.ravel()), np.bincount(found_id.ravel())
    pairs, overlap = np.unique(
        true_id.ravel().astype(np.int64) * (found_count + 1) + found_id.ravel(), return_counts=True)
    a, b = pairs // (found_count + 1), pairs % (found_count + 1)
    real = (a > 0) & (b > 0)
    a, b, overlap = a[real], b[real], overlap[real]
    iou = overlap / (true_area[a] + found_area[b] - overlap)
    # At IoU above one half a component has one partner at most, so greedy matching is exact.
    return np.array([int((iou > 0.5).sum()), true_count, found_count])


def components(mask, least_px):
    ids, count = ndimage.label(mask)
    keep = np.bincount(ids.ravel(), minlength=count + 1) >= least_px
    keep[0] = False
    renumber = np.cumsum(keep) * keep
    return renumber[ids], int(keep.sum())


class Calibration:
    """Sums for the expected calibration error in equal bins of confidence (Naeini 2015)."""

    def __init__(self):
        self.sums = np.zeros((3, BINS))

    def add(self, confidence, correct):
        bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
        for row, values in zip(self.sums, (np.ones_like(confidence), confidence, correct)):
            row += np.bincount(bins, weights=values, minlength=BINS)

    def error(self):
        count, confidence, correct = self.sums
        return float(np.abs(confidence - correct).sum() / max(count.sum(), 1))
