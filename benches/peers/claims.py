#!/usr/bin/env python3
"""Holds what `orthotile train` claims of a head against a full truth: every building of a place, digitized by others.

    python3 models/export/city_features.py --model models/city --out /tmp/city-features
    python3 benches/peers/claims.py --orthotile target/release/orthotile --data ../shared/data --model /tmp/city-features

Draws polygons as a user would: some buildings of OpenStreetMap, and squares of ground without one. Trains a head, segments the
labelled area with it, and compares the IoU that `train` printed with that of the exported label map. Needs rasterio, shapely.
"""

import argparse
import json
import random
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.features import rasterize
from rasterio.warp import transform_geom
from shapely.geometry import Point, box, mapping, shape
from shapely.ops import unary_union
from shapely.strtree import STRtree

PLACES = {"banepa": ("ortho-banepa", "banepa_*.tif"), "zanzibar": ("ortho-zanzibar", "zanzibar_a_*.tif")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orthotile", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="a model of family features")
    parser.add_argument("--place", action="append", choices=PLACES)
    parser.add_argument("--buildings", type=int, default=10)
    parser.add_argument("--grounds", type=int, default=10)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--refine", default="none")
    arguments = parser.parse_args()
    print(f"{'place':<10}{'draw':>5}{'claimed':>16}{'truth':>8}{'difference':>12}")
    worst = 0.0
    for place in arguments.place or PLACES:
        for draw in range(arguments.draws):
            claimed, error, truth = one(arguments, place, draw)
            worst = max(worst, abs(claimed - truth))
            print(f"{place:<10}{draw:>5}{claimed:>9.2f} ± {error:.2f}{truth:>8.2f}{claimed - truth:>+12.2f}", flush=True)
    print(f"largest difference {worst:.2f}")


def one(arguments, place, draw):
    folder, names = PLACES[place]
    data = arguments.data / folder
    scenes = sorted((data / "scenes").glob(names))
    bounds = unary_union([box(*rasterio.open(scene).bounds) for scene in scenes])
    metric = lambda path: [transform_geom("EPSG:4326", "EPSG:3857", f["geometry"])  # noqa: E731
                           for f in json.loads(path.read_text())["features"]]
    area = unary_union([shape(g) for g in metric(data / "labelled_area.geojson")]).intersection(bounds)
    buildings = [b for b in map(shape, metric(data / "buildings.geojson")) if b.intersects(area)]
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        labels = drawn(buildings, area, arguments, random.Random(draw))
        write(work / "labels.geojson", labels)
        write(work / "area.geojson", [(area, "building")])
        run = lambda *words: subprocess.run(  # noqa: E731
            [arguments.orthotile.resolve(), *map(str, words)], check=True, capture_output=True, text=True).stdout
        head, store = work / "head.json", work / "store"
        model = ["--model", arguments.model, "--device", "cpu"]
        printed = run("train", *scenes, *model, "--labels", work / "labels.geojson", "-o", head, "--refine", arguments.refine)
        run("segment", *scenes, *model, "--scorer", head, "--store", store, "--aoi", work / "area.geojson", "--no-summary",
            "--feature-cache-mib", 0)
        run("export", "--store", store, "-o", work / "labels.tif")
        claimed, error = re.search(r"^building .* (\d+) %(?: ± (\d+))?$", printed, re.MULTILINE).groups()
        return int(claimed) / 100, int(error or 0) / 100, iou(work / "labels.tif", buildings, area)


def drawn(buildings, area, arguments, dice):
    """Buildings of 14 m² and more (map units are longer than metres, so a little less), and squares of 8 m without one."""
    whole = [b for b in buildings if b.within(area) and b.area > 16]
    labels = [(b, "building") for b in dice.sample(whole, arguments.buildings)]
    tree, (west, south, east, north) = STRtree(buildings), area.bounds
    while len(labels) < arguments.buildings + arguments.grounds:
        at = Point(dice.uniform(west, east), dice.uniform(south, north))
        square = box(at.x - 4.5, at.y - 4.5, at.x + 4.5, at.y + 4.5)
        if square.within(area) and not any(buildings[i].distance(square) < 0.5 for i in tree.query(square.buffer(1))):
            labels.append((square, "bare_land"))
    return labels


def write(path, labels):
    feature = lambda geometry, name: {  # noqa: E731
        "type": "Feature", "properties": {"class": name},
        "geometry": transform_geom("EPSG:3857", "EPSG:4326", mapping(geometry))}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature(g, name) for g, name in labels]}))


def iou(path, buildings, area):
    with rasterio.open(path) as raster:
        found, transform = raster.read(1), raster.transform
    burn = lambda shapes: rasterize(shapes, out_shape=found.shape, transform=transform, dtype="uint8") > 0  # noqa: E731
    truth, inside = burn(buildings), burn([area]) & (found > 0)
    both = (truth & (found == 1) & inside).sum()
    return float(both / ((truth | (found == 1)) & inside).sum())


if __name__ == "__main__":
    main()
