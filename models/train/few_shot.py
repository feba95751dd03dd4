#!/usr/bin/env python3
"""Scores clusters and few-shot heads on features of the city network: the table of docs/models.md.

    python models/export/city_features.py --model models/city --out /tmp/city-features
    python models/train/few_shot.py --orthotile target/release/orthotile --data ../shared/data \
        --features /tmp/city-features --city models/city --work /tmp/few-shot --out /tmp/few-shot/scores.json

With --masks (a model of `promptable.py`) also what the hybrid brings.

Tiles 3 and 1 of Dubai lie side by side in one mosaic. Whatever is told comes from tile 3: classes of clusters by majority,
polygons of labels, drawn three times. Scored is tile 1 without the corner that tile 3 may show as well. The encoder was
trained on tiles 4 to 8, with labels, so these are figures of transfer to a new tile, not of features that no label made.
"""

import argparse
import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import rasterio
from rasterio.features import shapes
from rasterio.transform import from_origin
from rasterio.warp import transform_geom
from scipy import ndimage

from classes import NAMES
from metrics import class_iou, confusion, single_class
from pictures import COLOURS
from places import SPLITS, dubai_part, dubai_tile

CRS, CORNER = "EPSG:32640", (320_000.0, 2_790_000.0)
GAP_PX = 512
DRAWS = 3
STYLE = tomllib.loads((Path(__file__).parents[2] / "styles/city.toml").read_text())
FIVE = {"building": 0, "road": 1, "vegetation": 2, "tree": 2, "grass": 2, "water": 3, "bare_land": 4}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, text in [("orthotile", "the program"), ("data", "the data folder"), ("features", "a features model"),
                       ("city", "the city network"), ("work", "a folder outside the repository"), ("out", "JSON")]:
        parser.add_argument(f"--{name}", type=Path, required=True, help=text)
    parser.add_argument("--masks", type=Path, help="a model of family sam that goes with both networks: rows of the hybrid")
    run = Run(parser.parse_args())
    masks = ["--masks", run.masks]
    rows = {"the city network itself": [run.segment("city", ["--model", run.city])]}
    if run.masks:
        rows["the city network, outlines by masks"] = [run.segment("city, masks", ["--model", run.city, *masks])]
    for k in (12,):
        rows |= run.clusters(k)
        print(table(rows), flush=True)
    heads = [("20 polygons, ridge", 4, []), ("20 polygons, ridge, guided filter of 8 px", 4, ["--guided", "8"]),
             ("20 polygons, logistic", 4, ["--refine", "logistic"]), ("20 polygons, hidden layer", 4, ["--refine", "mlp"]),
             ("100 polygons, ridge", 20, []), ("100 polygons, logistic", 20, ["--refine", "logistic"]),
             ("100 polygons, hidden layer", 20, ["--refine", "mlp"])]
    for name, per_class, options in heads:
        rows[name] = [run.head(name, per_class, draw, options) for draw in range(DRAWS)]
        if run.masks and name.endswith("ridge"):
            again = f"{name}, outlines by masks"
            rows[again] = [run.head(again, per_class, draw, options, masks) for draw in range(DRAWS)]
        print(table(rows), flush=True)
    run.out.write_text(json.dumps({name: [r.tolist() for r in found] for name, found in rows.items()}, indent=1))
    print(table(rows))


