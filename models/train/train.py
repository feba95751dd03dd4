"""Trains the network for a given number of minutes and keeps a running average of its weights."""

import argparse
import copy
import math
import time
from pathlib import Path

import cv2
import torch

from crops import batches
from loss import partial_label_loss
from network import City
from places import training_places

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
    network = City().to(memory_format=torch.channels_last)
    if arguments.start_from:
        network.load_state_dict(torch.load(arguments.start_from))
    places = training_places(arguments.data)
    print(f"{sum(p.numel() for p in network.parameters())} parameters, {len(places)} places", flush=True)
    fit(network, batches(places, BATCH, arguments.seed), arguments)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--start-from", type=Path, help="weights to go on from")
    parser.add_argument("--peak-lr", type=float, default=PEAK_LR)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def fit(network, source, arguments):
    """The learning rate follows the clock, so that a loaded machine shortens the run but not its shape."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=arguments.peak_lr, weight_decay=0.02)
    average = copy.deepcopy(network)
    start = saved = time.time()
    step, running = 0, None
    while (progress := (time.time() - start) / (arguments.minutes * 60)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = arguments.peak_lr * schedule(progress)
        loss = one_step(network, optimizer, *next(source))
        step += 1
        update_average(average, network, min(AVERAGE, 1 - 1 / (step / 4 + 1)))
        running = loss if running is None else 0.98 * running + 0.02 * loss
        if step % 50 == 0:
            print(f"{time.time() - start:7.0f} s  step {step:6d}  loss {running:.4f}", flush=True)
        if time.time() - saved > 180:
            torch.save(average.state_dict(), arguments.work / "average.pt")
            saved = time.time()
    torch.save(average.state_dict(), arguments.work / "average.pt")
    torch.save({"steps": step, "crops": step * BATCH, "seconds": time.time() - start},
               arguments.work / "run.pt")


def one_step(network, optimizer, image, label):
    network.train()
    with torch.autocast("cpu", torch.bfloat16):
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
