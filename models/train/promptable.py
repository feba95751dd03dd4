#!/usr/bin/env python3
"""Trains a small network of SAM's layout on the features of the city network: prompts in, outlines out.

    python models/export/city_features.py --model models/city --out /tmp/city-features
    python models/train/promptable.py --data ../shared/data --features /tmp/city-features --minutes 25 --out /tmp/city-sam

SAM's own weights are large and made for other pictures; this one asks nothing but what `models/city` has seen already. Its
encoder is the features model as it is. Its decoder compares every place with the features under the prompt, and is taught by
the objects of land cover labels (pieces of one class, whole in a chip), asked about by a point inside, a box around, or both.
It sees no label of the tiles that `few_shot.py` tells of and scores on.
"""

import argparse
import shutil
import time
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional as F

from classes import NAMES
from metrics import single_class
from places import SPLITS, dubai_tile

SIDE_PX, STRIDE_PX = 512, 256
LEAST_PX, PROMPTS, PER_CHIP = 200, 8, 40
HELD_OUT = 10  # every tenth chip is not learnt from

CARD = """\
name = "city-sam"
version = "1"
family = "sam"
file = "encoder.onnx"
licence = "{licence}"

[input]
{input}
[output]
name = "features"
activation = "none"

[masks]
decoder = "decoder.onnx"
pred_iou_thresh = 0.5
stability_score_thresh = 0.5

[provenance]
source = "{name} {version}"
recipe = "models/train/promptable.py"

[metrics]
held_out_iou = {iou:.3f}
"""


class Decoder(nn.Module):
    """One mask a prompt. Points of label 1 lie in the object, 2 and 3 are corners of a box around it, others are padding."""

    def __init__(self, dim, patch_px, width=16):
        super().__init__()
        self.patch_px = patch_px
        self.place, self.key, self.query = (nn.Conv2d(dim, width, 1) for _ in range(3))
        self.first = nn.Conv2d(2 * width + 4, width, 3, padding=1)
        self.around = nn.ModuleList(nn.Conv2d(width, width, 3, padding=d, dilation=d) for d in (1, 2, 4, 8))
        self.mix = nn.Conv2d(2 * width, width, 3, padding=1)
        self.mask = nn.Conv2d(width, 1, 1)
        self.iou = nn.Sequential(nn.Linear(2 * width, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, features, coords, labels):
        n, (rows, cols) = coords.shape[0], features.shape[2:]
        maps = self.prompt_maps(coords / self.patch_px, labels, rows, cols)
        near = maps[:, :1] + 1e-6
        under = (features * near).sum((2, 3), keepdim=True) / near.sum((2, 3), keepdim=True)
        like = self.key(features) * self.query(under)
        place = self.place(features).expand(n, -1, -1, -1)
        fine = F.relu(self.first(torch.cat([like, place, maps], 1)))
        coarse = F.avg_pool2d(fine, 2)
        for conv in self.around:
            coarse = coarse + F.relu(conv(coarse))
        wide = F.interpolate(coarse, scale_factor=2.0, mode="bilinear")
        mixed = F.relu(self.mix(torch.cat([fine, wide], 1)))
        masks = self.mask(mixed)
        share = torch.sigmoid(masks)
        inside = (mixed * share).sum((2, 3)) / (share.sum((2, 3)) + 1.0)
        return masks, torch.sigmoid(self.iou(torch.cat([inside, mixed.mean((2, 3))], 1)))

    def prompt_maps(self, coords, labels, rows, cols):
        """Of each prompt [n, 4, rows, cols]: closeness to its point, near and far; inside its box; whether it has one."""
        y = torch.arange(rows, dtype=coords.dtype).view(1, 1, -1, 1) + 0.5
        x = torch.arange(cols, dtype=coords.dtype).view(1, 1, 1, -1) + 0.5
        def of(label):
            chosen = (labels == label).to(coords.dtype)[:, :, None]
            count = chosen.sum(1)
            at = (coords * chosen).sum(1) / torch.clamp(count, min=1.0)
            return at[:, 0].view(-1, 1, 1, 1), at[:, 1].view(-1, 1, 1, 1), torch.clamp(count, max=1.0).view(-1, 1, 1, 1)
        (px, py, point), (left, top, box), (right, bottom, _) = of(1.0), of(2.0), of(3.0)
        square = (x - px) ** 2 + (y - py) ** 2
        beside = torch.minimum(torch.minimum(x - left, right - x), torch.minimum(y - top, bottom - y))
        in_box = torch.sigmoid(2.0 * beside) * box
        # Without a point the middle of the box stands for it.
        middle = (x - (left + right) / 2) ** 2 + (y - (top + bottom) / 2) ** 2
        square = square * point + middle * (1.0 - point)
        close = [torch.exp(-square / (2.0 * r * r)) for r in (1.0, 16.0)]
        return torch.cat([*close, in_box, box + 0.0 * in_box], 1)


class Official(nn.Module):
    """The decoder with the inputs and outputs of segment-anything's; what it does not ask about changes nothing."""

    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, image_embeddings, point_coords, point_labels, mask_input, has_mask_input, orig_im_size):
        masks, iou = self.decoder(image_embeddings, point_coords, point_labels)
        unasked = 0.0 * (mask_input.sum() + has_mask_input.sum() + orig_im_size.sum())
        return masks, iou + unasked, masks


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, text in [("data", "the data folder"), ("features", "a features model, of city_features.py"),
                       ("out", "a folder")]:
        parser.add_argument(f"--{name}", type=Path, required=True, help=text)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    card = tomllib.loads((arguments.features / "model.toml").read_text())
    chips = list(seen(arguments, card))
    decoder = Decoder(card["output"]["dim"], card["output"]["patch_px"])
    train(decoder, chips, arguments)
    iou = {how: held_out(decoder, chips, how) for how in ("point", "box", "both")}
    print("IoU of objects not learnt from:", ", ".join(f"{how} {value:.3f}" for how, value in iou.items()))
    write(decoder, card, iou["both"], arguments)


