"""From trained weights to the shipped folders: calibrate, export with parity check, evaluate, quantize, write the cards."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch

from card import write_card
from export import calibrated, export, parity
from network import City


def main():
    arguments = parse()
    network = City()
    network.load_state_dict(torch.load(arguments.weights))
    plain, shipped = arguments.work / "uncalibrated.onnx", arguments.out / "city.onnx"
    export(network, plain)
    found = arguments.work / "calibration.json"
    run("calibrate.py", "--data", arguments.data, "--model", plain, "--out", found)
    calibration = json.loads(found.read_text())
    export(calibrated(network, **calibration), shipped)
    difference = parity(network, shipped)
    print(f"{shipped.stat().st_size / 1e6:.2f} MB, largest difference from PyTorch {difference:.1e}")
    scores = arguments.work / "scores.json"
    run("evaluate.py", "--data", arguments.data, "--model", shipped, "--uncalibrated", plain,
        "--baseline", arguments.data / "models-small", "--pictures", arguments.work / "pictures",
        "--out", scores)
    write_card(arguments.out / "model.toml", network, calibration, json.loads(scores.read_text())["city"])
    small = arguments.out.parent / "city-int8"
    small.mkdir(exist_ok=True)
    scores = arguments.work / "scores-int8.json"
    run("quantize.py", "--data", arguments.data, "--model", shipped, "--out", small / "city-int8.onnx", "--scores", scores)
    write_card(small / "model.toml", network, calibration, json.loads(scores.read_text()))


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="scratch; pictures are written here")
    parser.add_argument("--out", type=Path, required=True, help="the model folder")
    return parser.parse_args()


def run(script, *arguments):
    here = Path(__file__).parent
    subprocess.run([sys.executable, str(here / script), *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
