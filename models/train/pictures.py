"""Pictures to look at: the place, its labels, the answer, side by side."""

import cv2
import numpy as np

from classes import ANY, NAMES

COLOURS = np.array([(214, 69, 65), (88, 88, 96), (96, 160, 72), (64, 128, 208), (222, 200, 150)], np.uint8)


def save_comparison(path, place, p):
    predicted = COLOURS[p.argmax(0)]
    strips = [place.image, painted(place.label), predicted]
    axis = 0 if place.image.shape[1] > 1.5 * place.image.shape[0] else 1
    cv2.imwrite(str(path), np.concatenate(strips, axis)[..., ::-1])


def painted(label):
    """A set of classes is drawn in the mean of their colours, unlabelled is black."""
    members = ((label[..., None] >> np.arange(len(NAMES))) & 1).astype(np.float32)
    mix = members @ COLOURS.astype(np.float32) / np.maximum(members.sum(-1, keepdims=True), 1)
    mix[(label & ANY) == ANY] = 0
    return mix.astype(np.uint8)
