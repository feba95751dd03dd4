"""Outlines side by side over the imagery, for the eye: buildings before and after, natural borders straight and smoothed.

    cargo build --release
    python3 benches/peers/outlines.py demo/scenes demo/store docs/buildings.jpg --at 514700,5332000 --at 514900,5331800
    python3 benches/peers/outlines.py demo/scenes demo/store natural.jpg --natural --at 514700,5332000

Needs numpy, rasterio, shapely, geopandas, pillow, and buildingregulariser (PyPI) where buildings are shown. Each --at is the
middle of a row of panels, in the coordinates of the store; without any, rows are chosen where buildings differ most. All
panels of a row show one window at one scale, outlines two pixels wide. Buildings: the pixels' outline, Douglas-Peucker of
each polygon by itself, buildingregulariser, orthotile. --natural: borders as they are, cut once, twice and three times.
"""

import argparse
import pathlib
import subprocess
import tempfile

import geopandas
import numpy as np
import rasterio
import rasterio.features
import rasterio.vrt
import shapely
from PIL import Image, ImageDraw, ImageFont

ROOT = pathlib.Path(__file__).resolve().parents[2]
PANEL_PX, HEIGHT_PX, GAP_PX, CAPTION_PX = 397, 300, 4, 24
MOST_BYTES = 250_000
BUILDING = 1
COLOURS = {"building": "#ffd400", "road": "#ff5fa2", "vegetation": "#7dff5c", "water": "#3fc6ff", "bare_land": "#ffb380"}


def exported(options, store, out, *how):
    command = [options.binary, "export", "--store", store, "-o", out, *how]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return out


def picture(scenes, crs, bounds):
    """The imagery of a window, where scenes overlap the first that has it."""
    out = np.zeros((HEIGHT_PX, PANEL_PX, 3), np.uint8)
    west, south, east, north = bounds
    transform = rasterio.transform.from_bounds(west, south, east, north, PANEL_PX, HEIGHT_PX)
    grid = {"crs": crs, "transform": transform, "width": PANEL_PX, "height": HEIGHT_PX, "add_alpha": True}
    for path in scenes:
        with rasterio.open(path) as scene:
            # A fourth band may be infrared: only an alpha band says what is there.
            alpha = scene.colorinterp[-1] == rasterio.enums.ColorInterp.alpha
            how = {**grid, "add_alpha": not alpha, "resampling": rasterio.enums.Resampling.cubic}
            with rasterio.vrt.WarpedVRT(scene, **how) as warped:
                bands = warped.read([1, 2, 3, warped.count])
        if bands.dtype != np.uint8:
            continue
        fresh = (bands[3] > 0) & ~out.any(axis=2)
        out[fresh] = np.moveaxis(bands[:3], 0, 2)[fresh]
    return Image.fromarray(out)


def lines(draw, polygons, bounds, colour):
    west, south, east, north = bounds
    scale = PANEL_PX / (east - west)
    for polygon in polygons:
        for ring in (polygon.exterior, *polygon.interiors):
            at = [((x - west) * scale, (north - y) * scale) for x, y in ring.coords]
            draw.line(at, fill="#000000", width=4, joint="curve")
            draw.line(at, fill=colour, width=2, joint="curve")


def parts(shapes):
    flat = shapely.get_parts(np.asarray(shapes, dtype=object))
    return flat[shapely.get_type_id(flat) == 3]


def buildings(options, folder):
    with rasterio.open(exported(options, options.store, folder / "labels.tif")) as labels:
        mask = (labels.read(1) == BUILDING).astype(np.uint8)
        found = rasterio.features.shapes(mask, connectivity=4, transform=labels.transform)
        raw = np.array([shapely.geometry.shape(g) for g, value in found if value == 1])
        crs, pixel = labels.crs, labels.res[0]
    frame = geopandas.GeoDataFrame(geometry=raw, crs=crs)
    from buildingregulariser import regularize_geodataframe

    made = regularize_geodataframe(frame, simplify_tolerance=3 * pixel, parallel_threshold=3 * pixel, num_cores=1)
    how = ["--class", "building"] + (["--split-roofs", options.split_roofs] if options.split_roofs else [])
    ours = geopandas.read_file(exported(options, options.store, folder / "ours.fgb", *how))
    price_of_roads(options, folder)
    plain = shapely.simplify(raw, 1.5 * pixel, preserve_topology=True)
    columns = [("pixels, as traced", raw), ("Douglas-Peucker, 1.5 px", plain)]
    columns += [("buildingregulariser", made.geometry.to_numpy()), ("orthotile", ours.geometry.to_numpy())]
    return crs, [(name, [("building", parts(shapes))]) for name, shapes in columns]


