"""Our tracer against rasterio.features.shapes (GDAL) on the same seeded rasters, in one run.

    python3 benches/peers/polygonize.py [--side 8192] [--dir DIR]

Needs numpy and rasterio. Prints CPU-seconds of both and their ratio, and checks that both found the same polygons: as
many, and each with the same label, first pixel and area. The peer gives polygons without topology; ours come with arcs, first pixels and pixel counts.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import rasterio
import rasterio.features


def peer(labels):
    start = time.process_time()
    count = sum(1 for _ in rasterio.features.shapes(labels, connectivity=4))
    return count, time.process_time() - start


def regions(labels):
    """Label, first row, first column and pixels of each polygon of the peer."""
    for geometry, label in rasterio.features.shapes(labels, connectivity=4):
        rings = [np.asarray(ring, dtype=np.int64) for ring in geometry["coordinates"]]
        areas = [abs(np.sum(r[:-1, 0] * r[1:, 1] - r[1:, 0] * r[:-1, 1])) // 2 for r in rings]
        row = rings[0][:, 1].min()
        col = rings[0][rings[0][:, 1] == row, 0].min()
        yield int(label), int(row), int(col), int(areas[0] - sum(areas[1:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=8192)
    parser.add_argument("--dir", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = arguments.dir or pathlib.Path(tempfile.mkdtemp())
    command = ["cargo", "bench", "--quiet", "--bench", "polygonize", "--"]
    subprocess.run(command + ["--side", str(arguments.side), "--export", str(folder)], check=True)
    print(f"rasterio {rasterio.__version__}, GDAL {rasterio.__gdal_version__}")
    for name in ["smooth", "speckled"]:
        labels = np.load(folder / f"{name}.npy")
        ours = json.loads((folder / f"{name}.json").read_text())
        count, seconds = peer(labels)
        assert count == ours["regions"], f"{name}: {count} polygons of the peer, {ours['regions']} of ours"
        lines = (folder / f"{name}.csv").read_text().split()
        assert sorted(regions(labels)) == sorted(tuple(map(int, line.split(","))) for line in lines), name
        mpx = labels.size / 1e6
        print(
            f"{name}: {count} polygons; rasterio {seconds:.2f} CPU-s ({mpx / seconds:.1f} Mpx/s), "
            f"ours {ours['cpu_s']:.2f} ({mpx / ours['cpu_s']:.1f} Mpx/s): {seconds / ours['cpu_s']:.1f} times faster; "
            f"with simplification {ours['simplified_cpu_s']:.2f}: {seconds / ours['simplified_cpu_s']:.1f} times"
        )


if __name__ == "__main__":
    main()