def seen(arguments, card):
    """Chips of the training tiles and their mirror images: features, and objects as masks of whole pixels."""
    session = onnxruntime.InferenceSession(str(arguments.features / card["file"]), providers=["CPUExecutionProvider"])
    entry = card["input"]
    mean, std = (np.array(entry[key], np.float32)[:, None, None] for key in ("mean", "std"))
    for tile in SPLITS["dubai"]["train"]:
        place = dubai_tile(arguments.data, tile)
        classes = single_class(place.label)
        height, width = classes.shape
        for row in range(0, height - SIDE_PX + 1, STRIDE_PX):
            for col in range(0, width - SIDE_PX + 1, STRIDE_PX):
                window = np.s_[row:row + SIDE_PX, col:col + SIDE_PX]
                for mirrored in (False, True):
                    turn = (lambda a: a[:, ::-1]) if mirrored else (lambda a: a)
                    found = objects(np.ascontiguousarray(turn(classes[window])))
                    if not found:
                        continue
                    image = turn(place.image[window]).transpose(2, 0, 1).astype(np.float32)
                    image = (image * entry["scale"] - mean) / std
                    features = session.run([card["output"]["name"]], {entry["name"]: image[None]})[0]
                    yield torch.from_numpy(features).half(), found


def objects(classes):
    """Pieces of one class: (window, mask in it). Those that a side of the chip cuts count as well if they are large."""
    found = []
    for n in range(len(NAMES)):
        pieces, _ = ndimage.label(classes == n)
        for i, window in enumerate(ndimage.find_objects(pieces), 1):
            piece = pieces[window] == i
            if LEAST_PX <= piece.sum() <= classes.size // 3:
                found.append((window, piece))
    return found


def asked(found, how, dice):
    """What is asked about an object: points and their labels, and the share of each patch that is the object's."""
    window, piece = found
    rows, cols = (slice_.start for slice_ in window)
    inner = ndimage.distance_transform_edt(np.pad(piece, 1))[1:-1, 1:-1]
    best = np.unravel_index(inner.argmax(), inner.shape)
    if dice.random() < 0.5:
        places = np.argwhere(inner >= max(1.5, 0.5 * inner.max()))
        best = places[dice.integers(len(places))] if len(places) else best
    point = [cols + best[1] + 0.5, rows + best[0] + 0.5]
    size = max(window[0].stop - window[0].start, window[1].stop - window[1].start)
    loose = dice.normal(0, min(0.05 * size, 6.0), 4)
    corners = [[cols + loose[0], rows + loose[1]], [window[1].stop + loose[2], window[0].stop + loose[3]]]
    coords = {"point": [point, [0, 0], [0, 0]], "box": [[0, 0], *corners], "both": [point, *corners]}[how]
    labels = {"point": [1, -1, -1], "box": [-1, 2, 3], "both": [1, 2, 3]}[how]
    target = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    target[window] = piece
    return coords, labels, target


