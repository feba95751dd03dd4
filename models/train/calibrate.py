"""Makes confidence honest on places that neither teach nor test.

One temperature for all logits and one shift of the building logit (bias-corrected temperature scaling, Alexandari
2020): training draws buildings more often than the ground does, and the shift undoes that. The other classes get none,
since the calibration places say little about their true shares.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from classes import ANY, NAMES
from places import calibration_places
from predict import CHIP_PX, Model, as_worked


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="ONNX exported without calibration")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    model = Model(arguments.model)
    samples = [labelled_logits(model, place) for place in calibration_places(arguments.data)]
    temperature, shift = minimize(lambda v: np.mean([likelihood_loss(*s, *v) for s in samples]),
                                  np.array([1.0, 0.0]), method="Nelder-Mead").x
    found = {"temperature": round(float(temperature), 4), "building_shift": round(float(shift), 4)}
    arguments.out.write_text(json.dumps(found))
    print(found)


def labelled_logits(model, place, keep=20000):
    """Logits [n, classes] and label sets [n] of pixels drawn from one place."""
    place = as_worked(place)
    height, width = place.label.shape
    side_h, side_w = min(CHIP_PX, height // 32 * 32), min(CHIP_PX, width // 32 * 32)
    logits, labels = [], []
    for row in range(0, height - side_h + 1, side_h):
        for col in range(0, width - side_w + 1, side_w):
            window = np.s_[row:row + side_h, col:col + side_w]
            logits.append(model.logits(place.image[window]).reshape(len(NAMES), -1).T)
            labels.append(place.label[window].ravel() & ANY)
    logits, labels = np.concatenate(logits), np.concatenate(labels)
    chosen = np.random.default_rng(5).choice(np.flatnonzero(labels != ANY), keep)
    return logits[chosen].astype(np.float64), labels[chosen]


def likelihood_loss(logits, labels, temperature, shift):
    """Minus the mean log of the probability of the classes that the label allows."""
    z = logits / max(temperature, 0.1)
    z[:, 0] += shift
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    allowed = (labels[:, None] >> np.arange(len(NAMES))) & 1
    return -np.log((p * allowed).sum(1) + 1e-9).mean()


if __name__ == "__main__":
    main()
