"""Objects found with and without `--split-roofs`, against true buildings, from one store.

    cargo build --release
    python3 benches/peers/roofs.py STORE TRUTH.geojson [--area AREA.geojson] [--split 0.03 0.06 0.12]

Needs numpy and shapely. STORE comes from `orthotile segment`, TRUTH holds polygons in longitude and latitude, AREA the
places where the truth is complete. Both sides are cut to the area; what is smaller than 10 m2 there is left out. A building
is found where one outline shares more than half of their union with it. Choose the value on one area, report another.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import shapely

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST_M2 = 10.0
METRES_PER_DEGREE = 111_320.0


def read(path):
    features = json.loads(pathlib.Path(path).read_text())["features"]
    # Where classes are told, buildings alone.
    features = [f for f in features if (f.get("properties") or {}).get("class", "building") == "building"]
    shapes = shapely.from_geojson([json.dumps(f["geometry"]) for f in features])
    return shapely.make_valid(shapes[np.isin(shapely.get_type_id(shapes), [3, 6])])


def in_metres(shapes, latitude):
    scale = np.array([METRES_PER_DEGREE * np.cos(np.radians(latitude)), METRES_PER_DEGREE])
    return shapely.transform(shapes, lambda lon_lat: lon_lat * scale)


def within(shapes, area):
    cut = shapely.intersection(shapes, area)
    return cut[shapely.area(cut) >= LEAST_M2]


def matched(truth, found):
    """How many pairs share more than half of their union; each outline counts once."""
    t, f = shapely.STRtree(found).query(truth, predicate="intersects")
    common = shapely.area(shapely.intersection(truth[t], found[f]))
    iou = common / (shapely.area(truth[t]) + shapely.area(found[f]) - common)
    pairs, taken = 0, (set(), set())
    for i in np.argsort(-iou):
        if iou[i] > 0.5 and t[i] not in taken[0] and f[i] not in taken[1]:
            taken[0].add(t[i])
            taken[1].add(f[i])
            pairs += 1
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("truth")
    parser.add_argument("--area")
    parser.add_argument("--split", type=float, nargs="*", default=[0.03, 0.06, 0.12])
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/orthotile")
    options = parser.parse_args()
    truth = read(options.truth)
    area = shapely.union_all(read(options.area)) if options.area else shapely.box(*shapely.total_bounds(truth))
    latitude = area.centroid.y
    truth, area = in_metres(truth, latitude), in_metres(area, latitude)
    truth = within(truth, area)
    for split in [None, *options.split]:
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "buildings.geojson"
            command = [options.binary, "export", "--store", options.store, "-o", out, "--class", "building"]
            command += [] if split is None else ["--split-roofs", str(split)]
            subprocess.run(command, check=True, capture_output=True)
            found = in_metres(read(out), latitude)
        found = within(found, area)
        tree = shapely.STRtree(found)
        a, b = tree.query(found, predicate="overlaps")
        overlap_m2 = shapely.area(shapely.intersection(found[a], found[b])).sum() / 2
        pairs = matched(truth, found)
        precision, recall = pairs / max(len(found), 1), pairs / max(len(truth), 1)
        f1 = 2 * pairs / max(len(found) + len(truth), 1)
        name = "whole regions" if split is None else f"split at {split}"
        print(
            f"{name:16} {len(truth)} true, {len(found)} found, {pairs} matched: precision {precision:.3f}, "
            f"recall {recall:.3f}, F1 {f1:.3f}; {overlap_m2:.2f} m2 covered twice"
        )


if __name__ == "__main__":
    main()
