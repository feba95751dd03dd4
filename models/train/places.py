"""Reads the data folder into places: one picture each with its label sets."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import rasterio
import shapely
from PIL import Image
from pyogrio.raw import read as read_vector
from rasterio.features import rasterize
from rasterio.merge import merge
from rasterio.warp import transform_geom

from classes import ANY, BARE_LAND, BUILDING, ROAD, VEGETATION, WATER
from weak import mark_partings, mark_seen, mark_vegetation, mark_voids, paint_traced

SPLITS = tomllib.loads((Path(__file__).parent / "splits.toml").read_text())

DUBAI_COLOURS = {
    (60, 16, 152): BUILDING,
    (110, 193, 228): ROAD,
    (254, 221, 58): VEGETATION,
    (226, 169, 41): WATER,
    (132, 41, 246): BARE_LAND,
}
# Codes of styles/city.toml; a car stands on the ground it stands on.
MADE_CODES = {1: BUILDING, 2: ROAD, 3: VEGETATION, 4: WATER, 5: BARE_LAND, 6: ROAD | BARE_LAND}
NEW_BRUNSWICK_CODES = {1: VEGETATION, 2: WATER, 3: ROAD, 4: BUILDING}


@dataclass
class Place:
    """`image` is uint8 [h, w, 3]; `label` uint8 [h, w] of class sets; `ids` float32 [h, w], the number of the
    building drawn there or 0 (drone towns only)."""

    name: str
    image: np.ndarray
    label: np.ndarray
    resolution_m: float
    domain: str
    ids: np.ndarray | None = None

    def window(self, name, col, row, width, height):
        rows, cols = slice(row, row + height), slice(col, col + width)
        return Place(name, self.image[rows, cols], self.label[rows, cols],
                     self.resolution_m, self.domain)


def training_places(data, teachers=(), towns=()):
    """`teachers` (`predict.Model`s) say where buildings are in the part of Banepa that nobody drew; `towns` are folders
    that `orthotile demo` made."""
    splits = SPLITS
    places = [part for tile in splits["dubai"]["train"] for part in [dubai_tile(data, tile)]]
    places.append(banepa_for_training(data, teachers))
    places.append(weakly_marked(zanzibar(data, splits["zanzibar"]["train"])))
    places += [massachusetts(data, scene) for scene in splits["massachusetts"]["train"]]
    places += [new_brunswick(data, scene) for scene in splits["new_brunswick"]["train"]]
    return places + [made_town(Path(folder)) for folder in towns]


def calibration_places(data):
    places = [dubai_tile(data, tile) for tile in SPLITS["dubai"]["calibrate"]]
    return places + [banepa(data).window("banepa-gap", *SPLITS["banepa"]["calibrate_px"])]


def test_places(data):
    splits = SPLITS
    places = []
    for tile in splits["dubai"]["test"]:
        places += [dubai_part(data, tile, part) for part in splits["dubai"]["test_parts"]]
    places.append(banepa(data).window("banepa-east", *splits["banepa"]["test_px"]))
    places.append(zanzibar(data, splits["zanzibar"]["test"]))
    places += [massachusetts(data, scene) for scene in splits["massachusetts"]["test"]]
    places += [new_brunswick(data, scene) for scene in splits["new_brunswick"]["test"]]
    return places


# --- Dubai: five dense classes, about 1 m, no georeference -------------------

def dubai_part(data, tile, part):
    folder = Path(data) / "landcover-dubai" / tile
    image = np.asarray(Image.open(folder / f"images/image_part_{part:03d}.jpg").convert("RGB"))
    mask = np.asarray(Image.open(folder / f"masks/image_part_{part:03d}.png").convert("RGB"))
    label = np.full(mask.shape[:2], ANY, np.uint8)
    for colour, bits in DUBAI_COLOURS.items():
        label[(mask == colour).all(-1)] = bits
    return Place(f"dubai-{tile}-part{part}", image, label, 1.0, "dubai")


def dubai_tile(data, tile):
    """The nine parts of a tile joined to one picture (their sizes may differ by one)."""
    parts = [dubai_part(data, tile, part) for part in range(1, 10)]
    height = min(p.image.shape[0] for p in parts)
    width = min(p.image.shape[1] for p in parts)
    def join(arrays):
        cut = [a[:height, :width] for a in arrays]
        return np.concatenate([np.concatenate(cut[r:r + 3], 1) for r in (0, 3, 6)], 0)
    return Place(f"dubai-{tile}", join([p.image for p in parts]),
                 join([p.label for p in parts]), 1.0, "dubai")


# --- Drone towns: buildings only ---------------------------------------------

def banepa(data):
    """The whole mosaic; labels only where people drew all buildings."""
    folder = Path(data) / "ortho-banepa"
    image, transform = join_scenes(
        [[folder / f"scenes/banepa_r{r}c{c}.tif" for c in range(3)] for r in range(2)])
    ids = burn(folder / "buildings.geojson", "EPSG:3857", transform, image.shape[:2])
    label = np.where(ids > 0, BUILDING, ANY).astype(np.uint8)
    col, row, width, height = SPLITS["banepa"]["labelled_px"]
    inside = label[row:row + height, col:col + width]
    inside[inside == ANY] = ANY - BUILDING
    return Place("banepa", image, label, 0.132, "drone", ids)


def banepa_for_training(data, teachers):
    """The mosaic with the held-out part painted over and what rules, hands and other networks can add."""
    place = banepa(data)
    col, row, width, height = SPLITS["banepa"]["hidden_px"]
    hidden = np.s_[row:row + height, col:col + width]
    place.image[hidden] = 127
    place = weakly_marked(place)
    mark_seen(place, teachers)
    place.label[hidden] = ANY
    return place


def zanzibar(data, group):
    folder = Path(data) / "ortho-zanzibar"
    rows = {"a": 2, "b": 1}[group]
    image, transform = join_scenes(
        [[folder / f"scenes/zanzibar_{group}_r{r}c{c}.tif" for c in range(4)] for r in range(rows)])
    ids = burn(folder / "buildings.geojson", "EPSG:3857", transform, image.shape[:2])
    label = np.where(ids > 0, BUILDING, ANY - BUILDING).astype(np.uint8)
    place = Place(f"zanzibar-{group}", image, label, 0.0742, "drone", ids)
    return halved(place)


def weakly_marked(place):
    place.image = np.ascontiguousarray(place.image)
    paint_traced(place)
    mark_vegetation(place)
    mark_voids(place)
    mark_partings(place)
    return place


def halved(place):
    size = (place.image.shape[1] // 2, place.image.shape[0] // 2)
    return Place(place.name, cv2.resize(place.image, size, interpolation=cv2.INTER_AREA),
                 cv2.resize(place.label, size, interpolation=cv2.INTER_NEAREST),
                 place.resolution_m * 2, place.domain, cv2.resize(place.ids, size, interpolation=cv2.INTER_NEAREST))


# --- Aerial pictures ---------------------------------------------------------

def massachusetts(data, scene):
    folder = Path(data) / "truth-massachusetts"
    with rasterio.open(folder / f"{scene}.tif") as source:
        image = source.read().astype(np.uint8).transpose(1, 2, 0)
        buildings = burn(folder / f"{scene}_buildings.gpkg", source.crs, source.transform, image.shape[:2])
    label = np.where(buildings > 0, BUILDING, ANY - BUILDING).astype(np.uint8)
    return Place(f"massachusetts-{scene}", np.ascontiguousarray(image), label, 1.0, "aerial")


def new_brunswick(data, scene):
    """Forest, water, road and building are drawn; the rest is grass or bare land."""
    folder = Path(data) / "truth-new-brunswick"
    with rasterio.open(folder / f"{scene}.tif") as source:
        image = source.read().transpose(1, 2, 0)
        transform = source.transform
    _, _, wkb, fields = read_vector(folder / "BakerLake_2017_clipped.gpkg", columns=["Quatreclasses"])
    label = np.full(image.shape[:2], VEGETATION | BARE_LAND, np.uint8)
    shapes = [(shapely.from_wkb(g), NEW_BRUNSWICK_CODES.get(int(code)))
              for g, code in zip(wkb, fields[0])]
    for bits in (VEGETATION, WATER, ROAD, BUILDING):
        chosen = [shape for shape, code in shapes if code == bits]
        if chosen:
            label[rasterize(chosen, label.shape, transform=transform) > 0] = bits
    label[(image == 0).all(-1)] = ANY
    return Place(f"new-brunswick-{scene}", np.ascontiguousarray(image), label, 0.5, "aerial")


# --- Towns made by `orthotile demo` -------------------------------------------

def made_town(folder):
    """All classes are known; what no scene covers says nothing."""
    with rasterio.open(folder / "truth.tif") as source:
        codes, bounds, resolution_m = source.read(1), source.bounds, source.res[0]
    image, _ = merge(sorted((folder / "scenes").glob("*.tif")), bounds=bounds, res=resolution_m, indexes=[1, 2, 3])
    label = np.array([MADE_CODES.get(code, ANY) for code in range(256)], np.uint8)[codes]
    label[(image == 0).all(0)] = ANY
    return Place(f"made-{folder.name}", np.ascontiguousarray(image.transpose(1, 2, 0)), label, resolution_m, "made")


# --- Shared ------------------------------------------------------------------

def join_scenes(grid):
    rows = []
    for paths in grid:
        row = []
        for path in paths:
            with rasterio.open(path) as source:
                row.append(source.read([1, 2, 3]).transpose(1, 2, 0))
        rows.append(np.concatenate(row, 1))
    with rasterio.open(grid[0][0]) as source:
        return np.concatenate(rows, 0), source.transform


def burn(path, crs, transform, shape):
    """The polygons of a file on a raster's grid, numbered from 1; 0 where there is none."""
    meta, _, wkb, _ = read_vector(path)
    shapes = [shapely.from_wkb(geometry) for geometry in wkb]
    shapes = [transform_geom(meta["crs"], crs, shape.__geo_interface__) for shape in shapes]
    return rasterize(zip(shapes, range(1, len(shapes) + 1)), shape, transform=transform, dtype=np.float32)
