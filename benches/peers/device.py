"""Every way to see on a GPU beside the CPU of the same machine: the same map, and how much sooner.

    cargo build --release && python3 benches/peers/device.py --device cuda:0 [--features MODEL] [--masks MODEL] [--width-m 1500]

Needs numpy, tifffile, and an ONNX Runtime with the provider (the onnxruntime-gpu wheel; ORT_DYLIB_PATH names its library).
The mosaic is a demo town. A row is one way: seconds of `segment` as it tells them itself, without loading, the share of
pixels with the same class, and the share with another class of those that the CPU was sure of (0.6 or more). Also asked: that
a device which is not there is refused, by `segment` as by `inspect`, and that `/health` names the one that is used.
"""

import argparse
import json
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.request

import numpy as np
import tifffile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures/models"
SURE = 0.6
ADDRESS = "127.0.0.1:18091"


def ways(city, features, masks, clusters):
    """Name, options of `segment`, whether it runs on the small town."""
    scored = ["--model", features, "--scorer", clusters]
    return [
        ("city", ["--model", city], False),
        ("city, flips and rotations", ["--model", city, "--augment", "d4"], True),
        ("city and city-int8, averaged", ["--model", city, "--model", ROOT / "models/city-int8"], True),
        ("SegFormer (fixture)", ["--model", FIXTURES / "segformer.toml"], True),
        ("half precision (fixture)", ["--model", FIXTURES / "half.toml"], True),
        ("features and clusters", scored, True),
        ("features, clusters, guided filter", [*scored, "--guided", "8"], True),
        ("SAM (fixture)", ["--model", FIXTURES / "sam.toml"], True),
        ("SAM in half precision (fixture)", ["--model", FIXTURES / "sam-half.toml"], True),
        ("MobileSAM (fixture)", ["--model", FIXTURES / "mobile-sam.toml"], True),
        ("the hybrid: features, clusters, outlines by masks", [*scored, "--masks", masks], True),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/orthotile")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--city", type=pathlib.Path, default=ROOT / "models/city")
    parser.add_argument("--features", type=pathlib.Path, default=FIXTURES / "dinov2-registers.toml")
    parser.add_argument("--masks", type=pathlib.Path, default=FIXTURES / "sam.toml")
    parser.add_argument("--width-m", type=int, default=1500, help="of the large town; it is as high")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, pathlib.Path(folder))
        bench.refuses()
        clusters = bench.clusters(options.features)
        print("| way | Mpx | CPU | device | times | same class | of the sure, another |\n|---|---|---|---|---|---|---|", flush=True)
        for n, (name, arguments, small) in enumerate(ways(options.city, options.features, options.masks, clusters)):
            try:
                print(bench.row(n, name, arguments, bench.small if small else bench.large), flush=True)
            except subprocess.CalledProcessError as error:
                print(f"| {name} | failed: {error.stderr.strip()[-400:]} |", flush=True)
        bench.health()


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.small, self.large = folder / "small", folder / "large"
        self.run("demo", "--out", self.small, "--width-m", 300, "--height-m", 300)
        self.run("demo", "--out", self.large, "--width-m", options.width_m, "--height-m", options.width_m)

    def run(self, *words):
        command = [str(self.options.binary), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def refuses(self):
        """Devices that this machine lacks: an error that names them, and no store."""
        city, store = self.options.city, self.folder / "refused"
        for device in ("cuda:7", "tensorrt:7"):
            for words in (["segment", self.small / "scenes", "--model", city, "--store", store], ["inspect", city]):
                try:
                    told = self.run(*words, "--device", device)
                except subprocess.CalledProcessError as error:
                    print(f"{words[0]} --device {device}: {error.stderr.strip().splitlines()[-1][:200]}", flush=True)
                    continue
                raise SystemExit(f"{words[0]} --device {device} went on: {told}")
        assert not store.exists(), "a refused device leaves a store"
        for device in (self.options.device, "auto", "cpu"):
            print(self.run("inspect", city, "--device", device).strip().splitlines()[-1].strip(), flush=True)

    def clusters(self, features):
        store = self.folder / "clusters"
        self.run("clusters", self.small / "scenes", "--model", features, "--store", store, "--device", "cpu")
        return store / "clusters.json"

    def segmented(self, town, arguments, device, store):
        told = self.run("segment", town / "scenes", *arguments, "--store", store, "--device", device, "--no-summary",
                        "--feature-cache-mib", 0)
        mpx, on, seconds = re.search(r"segmented ([\d.]+) Mpx on (\S+) in ([\d.]+) s", told).groups()
        assert on == device, told
        return float(mpx), float(seconds), blocks(store)

    def row(self, n, name, arguments, town):
        mpx, cpu_s, (classes, confidence) = self.segmented(town, arguments, "cpu", self.folder / f"cpu{n}")
        _, device_s, (found, _) = self.segmented(town, arguments, self.options.device, self.folder / f"device{n}")
        same, sure = classes == found, confidence >= SURE * 255
        lost = (~same & sure).sum() / max(sure.sum(), 1)
        return (f"| {name} | {mpx:.1f} | {cpu_s:.1f} s | {device_s:.1f} s | {cpu_s / device_s:.1f} | {same.mean():.4%} | "
                f"{lost:.4%} |")

    def health(self):
        """What the server says of the device it segments on."""
        words = [self.options.binary, "serve", "--store", self.folder / "device0", "--segment", "--device",
                 self.options.device, "--listen", ADDRESS]
        with subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
            try:
                for _ in range(60):
                    time.sleep(0.5)
                    try:
                        with urllib.request.urlopen(f"http://{ADDRESS}/health", timeout=5) as answer:
                            print("/health:", json.dumps(json.load(answer))[:600])
                            return
                    except OSError:
                        if server.poll() is not None:
                            break
                print("serve:", server.stderr.read()[-400:])
            finally:
                server.terminate()


def blocks(store):
    """Classes and confidences of all label blocks, block after block."""
    paths = sorted(path for path in store.rglob("*.tif"))
    assert paths, f"no blocks in {store}"
    layers = [tifffile.imread(path) for path in paths]
    layers = [layer if layer.shape[0] <= 4 else layer.transpose(2, 0, 1) for layer in layers]
    return tuple(np.concatenate([layer[band].ravel() for layer in layers]) for band in (0, 1))


if __name__ == "__main__":
    main()
