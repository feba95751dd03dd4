"""GEOS judges simplified coverages: every polygon valid, no overlap, no gap.

    python3 benches/peers/coverage.py [RASTER.tif ...]

Needs numpy, shapely (GEOS 3.12 or later) and, for rasters, rasterio. Takes seeded random coverages and the first band of
each raster given; label 0 is "none" and lies between the others as what it is.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import shapely


def random_coverages():
    for seed in range(12):
        rng = np.random.default_rng(seed)
        cell, noise = (4, 8, 16, 32)[seed % 4], (0.0, 0.02, 0.2)[seed % 3]
        coarse = rng.random((5, 300 // cell + 2, 300 // cell + 2))
        fine = np.stack([np.kron(c, np.ones((cell, cell)))[:300, :300] for c in coarse])
        for _ in range(cell):
            fine = (fine + np.roll(fine, 1, 1) + np.roll(fine, 1, 2) + np.roll(fine, -1, 1)) / 4
        labels = (fine.argmax(0) + 1).astype(np.uint8)
        speckle = rng.random(labels.shape) < noise
        labels[speckle] = rng.integers(1, 6, speckle.sum())
        yield f"random {seed}", labels


def rasters(paths):
    import rasterio

    for path in paths:
        with rasterio.open(path) as raster:
            yield path, raster.read(1).astype(np.uint8)


def outlines(labels, tolerance_px):
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "labels.npy", pathlib.Path(folder) / "out.geojsonl"
        np.save(source, labels)
        command = ["cargo", "bench", "--quiet", "--bench", "polygonize", "--"]
        files = ["--labels", str(source), "--outlines", str(target)]
        subprocess.run(command + files + ["--tolerance-px", str(tolerance_px)], check=True)
        return shapely.from_geojson(target.read_text().splitlines())


def main():
    failures = 0
    cases = list(random_coverages()) + list(rasters(sys.argv[1:]))
    for name, labels in cases:
        for tolerance_px in [1.0, 1.5, 4.0]:
            # What is "none" becomes a label too, so that gaps show.
            polygons = outlines(labels + 1, tolerance_px)
            invalid = int((~shapely.is_valid(polygons)).sum())
            edges_match = bool(shapely.coverage_is_valid(polygons))
            covered = shapely.area(polygons).sum()
            union = shapely.coverage_union_all(polygons).area
            overlap, gap = covered - union, labels.size - union
            bad = invalid > 0 or not edges_match or abs(overlap) > 1e-6 or abs(gap) > 1e-6
            failures += bad
            vertices = shapely.get_num_coordinates(polygons).sum()
            print(
                f"{name} at {tolerance_px} px: {len(polygons)} polygons, {vertices} vertices, {invalid} invalid, "
                f"coverage {'valid' if edges_match else 'INVALID'}, overlap {overlap:.6f}, gap {gap:.6f} px2"
            )
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
