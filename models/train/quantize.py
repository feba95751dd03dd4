"""Makes an int8 variant of the shipped network and says whether it is worth shipping: its speed and its scores."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from classes import MEAN, STD
from evaluate import score_all, scored_places
from places import calibration_places
from predict import CHIP_PX, Model, as_worked
from report import table

CHIPS = 24
RUNS = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the int8 network that is written")
    parser.add_argument("--scores", type=Path, required=True, help="where its scores are written, as JSON")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    quantize(arguments.model, arguments.out, chips(calibration_places(arguments.data)))
    for path in (arguments.model, arguments.out):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {speed_mpx_per_s(path, arguments.threads):.2f} Mpx/s")
    places = [as_worked(p) for p in scored_places(arguments.data)]
    scores = {path.stem: score_all(Model(path), places, None) for path in (arguments.model, arguments.out)}
    arguments.scores.write_text(json.dumps(scores[arguments.out.stem]))
    print(table(scores))


def quantize(model, out, samples):
    """Signed weights per channel, unsigned activations, ranges from samples (Jacob 2018)."""
    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    quantize_static(str(prepared), str(out), Samples(samples), quant_format=QuantFormat.QDQ, per_channel=True,
                    weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8, reduce_range=True)
    prepared.unlink()


class Samples(CalibrationDataReader):
    def __init__(self, samples):
        self.rest = iter(samples)

    def get_next(self):
        image = next(self.rest, None)
        return None if image is None else {"image": image}


def chips(places):
    """Normalized chips [1, 3, side, side] drawn from places that calibrate."""
    random = np.random.default_rng(3)
    found = []
    places = [as_worked(p) for p in places]
    for i in range(CHIPS):
        image = places[i % len(places)].image
        side = min(CHIP_PX, min(image.shape[:2]) // 32 * 32)
        row, col = (random.integers(0, length - side + 1) for length in image.shape[:2])
        chip = (image[row:row + side, col:col + side].astype(np.float32) / 255 - MEAN) / STD
        found.append(np.ascontiguousarray(chip.transpose(2, 0, 1)[None], np.float32))
    return found


def speed_mpx_per_s(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).normal(size=(1, 3, CHIP_PX, CHIP_PX)).astype(np.float32)
    took = []
    for _ in range(RUNS):
        start = time.perf_counter()
        session.run(None, {"image": image})
        took.append(time.perf_counter() - start)
    return CHIP_PX ** 2 / 1e6 / min(took)


if __name__ == "__main__":
    main()
