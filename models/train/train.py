"""Trains the network for a given number of minutes and keeps a running average of its weights."""

import argparse
import copy
import math
import time
from pathlib import Path

import cv2
import torch

from crops import batches
from export import unfold
from loss import partial_label_loss
from network import City
from places import training_places
from predict import Model

BATCH = 8
PEAK_LR = 2.5e-3
WARM_UP = 0.03
AVERAGE = 0.998


def main():
    arguments = parse()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    arguments.work.mkdir(parents=True, exist_ok=True)
    places = training_places(arguments.data, [Model(path) for path in arguments.teacher], arguments.town)
    source = batches(places, BATCH, arguments.seed)
    network = City()
    if arguments.start_from and arguments.start_from.suffix == ".onnx":
        unfold(network, arguments.start_from, next(source)[0])
    elif arguments.start_from:
        network.load_state_dict(torch.load(arguments.start_from))
    network = network.to(arguments.device, memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in network.parameters())} parameters, {len(places)} places, "
          f"{precision(arguments.device)} on {arguments.device}", flush=True)
    fit(network, source, arguments)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--start-from", type=Path, help="weights to go on from: a .pt, or a network that shipped")
    parser.add_argument("--teacher", type=Path, action="append", default=[],
                        help="a network that says where buildings are in the part of Banepa that nobody drew")
    parser.add_argument("--town", type=Path, action="append", default=[],
                        help="a folder that `orthotile demo` made, of another seed than the demo's")
    parser.add_argument("--peak-lr", type=float, default=PEAK_LR)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def precision(device):
    """bfloat16 where the processor multiplies it; without that it is seven times slower than float32."""
    if device != "cpu":
        return torch.bfloat16
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return torch.bfloat16 if "avx512_bf16" in flags or "amx_bf16" in flags else torch.float32


def fit(network, source, arguments):
    """The learning rate follows the clock, so that a loaded machine shortens the run but not its shape."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=arguments.peak_lr, weight_decay=0.02)
    average = copy.deepcopy(network)
    start = saved = time.time()
    step, crops, running = 0, 0, None
    while (progress := (time.time() - start) / (arguments.minutes * 60)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = arguments.peak_lr * schedule(progress)
        image, label = (tensor.to(arguments.device) for tensor in next(source))
        loss = one_step(network, optimizer, image, label)
        step, crops = step + 1, crops + len(image)
        update_average(average, network, min(AVERAGE, 1 - 1 / (step / 4 + 1)))
        running = loss if running is None else 0.98 * running + 0.02 * loss
        if step % 50 == 0:
            print(f"{time.time() - start:7.0f} s  step {step:6d}  loss {running:.4f}", flush=True)
        if time.time() - saved > 180:
            torch.save(average.state_dict(), arguments.work / "average.pt")
            saved = time.time()
    torch.save(average.state_dict(), arguments.work / "average.pt")
    torch.save({"steps": step, "crops": crops, "seconds": time.time() - start},
               arguments.work / "run.pt")


def one_step(network, optimizer, image, label):
    network.train()
    kind = precision(image.device.type)
    with torch.autocast(image.device.type, kind, enabled=kind is torch.bfloat16):
        logits = network(image.to(memory_format=torch.channels_last))
    loss = partial_label_loss(logits, label)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimizer.step()
    return loss.item()


def schedule(progress):
    if progress < WARM_UP:
        return progress / WARM_UP + 0.01
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


@torch.no_grad()
def update_average(average, network, keep):
    for mean, value in zip(average.state_dict().values(), network.state_dict().values()):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1 - keep)
        else:
            mean.copy_(value)


if __name__ == "__main__":
    main()
