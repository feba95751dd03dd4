"""Runs a model over a picture as the engine does: overlapping chips, blended under a Hann window."""

import cv2
import numpy as np
import onnxruntime

from classes import MEAN, STD

# The ground resolution at which a place is worked on, where that is not its own.
WORKING_M = {"drone": 0.264}
CHIP_PX = 512
STRIDE_PX = 384


class Model:
    def __init__(self, path, threads=2):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def building(self, image):
        """The probability of a building [h, w], from five classes or from [other, building]."""
        p = self.probabilities(image)
        return p[1] if len(p) == 2 else p[0]

    def logits(self, chip):
        image = (chip.astype(np.float32) / 255 - MEAN) / STD
        image = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
        return self.session.run(["logits"], {"image": image})[0][0]

    def probabilities(self, image):
        """[classes, h, w] for an image uint8 [h, w, 3] of any size."""
        height, width = image.shape[:2]
        grid_h, grid_w = covered(height), covered(width)
        margin = (CHIP_PX - STRIDE_PX) // 2
        padded = cv2.copyMakeBorder(image, margin, grid_h - height - margin, margin,
                                    grid_w - width - margin, cv2.BORDER_REFLECT_101)
        total, weight = None, np.zeros((grid_h, grid_w), np.float32)
        window = hann()
        for row in range(0, grid_h - CHIP_PX + 1, STRIDE_PX):
            for col in range(0, grid_w - CHIP_PX + 1, STRIDE_PX):
                place = np.s_[row:row + CHIP_PX, col:col + CHIP_PX]
                p = softmax(self.logits(padded[place]))
                if total is None:
                    total = np.zeros((len(p), grid_h, grid_w), np.float32)
                total[:, *place] += p * window
                weight[place] += window
        inside = np.s_[margin:margin + height, margin:margin + width]
        return total[:, *inside] / weight[inside]


def covered(length):
    """The padded side: whole strides plus one chip, with half an overlap before the picture."""
    margin = (CHIP_PX - STRIDE_PX) // 2
    steps = max(0, -(-(length + 2 * margin - CHIP_PX) // STRIDE_PX))
    return steps * STRIDE_PX + CHIP_PX


def hann():
    line = np.sin(np.pi * (np.arange(CHIP_PX) + 0.5) / CHIP_PX) ** 2
    return (np.outer(line, line) + 1e-4).astype(np.float32)


def softmax(logits):
    e = np.exp(logits - logits.max(0))
    return e / e.sum(0)


def as_worked(place):
    """The place at the ground resolution at which it is worked on."""
    from places import Place
    resolution_m = WORKING_M.get(place.domain, place.resolution_m)
    factor = place.resolution_m / resolution_m
    size = (round(place.image.shape[1] * factor), round(place.image.shape[0] * factor))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return Place(place.name, cv2.resize(place.image, size, interpolation=way),
                 cv2.resize(place.label, size, interpolation=cv2.INTER_NEAREST), resolution_m, place.domain)
