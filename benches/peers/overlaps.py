"""GEOS judges an exported map: invalid polygons, ground in two features, ground in none.

    target/release/orthotile export --store demo/store -o map.gpkg
    target/release/orthotile export --store demo/store -o labels.tif
    python3 benches/peers/overlaps.py --labels labels.tif map.gpkg map.geojson map.fgb

Needs numpy, shapely and pyogrio; rasterio too for `--labels`. Measures in metres around the middle of the map. Ground is
what the class raster labels; without it, gaps are the holes of the union of all features. `--limit 0.02` makes the
command fail where gaps and overlaps exceed that percentage of the ground, or a polygon is invalid.
"""

import argparse
import pathlib
import sys

import numpy as np
import pyogrio
import pyproj
import shapely


def features(path):
    """Classes, areas as written, and polygons, in metres around the middle of the map."""
    layers = [name for name, _ in pyogrio.list_layers(path)]
    layer = "features" if "features" in layers else layers[0]
    meta, _, wkb, fields = pyogrio.raw.read(path, layer=layer, columns=["class", "area_m2"])
    polygons = shapely.from_wkb(wkb)
    return fields[0], fields[1], polygons, meta["crs"]


def to_metres(crs, bounds):
    """A plane in which areas are nearly those on the ground: an equal-area projection around the middle."""
    to_lon_lat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = to_lon_lat.transform((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
    plane = pyproj.Transformer.from_crs(crs, f"+proj=laea +lat_0={lat} +lon_0={lon}", always_xy=True)
    return lambda xy: np.column_stack(plane.transform(xy[:, 0], xy[:, 1]))


def labelled(path, crs):
    import rasterio
    import rasterio.features

    with rasterio.open(path) as raster:
        mask = (raster.read(1) > 0).astype(np.uint8)
        shapes = rasterio.features.shapes(mask, mask=mask > 0, transform=raster.transform)
        ground = shapely.union_all([shapely.geometry.shape(shape) for shape, _ in shapes])
        move = pyproj.Transformer.from_crs(raster.crs.to_wkt(), crs, always_xy=True)
        return shapely.transform(ground, lambda xy: np.column_stack(move.transform(xy[:, 0], xy[:, 1])))


def judge(path, labels, limit):
    classes, areas, polygons, crs = features(path)
    in_metres = to_metres(crs, shapely.total_bounds(polygons))
    invalid = int((~shapely.is_valid(polygons)).sum())
    ground = None if labels is None else shapely.transform(labelled(labels, crs), in_metres)
    polygons = shapely.transform(polygons, in_metres)
    union = shapely.union_all(polygons, grid_size=1e-6)
    ground = shapely.union_all(shapely.polygons(shapely.get_exterior_ring(shapely.get_parts(union)))) if ground is None else ground
    overlap = shapely.area(polygons).sum() - union.area
    missing = shapely.get_parts(shapely.difference(ground, union, grid_size=1e-6))
    missing = missing[shapely.area(missing) > 0]
    beyond = shapely.difference(union, ground, grid_size=1e-6).area
    percent = 100 * (overlap + shapely.area(missing).sum()) / ground.area
    print(f"{path}: {len(polygons)} features, {invalid} invalid, ground {ground.area:.0f} m2")
    print(f"  in no feature: {shapely.area(missing).sum():.4f} m2 in {len(missing)} gaps, beyond the ground: {beyond:.4f} m2")
    print(f"  in two: {overlap:.4f} m2; together {percent:.5f} %")
    print(f"  largest difference of area_m2: {np.abs(np.asarray(areas) - shapely.area(polygons)).max():.3f} m2")
    pairs_covered_twice(classes, polygons)
    return invalid == 0 and percent <= limit


def pairs_covered_twice(classes, polygons):
    polygons = shapely.make_valid(polygons)
    first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    first, second = first[first < second], second[first < second]
    area_m2 = shapely.area(shapely.intersection(polygons[first], polygons[second]))
    pairs = np.array(["|".join(sorted((classes[a], classes[b]))) for a, b in zip(first, second)])
    for pair in np.unique(pairs):
        total_m2 = area_m2[pairs == pair].sum()
        if total_m2 >= 5e-5:
            print(f"  {' and '.join(pair.split('|'))}: {total_m2:.4f} m2")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--labels", type=pathlib.Path, help="class raster of the same map")
    parser.add_argument("--limit", type=float, default=float("inf"), help="maximum percentage of gaps and overlaps")
    arguments = parser.parse_args()
    passed = [judge(path, arguments.labels, arguments.limit) for path in arguments.files]
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
