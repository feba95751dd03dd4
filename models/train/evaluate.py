"""Scores models on the held-out places: JSON, a Markdown table, and pictures to look at."""

import argparse
import json
from pathlib import Path

import numpy as np

from classes import ANY, BUILDING, NAMES
from metrics import (Calibration, boundary_counts, building_counts, class_iou, confusion, f1,
                     object_counts, single_class)
from pictures import save_comparison
from places import SPLITS, dubai_tile, test_places
from predict import Model, as_worked
from report import confusion_table, table

LEAST_OBJECT_M2 = 10.0
BOUNDARY_M = 1.0


def main():
    arguments = parse()
    places = [as_worked(p) for p in scored_places(arguments.data)]
    results = {"city": score_all(Model(arguments.model), places, arguments.pictures)}
    if arguments.uncalibrated:
        results["city, before calibration"] = score_all(Model(arguments.uncalibrated), places, None)
    if arguments.baseline:
        results |= baselines(arguments.baseline, places)
    arguments.out.write_text(json.dumps(results, indent=1))
    print(table(results))
    print(confusion_table(results["city"]["dubai-tile1, all"]["confusion"]))


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--uncalibrated", type=Path, help="the same network, not calibrated")
    parser.add_argument("--baseline", type=Path, help="folder of the two baseline networks")
    parser.add_argument("--pictures", type=Path, help="where to write pictures; keep it out of the repository")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def scored_places(data):
    """The test places, and the Dubai tile that trains nothing but gives the two numbers of the calibration."""
    return test_places(data) + [dubai_tile(data, tile) for tile in SPLITS["dubai"]["calibrate"]]


def score_all(model, places, pictures, lift=None):
    """One score per place and one per group of places; counts are added up over a group before dividing."""
    groups, scores = {}, {}
    for place in places:
        p = model.probabilities(place.image)
        p = lift(p) if lift else p
        counts = count(place, p)
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            save_comparison(pictures / f"{place.name}.png", place, p)
        scores[place.name] = summarize([counts])
        groups.setdefault(group_of(place), []).append(counts)
    scores |= {name: summarize(members) for name, members in groups.items() if len(members) > 1}
    return scores


def group_of(place):
    return "drone, all" if place.domain == "drone" else "-".join(place.name.split("-")[:2]) + ", all"


def baselines(folder, places):
    """The two baseline networks; of tile 1 the second one has seen all parts but number 5."""
    drone = [p for p in places if p.domain == "drone"]
    dubai = [p for p in places if p.domain == "dubai"]
    building = Model(folder / "building_026m.onnx")
    cover = Model(folder / "landcover5_dubai.onnx")
    return {
        "baseline building_026m": score_all(building, drone, None, lift_building),
        "baseline landcover5": score_all(cover, dubai, None),
    }


def lift_building(p):
    """[other, building] as five classes: what is no building becomes bare land."""
    five = np.zeros((len(NAMES), *p.shape[1:]), np.float32)
    five[0], five[4] = p[1], p[0]
    return five


def count(place, p):
    predicted = p.argmax(0)
    label = place.label
    known = label != ANY
    truth = single_class(label)
    tolerance_px = BOUNDARY_M / place.resolution_m
    counts = {"building": building_counts(label, predicted)}
    counts["objects"] = object_counts(label == BUILDING, (predicted == 0) & known,
                                      LEAST_OBJECT_M2 / place.resolution_m ** 2)
    counts["edge building"] = boundary_counts(label == BUILDING, (predicted == 0) & known, known, tolerance_px)
    if not (truth > 0).any():  # only buildings were drawn
        confident = np.maximum(p[0], 1 - p[0])[known]
        counts["calibration"] = [confident, ((p[0] > 0.5) == (label == BUILDING))[known]]
    else:
        counts["calibration"] = [p.max(0)[truth >= 0], (predicted == truth)[truth >= 0]]
        counts["confusion"] = confusion(truth, predicted)
    if place.domain == "dubai":
        for i, name in enumerate(NAMES[1:], 1):
            counts[f"edge {name}"] = boundary_counts((truth == i) & known, (predicted == i) & known, known, tolerance_px)
    return counts


def summarize(members):
    """Ratios of summed counts."""
    total = lambda key: sum(m[key] for m in members)
    hit, false, missed = total("building")
    matched, true, found = total("objects")
    score = {
        "building_iou": float(hit / max(hit + false + missed, 1)),
        "object_precision": float(matched / max(found, 1)), "object_recall": float(matched / max(true, 1)),
        "object_f1": f1(matched, found, matched, true),
        "boundary_f1_1m": {k[5:]: f1(*total(k)) for k in members[0] if k.startswith("edge")},
    }
    calibration = Calibration()
    for member in members:
        calibration.add(*member["calibration"])
    score["ece"] = calibration.error()
    if "confusion" in members[0]:
        matrix = total("confusion")
        ious = class_iou(matrix)
        present = [i for i, row in zip(ious, matrix.sum(1)) if row and i is not None]
        score |= {"class_iou": dict(zip(NAMES, ious)), "miou": float(np.mean(present)), "confusion": matrix.tolist()}
    return score


if __name__ == "__main__":
    main()
