"""GEOS judges what `orthotile vectorize` writes: smoothed coverages, coverages cut into pieces, and random towns.

    cargo build --release && python3 benches/peers/smooth_coverage.py [--cases 12]

Needs numpy, scipy, rasterio, pyogrio and shapely (GEOS 3.12 or later). Everything comes from a seed. Coverages: every
polygon valid, borders matched edge by edge, nothing covered twice, nothing left open; of pieces, the same but for the edges.
Towns, with right angles, roofs told apart and bridged roads: every polygon valid, and no building covers a part of another
or of a road. Ends with 1 where something fails.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import rasterio
import shapely
from pyogrio.raw import read
from scipy import ndimage

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIXEL_M = 0.3
LAND = 5


def coverage(seed):
    """Five natural classes, blobs of some size with speckle."""
    rng = np.random.default_rng(seed)
    size = (2, 4, 8)[seed % 3]
    fields = [ndimage.gaussian_filter(rng.standard_normal((300, 300)), size) for _ in range(5)]
    labels = (np.argmax(fields, 0) + 3).astype(np.uint8)
    speckle = rng.random(labels.shape) < (0, 0.01, 0.1)[seed // 3 % 3]
    labels[speckle] = rng.integers(3, 8, speckle.sum())
    return labels


def town(seed):
    """Rows of turned houses, some touching, along streets with gaps, with ragged edges."""
    rng = np.random.default_rng(1000 + seed)
    rows, cols = np.mgrid[:400, :400] - 200.0
    turn = rng.uniform(0, np.pi)
    u, v = cols * np.cos(turn) + rows * np.sin(turn), rows * np.cos(turn) - cols * np.sin(turn)
    # Edges wave by a pixel or two, as a model draws them; no specks.
    u, v = (w + 8 * ndimage.gaussian_filter(rng.standard_normal(w.shape), 2.5) for w in (u, v))
    labels = np.full(u.shape, LAND, np.uint8)
    for street in range(-280, 281, 80):
        at = -280.0
        while at < 280:
            wide, deep, back = rng.uniform(18, 50), rng.uniform(18, 34), rng.uniform(0, 10)
            for side in (-1, 1):
                w = side * (v - street)
                labels[(u > at) & (u < at + wide) & (w > 12 + back) & (w < 12 + back + deep)] = 1
            at += wide + rng.choice([-4, 0, 2, 12])
        gap = rng.uniform(-150, 150)
        road = (abs(v - street) < 11) & ~((u > gap) & (u < gap + rng.uniform(8, 30)))
        labels[road] = 2
    return labels


def vectorized(labels, binary, *options):
    with tempfile.TemporaryDirectory() as folder:
        source, target = (pathlib.Path(folder) / name for name in ("labels.tif", "out.fgb"))
        layout = {"driver": "GTiff", "height": labels.shape[0], "width": labels.shape[1], "count": 1, "dtype": "uint8"}
        place = {"crs": "EPSG:32645", "transform": rasterio.transform.from_origin(7e5, 3.06e6, PIXEL_M, PIXEL_M)}
        with rasterio.open(source, "w", nodata=0, **layout, **place) as out:
            out.write(labels, 1)
        subprocess.run([binary, "vectorize", source, "-o", target, *options], check=True, capture_output=True)
        meta, _, geometry, fields = read(target)
        return shapely.from_wkb(geometry), dict(zip(meta["fields"], fields))


def check_coverage(name, polygons, area_m2, pieces):
    invalid = int((~shapely.is_valid(polygons)).sum())
    # Pieces have vertices on their cuts that neighbours lack.
    matched = pieces or bool(shapely.coverage_is_valid(polygons))
    union_m2 = shapely.union_all(polygons).area
    overlap, gap = shapely.area(polygons).sum() - union_m2, area_m2 - union_m2
    good = invalid == 0 and matched and abs(overlap) < 1e-5 and abs(gap) < 1e-5
    print(
        f"{name}: {len(polygons)} polygons, {shapely.get_num_coordinates(polygons).sum()} vertices, {invalid} invalid, "
        f"edges {'matched' if matched else 'NOT MATCHED'}, overlap {overlap:.7f}, gap {gap:.7f} m2"
    )
    return good


def check_town(name, polygons, fields):
    building, road = polygons[fields["class"] == "1"], polygons[fields["class"] == "2"]
    invalid = int((~shapely.is_valid(polygons)).sum())
    a, b = shapely.STRtree(building).query(building, predicate="intersects")
    a, b = a[a < b], b[a < b]
    twice = shapely.area(shapely.intersection(building[a], building[b])).sum()
    c, d = shapely.STRtree(road).query(building, predicate="intersects")
    on_roads = shapely.area(shapely.intersection(building[c], road[d])).sum()
    regular = np.isin(fields["outline"][fields["class"] == "1"], ["regularized", "round"]).sum()
    print(
        f"{name}: {len(building)} buildings, {regular} regular, {len(road)} roads, {invalid} invalid, "
        f"{twice:.5f} m2 of buildings covered twice, {on_roads:.5f} m2 of roads covered"
    )
    return invalid == 0 and regular > 10 and twice < 0.01 and on_roads < 0.01


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=12)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/orthotile")
    options = parser.parse_args()
    good = True
    for seed in range(options.cases):
        labels = coverage(seed)
        area_m2 = labels.size * PIXEL_M**2
        for how in (["--smooth", "1"], ["--smooth", "3"], ["--smooth", "2", "--max-vertices", "64"]):
            polygons, _ = vectorized(labels, options.binary, *how)
            good &= check_coverage(f"coverage {seed} {' '.join(how)}", polygons, area_m2, len(how) > 2)
        for how in ([], ["--split-roofs", "0.06", "--bridge-roads"]):
            found = vectorized(town(seed), options.binary, "--buildings", "1", "--roads", "2", *how)
            good &= check_town(f"town {seed} {' '.join(how)}", *found)
    sys.exit(not good)


if __name__ == "__main__":
    main()
