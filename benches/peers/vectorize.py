"""`orthotile vectorize` beside gdal_polygonize, both from a GeoTIFF to FlatGeobuf, in one run.

    cargo build --release && python3 benches/peers/vectorize.py [--side 8192] [--binary target/release/orthotile]

Needs numpy, scipy, rasterio, and gdal_polygonize.py on the path. The raster has five classes, smooth and with speckle,
and comes from a seed. Prints CPU-seconds and peak memory of each process, and their ratio; checks that exact outlines of
both are as many. The peer knows no simplification: ours is also given with it, which is its default.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def raster(path, side, noise):
    """Runs in a process of its own: what a parent holds counts as the peak of its children."""
    import numpy as np
    import rasterio
    from scipy import ndimage

    rng = np.random.default_rng(7)
    best, labels = np.full((side, side), -np.inf, np.float32), np.zeros((side, side), np.uint8)
    for label in range(1, 6):
        coarse = rng.standard_normal((side // 24 + 3, side // 24 + 3)).astype(np.float32)
        fine = ndimage.zoom(coarse, 24, order=1)[:side, :side]
        labels[fine > best] = label
        np.maximum(best, fine, out=best)
    speckle = rng.random(labels.shape, dtype=np.float32) < noise
    labels[speckle] = rng.integers(1, 6, int(speckle.sum()))
    transform = rasterio.transform.from_origin(700_000, 3_060_000, 0.3, 0.3)
    layout = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "uint8", "nodata": 0}
    with rasterio.open(path, "w", crs="EPSG:32645", transform=transform, tiled=True, compress="deflate", **layout) as out:
        out.write(labels, 1)


def run(*command):
    """CPU-seconds and peak MiB of a process."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, use = os.wait4(process.pid, 0)
    assert status == 0, command
    return use.ru_utime + use.ru_stime, use.ru_maxrss / 1024


def count(path):
    text = subprocess.run(["ogrinfo", "-so", "-al", str(path)], check=True, capture_output=True, text=True).stdout
    return int(next(line for line in text.splitlines() if line.startswith("Feature Count")).split(":")[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=8192)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/orthotile")
    parser.add_argument("--make", nargs=2, metavar=("PATH", "NOISE"), help="only write a raster")
    options = parser.parse_args()
    if options.make:
        return raster(options.make[0], options.side, float(options.make[1]))
    for name, noise in (("smooth", 0.0), ("speckled", 0.002)):
        with tempfile.TemporaryDirectory() as folder:
            source, folder = pathlib.Path(folder) / "labels.tif", pathlib.Path(folder)
            make = [__file__, "--side", str(options.side), "--make", str(source), str(noise)]
            subprocess.run([sys.executable, *make], check=True)
            theirs, exact, simple = (folder / f"{part}.fgb" for part in ("theirs", "exact", "simple"))
            peer = run("gdal_polygonize.py", "-q", "-f", "FlatGeobuf", source, theirs)
            ours = run(options.binary, "vectorize", source, "-o", exact, "--tolerance-m", "0")
            simplified = run(options.binary, "vectorize", source, "-o", simple)
            polygons = count(theirs)
            assert polygons == count(exact) == count(simple), (polygons, count(exact), count(simple))
            print(f"{name} {options.side}x{options.side}: {polygons} polygons")
            print(f"  gdal_polygonize   {peer[0]:8.2f} CPU-s  {peer[1]:7.0f} MiB")
            for what, (cpu_s, peak_mib) in (("exact", ours), ("simplified", simplified)):
                print(f"  ours, {what:11} {cpu_s:8.2f} CPU-s  {peak_mib:7.0f} MiB  {peer[0] / cpu_s:.1f} times less CPU")


if __name__ == "__main__":
    main()
