#!/usr/bin/env python3
"""Trains a small vision transformer of DINOv2's architecture on the labelled places: an encoder of family `features`.

    python models/train/vit.py --data ../shared/data --minutes 7 --out /tmp/vit
    python models/export/dinov2.py --checkpoint /tmp/vit/vit-city --chip-px 320 --stride-px 240 --resolution 0.5 \\
        --resolution-range 0.25 1 --licence "MIT OR Apache-2.0" --out /tmp/vit-features

and `few_shot.py --features /tmp/vit-features` scores it. A linear head answers for the pixels of each patch while it
trains, and is thrown away. Two cores need a night for what a GPU does in minutes.
"""

import argparse
from pathlib import Path

import cv2
import torch
from torch import nn
from torch.nn import functional as F
from transformers import Dinov2Config, Dinov2Model

from classes import NAMES
from crops import CROP_PX, batches
from places import training_places
from train import fit

BATCH = 64
PEAK_LR = 1e-3
RESOLUTION_M = {"dubai": (0.35, 1.0), "drone": (0.27, 0.9), "aerial": (0.35, 1.0)}
ENCODER = Dinov2Config(hidden_size=256, num_hidden_layers=12, num_attention_heads=4, mlp_ratio=4, image_size=CROP_PX,
                       patch_size=8, drop_path_rate=0.1)


class Segmenter(nn.Module):
    """The encoder and a linear head: [n, 3, h, w] to logits [n, 5, h, w], h and w multiples of the patch."""

    def __init__(self):
        super().__init__()
        self.encoder = Dinov2Model(ENCODER)
        self.head = nn.Linear(ENCODER.hidden_size, len(NAMES) * ENCODER.patch_size ** 2)

    def forward(self, image):
        rows, cols = (side // ENCODER.patch_size for side in image.shape[2:])
        tokens = self.encoder(image).last_hidden_state[:, 1:]
        logits = self.head(tokens).transpose(1, 2).unflatten(2, (rows, cols))
        return F.pixel_shuffle(logits, ENCODER.patch_size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder: the checkpoint `vit-city`, and the weights with the head")
    parser.add_argument("--minutes", type=float, default=7)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=14, help="processes that make crops")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    train(training_places(arguments.data), arguments)
    segmenter = Segmenter()
    segmenter.load_state_dict(torch.load(arguments.out / "average.pt", map_location="cpu"))
    segmenter.encoder.save_pretrained(arguments.out / "vit-city")


def train(places, arguments):
    torch.manual_seed(arguments.seed)
    cv2.setNumThreads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    arguments.work, arguments.peak_lr = arguments.out, PEAK_LR
    source = batches(places, BATCH, arguments.seed, arguments.workers, RESOLUTION_M)
    fit(Segmenter().to(arguments.device), source, arguments)


if __name__ == "__main__":
    main()
