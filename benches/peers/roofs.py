"""Objects found with and without `--split-roofs`, against true buildings, in one place or in several together.

    cargo build --release
    python3 benches/peers/roofs.py --place STORE TRUTH.geojson [AREA.geojson] [--place …] [--split 0.03 0.06 0.12]

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
    parser.add_argument("--place", nargs="+", action="append", required=True, metavar=("STORE TRUTH", "AREA"))
    parser.add_argument("--split", type=float, nargs="*", default=[0.03, 0.06, 0.12])
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/orthotile")
    options = parser.parse_args()
    places = [Place(*place) for place in options.place]
    for split in [0.0, *options.split]:
        counts = np.array([place.counts(options.binary, split) for place in places])
        for place, row in zip(places, counts):
            tell(split, place.name, row)
        if len(places) > 1:
            tell(split, "together", counts.sum(0))


class Place:
    """What is there, in metres, and the store that should show it."""

    def __init__(self, store, truth, area=None):
        self.store, self.name = store, pathlib.Path(store).name
        truth = read(truth)
        area = shapely.union_all(read(area)) if area else shapely.box(*shapely.total_bounds(truth))
        self.latitude = area.centroid.y
        self.area = in_metres(area, self.latitude)
        self.truth = within(in_metres(truth, self.latitude), self.area)

    def counts(self, binary, split):
        """True, found and matched buildings, and the square metres that two outlines cover."""
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "buildings.geojson"
            command = [binary, "export", "--store", self.store, "-o", out, "--class", "building"]
            subprocess.run([*command, "--split-roofs", str(split)], check=True, capture_output=True)
            found = in_metres(read(out), self.latitude)
        found = within(found, self.area)
        a, b = shapely.STRtree(found).query(found, predicate="overlaps")
        overlap_m2 = shapely.area(shapely.intersection(found[a], found[b])).sum() / 2
        return len(self.truth), len(found), matched(self.truth, found), overlap_m2


def tell(split, place, counts):
    true, found, pairs, overlap_m2 = counts
    precision, recall = pairs / max(found, 1), pairs / max(true, 1)
    print(
        f"split at {split:4} {place:12} {true:.0f} true, {found:.0f} found, {pairs:.0f} matched: precision {precision:.3f}, "
        f"recall {recall:.3f}, F1 {2 * pairs / max(found + true, 1):.3f}; {overlap_m2:.2f} m2 covered twice",
        flush=True,
    )


if __name__ == "__main__":
    main()