def batch(decoder, chip, hows, dice):
    features, found = chip
    chosen = dice.choice(len(found), min(PROMPTS, len(found)), replace=False)
    prompts = [asked(found[i], hows[dice.integers(len(hows))], dice) for i in chosen]
    coords, labels, targets = (torch.tensor(np.array(part), dtype=torch.float32) for part in zip(*prompts, strict=True))
    masks, iou = decoder(features.float(), coords, labels)
    return masks[:, 0], iou[:, 0], F.avg_pool2d(targets, decoder.patch_px)


def overlap(masks, targets):
    inside, truth = masks > 0, targets >= 0.5
    return (inside & truth).sum((1, 2)) / (inside | truth).sum((1, 2)).clamp(min=1)


def train(decoder, chips, arguments):
    dice = np.random.default_rng(arguments.seed)
    learnt = [chip for i, chip in enumerate(chips) if i // 2 % HELD_OUT]
    peak = 2e-3
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=peak, weight_decay=1e-4)
    start, step, shown = time.time(), 0, []
    while (part := (time.time() - start) / 60 / arguments.minutes) < 1:
        optimizer.param_groups[0]["lr"] = peak * min(1.0, step / 200) * (1.0 - part)
        masks, iou, targets = batch(decoder, learnt[dice.integers(len(learnt))], ("both", "both", "box", "point"), dice)
        share = torch.sigmoid(masks)
        dice_loss = 1 - (2 * (share * targets).sum((1, 2)) + 1) / (share.sum((1, 2)) + targets.sum((1, 2)) + 1)
        real = overlap(masks, targets)
        cross = F.binary_cross_entropy_with_logits(masks, targets)
        loss = dice_loss.mean() + 2 * cross + F.mse_loss(iou, real)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        shown.append((float(loss.detach()), float(real.mean())))
        step += 1
        if step % 250 == 0:
            loss, real = np.mean(shown[-250:], 0)
            print(f"step {step}, {part:.0%}: loss {loss:.3f}, IoU {real:.3f}", flush=True)


@torch.no_grad()
def held_out(decoder, chips, how):
    dice = np.random.default_rng(0)
    of = [batch(decoder, chip, (how,), dice) for i, chip in enumerate(chips) if not i // 2 % HELD_OUT]
    return float(torch.cat([overlap(masks, targets) for masks, _, targets in of]).mean())


def write(decoder, card, iou, arguments):
    arguments.out.mkdir(parents=True, exist_ok=True)
    shutil.copy(arguments.features / card["file"], arguments.out / "encoder.onnx")
    path, dim, grid = arguments.out / "decoder.onnx", card["output"]["dim"], SIDE_PX // card["output"]["patch_px"]
    official = Official(decoder.eval())
    given = {"image_embeddings": torch.randn(1, dim, grid, grid), "point_coords": torch.rand(5, 3, 2) * SIDE_PX,
             "point_labels": torch.tensor([[1.0, 2.0, 3.0]] * 5), "mask_input": torch.zeros(1, 1, 4 * grid, 4 * grid),
             "has_mask_input": torch.zeros(1), "orig_im_size": torch.tensor([SIDE_PX, SIDE_PX], dtype=torch.float32)}
    free = {"point_coords": {0: "prompts", 1: "points"}, "point_labels": {0: "prompts", 1: "points"}}
    torch.onnx.export(official, tuple(given.values()), str(path), input_names=list(given), dynamo=False, opset_version=17,
                      output_names=["masks", "iou_predictions", "low_res_masks"], dynamic_axes=free)
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = official(*given.values())
    found = session.run(None, {name: value.numpy() for name, value in given.items()})
    worst = max(float(np.abs(f - e.numpy()).max()) for f, e in zip(found, expected, strict=True))
    if worst > 1e-3:
        raise SystemExit(f"{path}: differs from PyTorch by {worst}")
    lines = "".join(f"{key} = {toml(value)}\n" for key, value in card["input"].items())
    (arguments.out / "model.toml").write_text(CARD.format(
        name=card["name"], version=card["version"], licence=card["licence"], input=lines, iou=iou))
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB, largest difference from PyTorch {worst:.1e}")


def toml(value):
    return str(value).replace("'", '"') if not isinstance(value, str) else f'"{value}"'


if __name__ == "__main__":
    main()
