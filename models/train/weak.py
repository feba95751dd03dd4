"""Labels that nobody drew for the drone towns: green is vegetation, white is a void,
and roads, fields and water that were traced by eye (`traced.json`)."""

import json
from pathlib import Path

import cv2
import numpy as np

from classes import ANY, BARE_LAND, BUILDING, ROAD, VEGETATION, WATER, WEAK

TRACED = json.loads((Path(__file__).parent / "traced.json").read_text())
CLEARLY_GREEN = 0.10
CLEARLY_NOT_GREEN = 0.00
VOID_AREA_M2 = 700.0
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
    place.label[(place.label == ANY) & (green > CLEARLY_GREEN)] = VEGETATION | WEAK


def mark_voids(place):
    """White without end is no roof and no road."""
    white = (place.image.min(-1) >= 250).astype(np.uint8)
    _, components, stats, _ = cv2.connectedComponentsWithStats(white, connectivity=4)
    least_px = VOID_AREA_M2 / place.resolution_m ** 2
    large = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] > least_px)
    large = large[large > 0]
    void = cv2.dilate(np.isin(components, large).astype(np.uint8), np.ones((9, 9), np.uint8))
    place.label[void > 0] = BARE_LAND | WATER


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
