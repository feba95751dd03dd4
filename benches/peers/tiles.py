"""The tile of `cargo bench --bench tile`, made by mapbox-vector-tile and shapely from the same city.

    pip install mapbox-vector-tile shapely
    ORTHOTILE_BENCH_CITY=city.geojsonl cargo bench --bench tile
    python benches/peers/tiles.py city.geojsonl
"""

import gzip
import json
import math
import sys
import time

import mapbox_vector_tile
import numpy as np
import shapely
from shapely.geometry import box, shape

HALF_SIDE = math.pi * 6378137.0
ZOOM, EXTENT, BUFFER = 15, 4096, 64


def to_mercator(lon_lat):
    lon, lat = lon_lat[:, 0], lon_lat[:, 1]
    x = lon / 180 * HALF_SIDE
    y = np.arcsinh(np.tan(np.radians(lat))) / math.pi * HALF_SIDE
    return np.column_stack([x, y])


def main(path):
    features = [json.loads(line) for line in open(path, encoding="utf-8")]
    polygons = shapely.transform([shape(f["geometry"]) for f in features], to_mercator)
    tree = shapely.STRtree(polygons)
    west, south, east, north = shapely.total_bounds(polygons)
    side = 2 * HALF_SIDE / 2**ZOOM
    column = math.floor(((west + east) / 2 + HALF_SIDE) / side)
    row = math.floor((HALF_SIDE - (south + north) / 2) / side)
    x, y = -HALF_SIDE + column * side, HALF_SIDE - (row + 1) * side
    margin = side * BUFFER / EXTENT
    around = box(x - margin, y - margin, x + side + margin, y + side + margin)

    def tile():
        found = [
            {"geometry": shapely.intersection(polygons[i], around), "properties": features[i]["properties"], "id": features[i]["id"]}
            for i in tree.query(around)
        ]
        options = {"quantize_bounds": (x, y, x + side, y + side), "extents": EXTENT}
        return len(found), mapbox_vector_tile.encode({"name": "buildings", "features": found}, default_options=options)

    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        count, body = tile()
        best = min(best, time.perf_counter() - start)
    print(f"z{ZOOM}: {count} buildings, {len(body)} bytes ({len(gzip.compress(body, 6))} after gzip), {best * 1e3:.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1])