def price_of_roads(options, folder):
    """What becomes of buildings of the label map beside roads, and without them, and how much road they then cover."""
    for name, roads in (("beside roads", ["--roads", 2]), ("without roads", [])):
        out = folder / "made.fgb"
        command = [options.binary, "vectorize", folder / "labels.tif", "-o", out, "--buildings", BUILDING, *roads]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        made = geopandas.read_file(out)
        houses, road = made[made["class"].isin(["1", "building"])], made[made["class"].isin(["2", "road"])]
        by = houses.assign(area=houses.area).groupby("outline")["area"].agg(["count", "sum"])
        told = ", ".join(f"{outline} {int(n)} ({m2:.0f} m2)" for outline, (n, m2) in by.iterrows())
        left, right = shapely.STRtree(road.geometry.to_numpy()).query(houses.geometry.to_numpy(), predicate="intersects")
        both = shapely.intersection(houses.geometry.to_numpy()[left], road.geometry.to_numpy()[right])
        print(f"{name}: {told}; {shapely.area(both).sum():.0f} of {road.area.sum():.0f} m2 of road covered")


def natural(options, folder):
    columns = []
    for rounds, name in enumerate(("straight", "--smooth 1", "--smooth 2", "--smooth 3")):
        file = exported(options, options.store, folder / f"{rounds}.fgb", "--smooth", rounds)
        frame = geopandas.read_file(file)
        classes = [c for c in ("bare_land", "vegetation", "water") if (frame["class"] == c).any()]
        columns.append((name, [(c, parts(frame.geometry[frame["class"] == c].to_numpy())) for c in classes]))
    return frame.crs, columns


def busiest(layers, width, height, rows):
    """Middles of windows that hold much border of buildings of many corners, apart from each other."""
    shapes = np.concatenate([shapes for _, shapes in layers])
    middles = shapely.get_coordinates(shapely.centroid(shapes))
    weight = np.minimum(shapely.get_num_coordinates(shapes), 40)
    chosen = []
    for x, y in middles[np.argsort(-weight, kind="stable")]:
        near = (np.abs(middles[:, 0] - x) < width / 2) & (np.abs(middles[:, 1] - y) < height / 2)
        chosen.append((weight[near].sum(), x, y))
    picked = []
    for _, x, y in sorted(chosen, reverse=True):
        if all(abs(x - a) > width or abs(y - b) > height for a, b in picked):
            picked.append((x, y))
    return picked[:rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=pathlib.Path)
    parser.add_argument("store", type=pathlib.Path)
    parser.add_argument("picture", type=pathlib.Path)
    parser.add_argument("--at", action="append", type=lambda text: tuple(map(float, text.split(","))))
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--width-m", type=float, default=90.0)
    parser.add_argument("--natural", action="store_true")
    parser.add_argument("--split-roofs")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/orthotile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        crs, columns = (natural if options.natural else buildings)(options, pathlib.Path(folder))
    width, height = options.width_m, options.width_m * HEIGHT_PX / PANEL_PX
    rows = options.at or busiest(columns[-1][1], width, height, options.rows)
    size = (4 * PANEL_PX + 3 * GAP_PX, CAPTION_PX + len(rows) * (HEIGHT_PX + GAP_PX))
    sheet = Image.new("RGB", size, "white")
    font = ImageFont.load_default(17)
    for row, (x, y) in enumerate(rows):
        print(f"row {row}: --at {x:.0f},{y:.0f}")
        bounds = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        ground = picture(sorted(options.scenes.glob("*.tif")), crs, bounds)
        for column, (name, layers) in enumerate(columns):
            panel = ground.copy()
            for kind, shapes in layers:
                shown = shapes[shapely.intersects(shapes, shapely.box(*bounds))]
                lines(ImageDraw.Draw(panel), shown, bounds, COLOURS[kind])
            left = column * (PANEL_PX + GAP_PX)
            sheet.paste(panel, (left, CAPTION_PX + row * (HEIGHT_PX + GAP_PX)))
            ImageDraw.Draw(sheet).text((left + 4, 2), name, fill="black", font=font)
    for quality in range(90, 20, -5):
        sheet.save(options.picture, quality=quality, optimize=True)
        if options.picture.stat().st_size <= MOST_BYTES:
            break
    print(f"{options.picture}: {size[0]} x {size[1]} px, {options.picture.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
