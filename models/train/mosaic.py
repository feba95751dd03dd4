"""Runs the network over the whole Banepa mosaic, writes the label map to look at, and measures the chip grid."""

import argparse
from pathlib import Path

import cv2
import numpy as np

from classes import NAMES
from pictures import COLOURS
from places import banepa
from predict import CHIP_PX, STRIDE_PX, Model, as_worked


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures; keep it out of the repository")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    place = as_worked(banepa(arguments.data))
    classes = Model(arguments.model).probabilities(place.image).argmax(0)
    labels = COLOURS[classes]
    cv2.imwrite(str(arguments.out / "mosaic_labels.png"), labels[..., ::-1])
    overlay = (0.5 * place.image + 0.5 * labels).astype(np.uint8)
    cv2.imwrite(str(arguments.out / "mosaic_overlay.png"), overlay[..., ::-1])
    share = np.bincount(classes.ravel(), minlength=len(NAMES)) / classes.size
    print({name: round(float(s), 3) for name, s in zip(NAMES, share)})
    void = place.image.min(-1) >= 250
    print(f"void called building: {(classes[void] == 0).mean():.4f}")
    print("class changes across a line of pixels, per pixel: "
          f"on chip borders {change_rate(classes, True):.4f}, elsewhere {change_rate(classes, False):.4f}")


def change_rate(classes, on_border):
    """How often the class changes from one column to the next, on or off the borders of chips."""
    changes = (classes[:, 1:] != classes[:, :-1]).mean(0)
    col = np.arange(1, classes.shape[1]) + (CHIP_PX - STRIDE_PX) // 2
    border = (col % STRIDE_PX == 0) | ((col - CHIP_PX) % STRIDE_PX == 0)
    return float(changes[border == on_border].mean())


if __name__ == "__main__":
    main()