class Run:
    def __init__(self, arguments):
        self.__dict__ |= vars(arguments)
        self.work.mkdir(parents=True, exist_ok=True)
        self.scenes = self.work / "scenes"
        self.scenes.mkdir(exist_ok=True)
        (tile3,), (tile1,) = SPLITS["dubai"]["calibrate"], SPLITS["dubai"]["test"]
        self.told, self.scored = dubai_tile(self.data, tile3), dubai_tile(self.data, tile1)
        self.left = self.told.image.shape[1] + GAP_PX
        self.write(self.told.image, 0, "tile3")
        self.write(self.scored.image, self.left, "tile1")
        self.truth = single_class(self.scored.label)
        height, width = (min(dubai_part(self.data, tile1, p).image.shape[i] for p in range(1, 10)) for i in (0, 1))
        for part in set(range(1, 10)) - set(SPLITS["dubai"]["test_parts"]):
            row, col = divmod(part - 1, 3)
            self.truth[row * height:(row + 1) * height, col * width:(col + 1) * width] = -1

    def write(self, image, left, name):
        transform = from_origin(CORNER[0] + left, CORNER[1], 1.0, 1.0)
        with rasterio.open(self.scenes / f"{name}.tif", "w", driver="GTiff", count=3, dtype="uint8", crs=CRS,
                           width=image.shape[1], height=image.shape[0], transform=transform) as file:
            file.write(image.transpose(2, 0, 1))

    def call(self, command, *options):
        words = [str(self.orthotile.absolute()), command, *map(str, options)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def labels(self, name, options, scheme=None):
        """The label map of a store, made by the given models and scorers: of tile 3 and of tile 1."""
        store = self.work / "stores" / name.replace(" ", "-").replace(",", "")
        shutil.rmtree(store, ignore_errors=True)
        if scheme:
            options = [*options, "--scheme", scheme]
        self.call("segment", self.scenes, *options, "--store", store, "--feature-cache", self.work / "kept", "--no-summary")
        self.call("export", "--store", store, "-o", store / "labels.tif")
        with rasterio.open(store / "labels.tif") as file:
            codes = file.read(1)
        tile1 = codes[:self.scored.image.shape[0], self.left:self.left + self.scored.image.shape[1]]
        return codes[:self.told.image.shape[0], :self.told.image.shape[1]], tile1

    def segment(self, name, options):
        codes = self.labels(name, options)[1]
        return self.ious(codes, {c["code"]: FIVE.get(c["name"]) for c in STYLE["classes"]}, name)

    def ious(self, codes, five_of, name):
        """IoU of the five classes; what is called something else is wrong."""
        found = np.full(codes.shape, len(NAMES), np.int64)
        for code, five in five_of.items():
            if five is not None:
                found[codes == code] = five
        self.picture(found, name)
        known = self.truth >= 0
        right = confusion(np.where(found < len(NAMES), self.truth, -1), np.minimum(found, len(NAMES) - 1))
        lost = np.bincount(self.truth[known & (found == len(NAMES))], minlength=len(NAMES))
        hit = np.diag(right)
        return hit / (right.sum(0) + right.sum(1) + lost - hit)

    def picture(self, found, name):
        colours = np.concatenate([COLOURS, np.zeros((1, 3), np.uint8)])
        path = self.work / "pictures" / f"{name.replace(' ', '-').replace(',', '')}.png"
        path.parent.mkdir(exist_ok=True)
        with rasterio.open(path, "w", driver="PNG", count=3, dtype="uint8", width=found.shape[1],
                           height=found.shape[0]) as file:
            file.write(colours[found].transpose(2, 0, 1))

    def clusters(self, k):
        store = self.work / f"clusters{k}"
        shutil.rmtree(store, ignore_errors=True)
        self.call("clusters", self.scenes, "--model", self.features, "--store", store, "-k", k,
                  "--feature-cache", self.work / "kept")
        scorer = store / "clusters.json"
        use = ["--model", self.features, "--scorer", scorer]
        suggested = self.segment(f"{k} clusters, as suggested", use)
        # Each cluster a class of its own, to see which pixels it takes.
        scheme = self.work / "scheme.toml"
        classes = "".join(f'[[classes]]\ncode = {n}\nname = "c{n}"\ntitle = "c{n}"\ncolour = "#000000"\nkind = "object"\n'
                          for n in range(1, k + 1))
        scheme.write_text(f'name = "clusters"\n{classes}')
        own = ",".join(f"{n}=c{n}" for n in range(1, k + 1))
        self.call("clusters", "--store", store, "--scheme", scheme, "--assign", own)
        told, _ = self.labels(f"{k} clusters apart", use, scheme)
        truth = single_class(self.told.label)
        table = []
        for n in range(1, k + 1):
            counts = np.bincount(truth[(told == n) & (truth >= 0)], minlength=len(NAMES))
            table.append(f"{n}={NAMES[int(counts.argmax())]}")
        self.call("clusters", "--store", store, "--assign", ",".join(table))
        print(k, "clusters:", ", ".join(table))
        assigned = self.segment(f"{k} clusters, assigned on tile 3", use)
        return {f"{k} clusters, as suggested": [suggested], f"{k} clusters, assigned on tile 3": [assigned]}

    def head(self, name, per_class, draw, options, way=()):
        labels, scorer = self.work / f"labels{per_class}-{draw}.geojson", self.work / "head.json"
        labels.write_text(json.dumps({"type": "FeatureCollection", "features": self.drawn(per_class, draw)}))
        self.call("train", self.scenes, "--model", self.features, "--labels", labels, "-o", scorer,
                  "--feature-cache", self.work / "kept", *options)
        return self.segment(f"{name}, draw {draw}", ["--model", self.features, "--scorer", scorer, *way])

    def drawn(self, per_class, draw):
        """Pieces of what is there, as a person would outline them: at most 100 m wide, a little inside the border."""
        dice, features = np.random.default_rng(draw), []
        truth = single_class(self.told.label)
        for n, name in enumerate(NAMES):
            inner = ndimage.binary_erosion(truth == n, iterations=2)
            places = np.argwhere(inner)
            free, found = np.ones(inner.shape, bool), 0
            for row, col in places[dice.permutation(len(places))]:
                if found == per_class:
                    break
                if not free[row, col]:
                    continue
                window = np.s_[max(row - 50, 0):row + 50, max(col - 50, 0):col + 50]
                pieces, _ = ndimage.label(inner[window])
                piece = pieces == pieces[min(row, 50), min(col, 50)]
                if piece.sum() < 60:
                    continue
                free[max(row - 100, 0):row + 100, max(col - 100, 0):col + 100] = False
                transform = from_origin(CORNER[0] + window[1].start, CORNER[1] - window[0].start, 1.0, 1.0)
                outline = max((s for s, _ in shapes(piece.astype(np.uint8), piece, transform=transform)),
                              key=lambda s: len(s["coordinates"][0]))
                features.append({"type": "Feature", "properties": {"class": name},
                                 "geometry": transform_geom(CRS, "EPSG:4326", outline, precision=9)})
                found += 1
        return features


def table(rows):
    lines = ["| | mIoU | " + " | ".join(NAMES) + " |", "|---" * 7 + "|"]
    for name, found in rows.items():
        ious = np.array(found)
        means = ious.mean(1)
        spread = f" ({means.min():.2f} to {means.max():.2f})" if len(found) > 1 else ""
        classes = " | ".join(f"{iou:.2f}" for iou in ious.mean(0))
        lines.append(f"| {name} | {means.mean():.2f}{spread} | {classes} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
