"""The scores as Markdown."""

from classes import NAMES

HEAD = ("| model | place | mIoU | " + " | ".join(NAMES) +
        " | boundary F1 1 m (building) | object P | R | F1 | ECE |")


def table(results):
    lines = [HEAD, "|" + "---|" * (HEAD.count("|") - 1)]
    for model, scores in results.items():
        lines += [line(model, place, score) for place, score in scores.items() if not one_of_many(place)]
    return "\n".join(lines)


def one_of_many(place):
    """The parts of a tile stand in the JSON; but part 5 alone is new to the second baseline too."""
    return "-part" in place and not place.endswith("part5")


def confusion_table(matrix):
    """Shares of the true class, in percent: rows are the truth, columns the answer."""
    lines = ["| truth \\ answer | " + " | ".join(NAMES) + " |", "|" + "---|" * (len(NAMES) + 1)]
    for name, row in zip(NAMES, matrix):
        lines.append(f"| {name} | " + " | ".join(f"{100 * n / max(sum(row), 1):.0f}" for n in row) + " |")
    return "\n".join(lines)


def line(model, place, score):
    ious = score.get("class_iou") or {"building": score["building_iou"]}
    cells = [model, place, cell(score.get("miou"))] + [cell(ious.get(name)) for name in NAMES]
    cells += [cell(score["boundary_f1_1m"]["building"])]
    cells += [cell(score[key]) for key in ("object_precision", "object_recall", "object_f1", "ece")]
    return "| " + " | ".join(cells) + " |"


def cell(value):
    return "–" if value is None else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
