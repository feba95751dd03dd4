"""Regularization beside buildingregulariser (PyPI) on the same outlines, in one run.

    python3 -m venv VENV && VENV/bin/pip install buildingregulariser
    VENV/bin/python benches/peers/regularize.py [--perth stairstep_buildings.gpkg]

It builds nothing but `cargo bench --bench regularize`, which makes the synthetic set from its seed and measures
orthotile; the set goes through GeoJSON to the peer. IoU, PoLiS and Hausdorff are to the truth on the synthetic set, and
to the raw outline on the set without truth. CPU-seconds are those of all processes.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import tempfile
import time

import geopandas
import numpy
import shapely
from buildingregulariser import regularize_geodataframe

ROOT = pathlib.Path(__file__).resolve().parents[2]


def orthotile(*arguments):
    command = ["cargo", "bench", "--quiet", "--bench", "regularize", "--", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=True, text=True, capture_output=True).stdout.splitlines()


def read(path):
    features = json.loads(path.read_text())["features"]
    return numpy.array([shapely.geometry.shape(f["geometry"]) for f in features])


def write(path, polygons):
    features = [{"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(p)} for p in polygons]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def cpu_seconds():
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def peer(raw, pixel_m):
    """Its README advises a tolerance of two to three pixels."""
    frame = geopandas.GeoDataFrame({"number": range(len(raw))}, geometry=raw, crs="EPSG:32632")
    wall, cpu = time.perf_counter(), cpu_seconds()
    made = regularize_geodataframe(frame, simplify_tolerance=3 * pixel_m, parallel_threshold=3 * pixel_m, num_cores=2)
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    made = made.set_index("number").geometry.reindex(range(len(raw)))
    print(f"buildingregulariser: {len(raw) / wall:.0f} footprints/s ({cpu / len(raw) * 1e6:.0f} CPU-us each)")
    return numpy.array([g if g is not None else shapely.Polygon() for g in made])


def polis(a, b):
    def one_way(source, target):
        corners = shapely.points(shapely.get_coordinates(source.exterior)[:-1])
        return shapely.distance(corners, target.exterior).mean() / 2

    parts = [p for p in (a, b) if p.geom_type == "Polygon" and not p.is_empty]
    return one_way(a, b) + one_way(b, a) if len(parts) == 2 else numpy.nan


def report(name, polygons, reference):
    common = shapely.area(shapely.intersection(polygons, reference))
    iou = common / (shapely.area(polygons) + shapely.area(reference) - common)
    tree = shapely.STRtree(polygons)
    left, right = tree.query(polygons, predicate="intersects")
    pairs = left < right
    overlap = shapely.area(shapely.intersection(polygons[left[pairs]], polygons[right[pairs]])).sum()
    closing = 1 + shapely.get_num_interior_rings(polygons)
    print(
        f"{name:22} IoU {iou.mean():.4f}  PoLiS {numpy.nanmean([polis(a, b) for a, b in zip(polygons, reference)]):.3f} m"
        f"  Hausdorff {shapely.hausdorff_distance(polygons, reference, densify=0.1).mean():.3f} m"
        f"  vertices {(shapely.get_num_coordinates(polygons) - closing).mean():.2f}"
        f"  invalid {(~shapely.is_valid(polygons)).sum()}  overlap {overlap:.2f} m2"
    )


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--perth", type=pathlib.Path, default=ROOT / "../shared/data/regularize-perth/stairstep_buildings.gpkg")
    perth = options.parse_args().perth
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        print("synthetic, truth known, 0.3 m pixels")
        print("orthotile:", orthotile("--export", folder)[0])
        raw, truth, ours = (read(folder / f"{name}.geojson") for name in ("raw", "truth", "ours"))
        theirs = peer(raw, 0.3)
        for name, polygons in (("raw outline", raw), ("orthotile", ours), ("buildingregulariser", theirs)):
            report(name, polygons, truth)
        if not perth.exists():
            print(f"skipped: no {perth}")
            return
        print("perth, 1 m pixels, against the raw outline")
        raw = geopandas.read_file(perth).geometry.to_numpy()
        write(folder / "perth.geojson", raw)
        print("orthotile:", orthotile("--input", folder / "perth.geojson", "--output", folder / "made.geojson", "--pixel-m", 1)[0])
        theirs = peer(raw, 1.0)
        for name, polygons in (("raw outline", raw), ("orthotile", read(folder / "made.geojson")), ("buildingregulariser", theirs)):
            report(name, polygons, raw)


if __name__ == "__main__":
    main()
