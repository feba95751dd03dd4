"""GEOS judges an exported map: invalid polygons, and ground that two features cover.

    target/release/orthotile export --store demo/store -o map.geojson && python3 benches/peers/overlaps.py map.geojson

Needs numpy and shapely. Reads GeoJSON, whose coordinates are rounded, and measures in metres around its middle. Buildings
with right angles stand on natural land, which keeps its border under them; nothing else should cover anything.
"""

import json
import pathlib
import sys

import numpy as np
import shapely

METRES_PER_DEGREE = 111_320.0


def features(path):
    """Classes and polygons in metres."""
    members = json.loads(path.read_text())["features"]
    polygons = shapely.from_geojson([json.dumps(member["geometry"]) for member in members])
    _, south, _, north = shapely.total_bounds(polygons)
    metres = METRES_PER_DEGREE * np.array([np.cos(np.radians((south + north) / 2)), 1.0])
    return [member["properties"]["class"] for member in members], shapely.transform(polygons, lambda xy: xy * metres)


def main():
    for path in map(pathlib.Path, sys.argv[1:]):
        classes, polygons = features(path)
        first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
        first, second = first[first < second], second[first < second]
        area_m2 = shapely.area(shapely.intersection(polygons[first], polygons[second]))
        invalid = int((~shapely.is_valid(polygons)).sum())
        print(f"{path}: {len(polygons)} features, {invalid} invalid; covered twice:")
        pairs = np.array(["|".join(sorted((classes[a], classes[b]))) for a, b in zip(first, second)])
        for pair in np.unique(pairs):
            total_m2 = area_m2[pairs == pair].sum()
            if total_m2 >= 5e-5:
                print(f"  {' and '.join(pair.split('|'))}: {total_m2:.4f} m2")


if __name__ == "__main__":
    main()
