"""Writes model.toml."""

from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from classes import MEAN, NAMES, STD
from export import folded
from network import receptive_field_px
from predict import CHIP_PX, STRIDE_PX

TEMPLATE = (Path(__file__).parent / "card.template.toml").read_text()


def write_card(path, network, calibration, scores):
    """The name of the folder is that of the network."""
    path.write_text(TEMPLATE.format(
        name=path.resolve().parent.name,
        scale=1 / 255, mean=list(MEAN), std=list(STD), chip_px=CHIP_PX, stride_px=STRIDE_PX,
        classes="\n\n".join(f'[[classes]]\nname = "{n}"\ncity_class = "{n}"' for n in NAMES),
        parameters=sum(p.numel() for p in folded(network.eval()).parameters()),
        gflop_per_mpx=round(gflop_per_mpx(network), 1),
        receptive_field_px=receptive_field_px(network), **calibration,
        metrics="\n\n".join(metric_table(place, score) for place, score in scores.items() if "-part" not in place)))


def gflop_per_mpx(network):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        folded(network.eval())(torch.zeros(1, 3, 1000 // 32 * 32, 1024))
    return counter.get_total_flops() / 1e3 / (1000 // 32 * 32 * 1024)


def metric_table(place, score):
    name = place.replace(", all", "-all").replace(".", "-")
    lines = [f"[metrics.{name}]"]
    for key in ("miou", "building_iou", "object_precision", "object_recall", "object_f1", "ece"):
        if key in score:
            lines.append(f"{key} = {score[key]:.3f}")
    lines += [f"boundary_f1_1m_{n} = {v:.3f}" for n, v in score["boundary_f1_1m"].items()]
    lines += [f"iou_{n} = {v:.3f}" for n, v in score.get("class_iou", {}).items() if v is not None]
    return "\n".join(lines)
