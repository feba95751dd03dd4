#!/usr/bin/env python3
"""Attacks the program: kills, damaged blocks, full disks, two processes, slow clients, mutated inputs.

    tests/faults/run.py --orthotile target/release/orthotile            the full suite, about an hour on two cores
    tests/faults/run.py --orthotile target/debug/orthotile --short      a short form, for CI
    tests/faults/run.py --orthotile … --only "mutated JSON" --seed 2    one row, with other mutations
    tests/faults/run.py --table target/faults.json --into docs/reliability.md

Prints a row per attack, writes target/faults.json and ends with status 1 where anything went wrong. Standard library only.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mutations
from crashes import Crashes
from inputs import ROOT, Town
from program import LIMIT_MB, LIMIT_S, Program

# Tries of each row: the full suite, and the short form.
ROWS = {
    "kill segment": (60, 3), "kill export": (40, 4), "kill vectorize": (20, 1), "kill train --add": (30, 2),
    "kill clusters --assign": (20, 1), "bit flips in label blocks": (60, 4), "full disk": (40, 2), "two processes": (40, 2),
    "slow clients": (1, 0), "mutated TIFF": (3000, 40), "mutated VRT": (2500, 15), "mutated JSON": (2500, 30),
    "mutated TOML": (1500, 20), "mutated ONNX": (1500, 15),
}
METHODS = {
    "kill segment": "kill_segment", "kill export": "kill_export", "kill vectorize": "kill_vectorize",
    "kill train --add": "kill_train", "kill clusters --assign": "kill_assign", "bit flips in label blocks": "flip_bits",
    "full disk": "full_disk", "two processes": "two_processes",
}
BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orthotile", type=Path, help="the program under test")
    parser.add_argument("--short", action="store_true", help="a few tries of each row")
    parser.add_argument("--only", action="append", help="only this row; may stand several times")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the tries of each row")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other tries")
    parser.add_argument("--workers", type=int, default=2, help="mutations that run side by side")
    parser.add_argument("--json", type=Path, default=ROOT / "target" / "faults.json", help="the results")
    parser.add_argument("--table", type=Path, help="print the table of earlier results, and run nothing")
    parser.add_argument("--into", type=Path, help="write the table into this page")
    arguments = parser.parse_args()
    if arguments.table:
        results = json.loads(arguments.table.read_text())
    else:
        results = attacked(arguments)
    if arguments.into:
        place(arguments.into, results)
    elif arguments.table:
        print(table(results))
    sys.exit(1 if any(row.get("bad") for row in results["rows"].values()) else 0)


def attacked(arguments):
    if arguments.orthotile is None:
        sys.exit("--orthotile: the program under test (target/release/orthotile)")
    program = Program(arguments.orthotile)
    folder = Path(tempfile.mkdtemp(prefix="orthotile-faults-"))
    # Rows of earlier runs with --only stay.
    known = json.loads(arguments.json.read_text())["rows"] if arguments.only and arguments.json.exists() else {}
    results = {"version": version(program), "seed": arguments.seed, "rows": known}
    print(f"{'attack':<28}{'tried':>7}{'bad':>6}{'seconds':>9}", flush=True)
    try:
        town = Town(program, folder / "town")
        crashes = Crashes(program, town, folder / "crashes", arguments.seed)
        for name, counts in ROWS.items():
            if arguments.only and name not in arguments.only:
                continue
            count = round(counts[arguments.short] * arguments.scale)
            if count == 0:
                continue
            since = time.monotonic()
            row = attack(name, count, (program, town, crashes), arguments)
            row["seconds"] = round(time.monotonic() - since, 1)
            results["rows"][name] = row
            show(name, row)
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps(results, indent=1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"details: {arguments.json}")
    return results


def attack(name, count, program_town_crashes, arguments):
    program, town, crashes = program_town_crashes
    if name.startswith("mutated"):
        failures = arguments.json.with_suffix("") / name.replace(" ", "-")
        return mutations.run(name, program, town, count, arguments.seed, arguments.workers, failures)
    if name == "slow clients":
        return slow_clients(program, town)
    tried, bad = getattr(crashes, METHODS[name])(count)
    return {"tried": 0, "skipped": bad, "bad": []} if tried is None else {"tried": tried, "bad": bad}


def slow_clients(program, town):
    """Hands over to the attacks on a server, which judge for themselves."""
    script = Path(__file__).with_name("server.py")
    if not script.exists():
        return {"tried": 0, "skipped": "tests/faults/server.py is missing", "bad": []}
    command = [sys.executable, str(script), "--orthotile", str(program.path), "--store", str(town.store)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    bad = [] if ended.returncode == 0 else [{"faults": [f"exit code {ended.returncode}"], "stderr": ended.stderr[-2000:]}]
    return {"tried": 1, "bad": bad, "output": ended.stdout[-4000:]}


def version(program):
    return subprocess.run([program.path, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def show(name, row):
    note = f"   skipped: {row['skipped']}" if row.get("skipped") else ""
    print(f"{name:<28}{row['tried']:>7}{len(row['bad']):>6}{row['seconds']:>9.1f}{note}", flush=True)
    for one in row["bad"][:5]:
        print(f"    {one.get('input', '')} {one.get('number', '')}: {', '.join(one['faults'])}", flush=True)


def table(results):
    """The results as a table for a page."""
    lines = ["| attack | tried | bad | longest | most memory |", "|---|--:|--:|--:|--:|"]
    for name in ROWS:
        row = results["rows"].get(name)
        if row is None or row.get("skipped"):
            continue
        longest = f"{row['longest_s']:.1f} s" if "longest_s" in row else ""
        memory = f"{row['most_mb']} MB" if "most_mb" in row else ""
        lines.append(f"| {name} | {row['tried']:,} | {len(row['bad'])} | {longest} | {memory} |")
    lines.append("")
    lines.append(f"{results['version']}, seed {results['seed']}. A command on a mutated input may take {LIMIT_S * mutations.SLOW} s "
                 f"and {LIMIT_MB} MB; mutation 0 of each input is the valid file, which has to work.")
    return "\n".join(lines) + "\n"


def place(page, results):
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(before + BEGIN + table(results) + END + after)


if __name__ == "__main__":
    main()
