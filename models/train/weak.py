"""Labels that nobody drew for the drone towns: green is vegetation, white is a void, roads, fields and water were
traced by eye (`traced.json`), close buildings are parted, and other networks say where undrawn buildings are."""

import json
from pathlib import Path

import cv2
import numpy as np

from classes import ANY, BARE_LAND, BUILDING, PARTING, ROAD, VEGETATION, WATER, WEAK

TRACED = json.loads((Path(__file__).parent / "traced.json").read_text())
CLEARLY_GREEN = 0.10
CLEARLY_NOT_GREEN = 0.00
VOID_AREA_M2 = 700.0
PARTING_M = 0.27
NARROW_M = 0.6
SURE, SURELY_NOT = 0.75, 0.1
BLUISH = 25
BITS = {"bare_land": BARE_LAND, "water": WATER, "vegetation": VEGETATION}


def excess_green(image, resolution_m):
    """2g - r - b of the chromatic coordinates, smoothed over about half a metre (Woebbecke 1995)."""
    sigma = max(0.5 / resolution_m, 0.8)
    smooth = cv2.GaussianBlur(image, (0, 0), sigma).astype(np.float32)
    return (3 * smooth[..., 1] / (smooth.sum(-1) + 1) - 1)


def mark_vegetation(place):
    """Where all buildings are drawn, a green pixel that is none is vegetation for sure; elsewhere probably."""
    green = excess_green(place.image, place.resolution_m)
    no_building = place.label == ANY - BUILDING
    place.label[no_building & (green > CLEARLY_GREEN)] = VEGETATION
    place.label[no_building & (green < CLEARLY_NOT_GREEN)] = ROAD | WATER | BARE_LAND
    leafy = (green > CLEARLY_GREEN) & (place.image[..., 1] > place.image[..., 2])  # blue-green is a tin roof
    place.label[(place.label == ANY) & leafy] = VEGETATION | WEAK


def mark_voids(place):
    """White without end is no roof and no road."""
    white = (place.image.min(-1) >= 250).astype(np.uint8)
    _, components, stats, _ = cv2.connectedComponentsWithStats(white, connectivity=4)
    least_px = VOID_AREA_M2 / place.resolution_m ** 2
    large = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] > least_px)
    large = large[large > 0]
    void = cv2.dilate(np.isin(components, large).astype(np.uint8), np.ones((9, 9), np.uint8))
    place.label[void > 0] = BARE_LAND | WATER


def mark_partings(place):
    """Between two drawn buildings there is a gap, also where they touch; narrow gaps weigh more (Ronneberger 2015)."""
    gap = between(place.ids, PARTING_M / place.resolution_m)
    place.label[gap] = ANY - BUILDING
    narrow = between(place.ids, NARROW_M / place.resolution_m) & (place.label & BUILDING == 0)
    place.label[narrow] |= PARTING


def between(ids, reach_px):
    """Where two different buildings are within reach."""
    side = 2 * round(reach_px) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    highest = cv2.dilate(ids, disk)
    lowest = cv2.erode(np.where(ids == 0, np.float32(1e9), ids), disk)
    return (highest > 0) & (lowest < highest)


def mark_seen(place, teachers):
    """Where nobody drew, a building is what all teachers see as one, and none is what none of them sees."""
    if not teachers:
        return
    from predict import as_worked
    image = as_worked(place).image
    seen = np.stack([teacher.building(image) for teacher in teachers])
    size = (place.image.shape[1], place.image.shape[0])
    low, high = (cv2.resize(p, size, interpolation=cv2.INTER_LINEAR) for p in (seen.min(0), seen.max(0)))
    place.label[(place.label == ANY) & (low > SURE)] = BUILDING | WEAK
    bluish = place.image[..., 2].astype(np.int16) > place.image[..., 0].astype(np.int16) + BLUISH  # tin roofs, missed by all
    place.label[(place.label == ANY) & (high < SURELY_NOT) & ~bluish] = (ANY - BUILDING) | WEAK


def paint_traced(place):
    """Lines and areas traced by eye, in metres right and down from the corner; drawn buildings stay on top."""
    traced = TRACED.get(place.name)
    if traced is None:
        return
    paint = np.zeros(place.label.shape, np.uint8)
    for area in traced["areas"]:
        cv2.fillPoly(paint, [to_px(area["ring"], place)], BITS[area["class"]])
    for bits, lines in ((WATER, traced["streams"]), (ROAD, traced["roads"])):
        for line in lines:
            width_px = max(1, round(line["width_m"] / place.resolution_m))
            cv2.polylines(paint, [to_px(line["line"], place)], False, bits, width_px)
    for drawn, mark in ((ANY - BUILDING, 0), (ANY, WEAK)):
        free = (paint > 0) & (place.label == drawn)
        place.label[free] = paint[free] | mark


def to_px(points_m, place):
    return np.round(np.array(points_m) / place.resolution_m).astype(np.int32)
