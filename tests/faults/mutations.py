"""Mutated inputs: whatever a file holds, a command ends with a result or an error, in bounded time and memory."""

import shutil
import tempfile
from multiprocessing import Pool
from pathlib import Path

from inputs import MODELS, Town
from mutate import dice_of, mutated

# Of 100 mutations of a row, as many as stand here are of each input: (name, kind, weight).
PLAN = {
    "mutated TIFF": [("scene", "tiff", 30), ("labels", "tiff", 25), ("block", "tiff", 20), ("dsm", "tiff", 25)],
    "mutated VRT": [("vrt", "text", 100)],
    "mutated JSON": [("store.json", "text", 30), ("area", "text", 25), ("train", "text", 25), ("head", "text", 20)],
    "mutated TOML": [("card", "text", 40), ("scheme", "text", 35), ("config", "text", 25)],
    "mutated ONNX": [("semantic", "onnx", 50), ("deepness", "onnx", 25), ("features", "onnx", 25)],
}


class Bench:
    """A folder of one worker, with a copy of the town, where one file at a time is replaced by a mutated one."""

    def __init__(self, program, town):
        self.program, self.town = program, town
        self.folder = Path(tempfile.mkdtemp(prefix="mutations-", dir=town.folder.parent))
        for name in ["store", "scenes"]:
            shutil.copytree(town.folder / name, self.folder / name)
        self.models = self.folder / "models"
        self.models.mkdir()
        for name in ["context", "dinov2-plain"]:
            for ending in ["toml", "onnx"]:
                shutil.copy(MODELS / f"{name}.{ending}", self.models)
        self.train = ["train", town.scenes, "--model", town.features, "--device", "cpu"]

    def put(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def fresh(self, name):
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return self.folder / name

    def run(self, arguments, **options):
        return self.program.run(arguments, self.folder, **options)

    def segment(self, mosaic, *more):
        return self.run(["segment", mosaic, "--model", self.town.card, "--device", "cpu", "--block-px", 64, "--store",
                         self.fresh("new"), *more])

    def export(self, store):
        ended = self.run(["export", "--store", store, "-o", "out.geojson"])
        (self.folder / "out.geojson").unlink(missing_ok=True)
        return ended

    # What is run with a mutated input of each name.

    def scene(self, data, dice):
        path = self.put("mutated/a.tif", data)
        return self.run(["inspect", path]) if dice.random() < 0.5 else self.segment(path)

    def labels(self, data, _dice):
        return self.run(["vectorize", self.put("mutated/labels.tif", data), "-o", "out.fgb"])

    def block(self, data, _dice):
        whole = self.store_file("labels/r00002c00003.tif", data)
        ended = self.export(self.folder / "store")
        whole()
        return ended

    def dsm(self, data, _dice):
        path = self.put("mutated/dsm.tif", data)
        return self.segment(self.folder / "scenes" / "demo_r0c0.tif", "--dsm", path)

    def vrt(self, data, dice):
        path = self.put("mosaic.vrt", data)
        return self.run(["inspect", path]) if dice.random() < 0.6 else self.segment(path)

    def area(self, data, _dice):
        return self.segment(self.town.scenes, "--on-request", "--aoi", self.put("area.geojson", data))

    def trained(self, data, _dice):
        return self.run([*self.train, "--labels", self.put("labels.geojson", data), "-o", "new.json"])

    def head(self, data, dice):
        path = self.put("head.json", data)
        scene = self.folder / "scenes" / "demo_r1c2.tif"
        if dice.random() < 0.3:
            shutil.copy(self.town.folder / "head.samples", self.folder / "head.samples")
            return self.run(["train", "--remove", self.town.folder / "one.geojson", "-o", path])
        return self.run(["segment", scene, "--model", self.town.features, "--device", "cpu", "--scorer", path, "--store",
                         self.fresh("new")])

    def manifest(self, data, dice):
        whole = self.store_file("store.json", data)
        store = self.folder / "store"
        ended = self.run(["inspect", store]) if dice.random() < 0.4 else self.export(store)
        whole()
        return ended

    def store_file(self, name, data):
        """Replaces a file of the store; returns what puts it back."""
        path = self.folder / "store" / name
        path.write_bytes(data)
        return lambda: path.write_bytes((self.town.store / name).read_bytes())

    def card(self, data, dice):
        path = self.put("models/context.toml", data)
        if dice.random() < 0.5:
            return self.run(["inspect", path, "--device", "cpu"])
        return self.run(["segment", self.folder / "scenes" / "demo_r1c2.tif", "--model", path, "--device", "cpu", "--store",
                         self.fresh("new")])

    def scheme(self, data, dice):
        more = [] if dice.random() < 0.5 else ["--on-request"]
        return self.segment(self.folder / "scenes" / "demo_r1c2.tif", "--scheme", self.put("scheme.toml", data), *more)

    def config(self, data, _dice):
        self.put("maps.toml", data)
        # Only the loopback address, whatever the file says.
        return self.run(["serve", "--config", "maps.toml", "--listen", "127.0.0.1:0"], until="http://")

    def semantic(self, data, dice):
        shutil.copy(MODELS / "context.toml", self.models)
        self.put("models/context.onnx", data)
        return self.with_network(self.models / "context.toml", dice)

    def deepness(self, data, dice):
        return self.with_network(self.put("models/deepness.onnx", data), dice)

    def features(self, data, dice):
        self.put("models/dinov2-plain.onnx", data)
        return self.with_network(self.models / "dinov2-plain.toml", dice)

    def with_network(self, model, dice):
        if dice.random() < 0.5:
            return self.run(["inspect", model, "--device", "cpu"])
        return self.run(["segment", self.folder / "scenes" / "demo_r1c2.tif", "--model", model, "--device", "cpu", "--store",
                         self.fresh("new")])


def valid_inputs(town):
    """The inputs that are mutated, by name."""
    at = {
        "scene": town.scenes / "demo_r1c2.tif", "labels": town.folder / "labels.tif", "dsm": town.folder / "dsm.tif",
        "block": town.store / "labels" / "r00002c00003.tif", "vrt": town.folder / "mosaic.vrt",
        "store.json": town.store / "store.json", "area": town.folder / "area.geojson", "train": town.folder / "some.geojson",
        "head": town.folder / "head.json", "card": town.card, "scheme": town.folder / "scheme.toml",
        "config": town.folder / "maps.toml", "semantic": MODELS / "context.onnx", "deepness": MODELS / "deepness.onnx",
        "features": MODELS / "dinov2-plain.onnx",
    }
    return {name: path.read_bytes() for name, path in at.items()}


# A command that does not end in time gets so many times the time before it counts as a hang.
SLOW = 5

METHODS = {"store.json": "manifest", "train": "trained"}
_bench = None


def _begin(program, town):
    global _bench, _valid
    _bench, _valid = Bench(program, town), valid_inputs(town)


def _try(task):
    seed, name, kind, number = task
    dice = dice_of(seed, name, number)
    data = mutated(_valid[name], kind, dice) if number else _valid[name]
    use = getattr(_bench, METHODS.get(name, name))
    state = dice.getstate()
    ended = use(data, dice)
    if ended.timed_out:
        # A number may have asked for a thousand times the work: slow is no hang if it ends.
        dice.setstate(state)
        _bench.program.limit_s *= SLOW
        ended = use(data, dice)
        _bench.program.limit_s /= SLOW
    if number == 0 and ended.code not in (0, -15):
        ended.faults.append(f"exit code {ended.code} for the valid {name}")
    return name, number, ended, data if ended.faults else b""


def tasks(row, count, seed):
    return [(seed, name, kind, number) for name, kind, weight in PLAN[row] for number in range(max(1, count * weight // 100))]


def run(row, program, town: Town, count, seed, workers, failures):
    """Runs the mutations of a row. Files that did harm are kept in `failures`."""
    bad, worst_s, worst_mb, tried, endings = [], 0.0, 0.0, 0, {}
    with Pool(workers, _begin, (program, town)) as pool:
        for name, number, ended, data in pool.imap_unordered(_try, tasks(row, count, seed), chunksize=4):
            tried += 1
            worst_s, worst_mb = max(worst_s, ended.seconds), max(worst_mb, ended.peak_mb)
            endings[ended.code] = endings.get(ended.code, 0) + 1
            if ended.faults:
                kept = Path(failures) / f"{name}-{seed}-{number}"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(data)
                bad.append({"input": name, "number": number, "faults": ended.faults, "command": ended.command,
                            "stderr": ended.err[-600:], "file": str(kept)})
    return {"tried": tried, "bad": bad, "longest_s": round(worst_s, 2), "most_mb": round(worst_mb), "exit_codes": endings}
