"""Kills, damaged blocks, full disks and two processes: nothing is lost, and the end is the same bytes."""

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

from inputs import blocks


class Crashes:
    """Rows of the table; each returns how many were tried and what went wrong."""

    def __init__(self, program, town, folder, seed):
        self.program, self.town, self.dice = program, town, random.Random(seed)
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.whole = blocks(town.store)

    # Kills.

    def duration(self, arguments, folder):
        since = time.monotonic()
        self.program.must(arguments, folder)
        return time.monotonic() - since

    def kill_segment(self, count):
        """SIGKILL of `segment` at a random moment, then the same command."""
        store, bad = self.folder / "killed", []
        command = [*self.town.segment, "--store", store]
        took = self.duration(command, self.folder)
        for number in range(count):
            shutil.rmtree(store, ignore_errors=True)
            for _ in range(self.dice.choice([1, 1, 2, 3])):
                self.program.kill_after(self.dice.uniform(0, took), command, self.folder)
            wrong = [name for name, data in blocks(store).items() if self.whole.get(name) != data]
            if wrong:
                bad.append({"number": number, "faults": [f"{wrong} is not whole under its final name"]})
            ended = self.program.run(command, self.folder)
            bad += self.judged(number, ended, store)
        return count, bad

    def judged(self, number, ended, store):
        """What is wrong with a store after its last run."""
        if ended.code != 0 or ended.faults:
            return [{"number": number, "faults": [*ended.faults, f"exit code {ended.code}"], "stderr": ended.err[-600:]}]
        if blocks(store) != self.whole:
            return [{"number": number, "faults": ["other label blocks than without a kill"]}]
        return []

    def kill_write(self, arguments, name, count):
        """SIGKILL of a command that replaces a file: the old one stays whole, and the next run writes the new one."""
        folder, bad = self.folder / "written", []
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = folder / name
        took = self.duration([*arguments, "-o", path], self.folder)
        whole, old = path.read_bytes(), b"the file before\n"
        for number in range(count):
            path.write_bytes(old)
            self.program.kill_after(self.dice.uniform(0, took), [*arguments, "-o", path], self.folder)
            if path.read_bytes() not in (old, whole):
                bad.append({"number": number, "faults": [f"{name} is neither the old file nor the new one"]})
            ended = self.program.run([*arguments, "-o", path], self.folder)
            # Names of classes go into a.tif.aux.xml.
            visible = [p.name for p in folder.iterdir() if not p.name.startswith(".") and p.name != f"{name}.aux.xml"]
            if ended.code != 0 or path.read_bytes() != whole or visible != [name]:
                bad.append({"number": number, "faults": [f"after the next run: exit code {ended.code}, {visible}"],
                            "stderr": ended.err[-600:]})
        return count, bad

    def kill_export(self, count):
        tried, bad = 0, []
        for name in ["a.geojson", "a.gpkg", "a.fgb", "a.tif"]:
            part = self.kill_write(["export", "--store", self.town.store], name, -(-count // 4))
            tried, bad = tried + part[0], bad + part[1]
        return tried, bad

    def kill_vectorize(self, count):
        return self.kill_write(["vectorize", self.town.folder / "labels.tif", "--city"], "v.gpkg", count)

    def kill_train(self, count):
        """SIGKILL of `train --add`: head and samples are those of before or of after, and the same command ends the same."""
        names, bad = ["head.json", "head.samples"], []
        command = [*self.town.train, "--add", self.town.folder / "more.geojson", "-o", self.folder / "head.json"]
        before = {name: (self.town.folder / name).read_bytes() for name in names}
        read = lambda: {name: (self.folder / name).read_bytes() for name in names}  # noqa: E731

        def restore():
            for name in names:
                (self.folder / name).write_bytes(before[name])

        restore()
        took = self.duration(command, self.folder)
        after = read()
        for number in range(count):
            restore()
            self.program.kill_after(self.dice.uniform(0, took), command, self.folder)
            torn = [name for name, data in read().items() if data not in (before[name], after[name])]
            if torn:
                bad.append({"number": number, "faults": [f"{torn} is torn"]})
            ended = self.program.run(command, self.folder)
            if ended.code != 0 or read() != after:
                bad.append({"number": number, "faults": [f"after the next run: exit code {ended.code}, or another head"],
                            "stderr": ended.err[-600:]})
        return count, bad

    def kill_assign(self, count):
        """SIGKILL of `clusters --assign`: the store is the old or the new one, and the same command ends the same."""
        first, store, bad = self.folder / "clustered", self.folder / "assigned", []
        for path in [first, store]:
            shutil.rmtree(path, ignore_errors=True)
        model = ["--model", self.town.features, "--device", "cpu"]
        # The store is always at one path: its manifest names the scorer by its path.
        self.program.must(["clusters", self.town.scenes, *model, "--store", store, "-k", 4], self.folder)
        self.program.must(["segment", self.town.scenes, *model, "--block-px", 64, "--scorer", store / "clusters.json", "--store",
                           store], self.folder)
        shutil.copytree(store, first)
        command = ["clusters", "--store", store, "--assign", "1=building,2=road,3=vegetation,4=water"]
        old, took = blocks(store), self.duration(command, self.folder)
        new = blocks(store)
        for number in range(count):
            shutil.rmtree(store)
            shutil.copytree(first, store)
            self.program.kill_after(self.dice.uniform(0, took), command, self.folder)
            exported = self.program.run(["export", "--store", store, "-o", "assigned.tif"], self.folder)
            if exported.code != 0 or blocks(store) not in (old, new):
                bad.append({"number": number, "faults": [f"after the kill: exit code {exported.code}, or a mixed store"],
                            "stderr": exported.err[-600:]})
            ended = self.program.run(command, self.folder)
            if ended.code != 0 or blocks(store) != new:
                bad.append({"number": number, "faults": [f"after the next run: exit code {ended.code}, or other blocks"],
                            "stderr": ended.err[-600:]})
        return count, bad

    # Damage.

    def flip_bits(self, count):
        """One bit of one label block is flipped: `segment` makes the block again, or the map is the same."""
        store, bad = self.folder / "flipped", []
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(self.town.store, store)
        maps = self.maps(store)
        for number in range(count):
            name = self.dice.choice(sorted(self.whole))
            data = bytearray(self.whole[name])
            data[self.dice.randrange(len(data))] ^= 1 << self.dice.randrange(8)
            (store / "labels" / name).write_bytes(data)
            ended = self.program.run([*self.town.segment, "--store", store], self.folder)
            again = (store / "labels" / name).read_bytes() == self.whole[name]
            if ended.faults or not (again or self.maps(store) == maps):
                bad.append({"number": number, "faults": [*ended.faults, f"a damaged {name} is taken for good"]})
            (store / "labels" / name).write_bytes(self.whole[name])
        return count, bad

    def maps(self, store):
        """Everything that a store exports; none where it exports nothing."""
        written = []
        for name in ["map.tif", "map.geojson"]:
            path = self.folder / name
            path.unlink(missing_ok=True)
            ended = self.program.run(["export", "--store", store, "-o", path], self.folder)
            written.append((ended.code, path.read_bytes() if path.exists() else None))
        return written

    # Full disks.

    def full_disk(self, count):
        """A small file system fills up: a clear error, and the same command ends the same once there is room."""
        bad, mount = [], self.folder / "small"
        mount.mkdir(exist_ok=True)
        if not mounted(mount, 64):
            return None, "needs the right to mount a tmpfs"
        unmount(mount)
        for number in range(count):
            mounted(mount, self.dice.randrange(16, 400))
            try:
                bad += self.store_on(mount, number) if number % 2 else self.export_on(mount, number)
            finally:
                unmount(mount)
        return count, bad

    def store_on(self, mount, number):
        store = mount / "store"
        command = [*self.town.segment, "--store", store]
        ended = self.program.run(command, self.folder)
        if ended.faults:
            return [{"number": number, "faults": ended.faults, "stderr": ended.err[-600:]}]
        wrong = [name for name, data in blocks(store).items() if self.whole.get(name) != data]
        bad = [{"number": number, "faults": [f"{wrong} is not whole under its final name"]}] if wrong else []
        subprocess.run(["mount", "-o", "remount,size=64m", mount], check=True)
        return bad + self.judged(number, self.program.run(command, self.folder), store)

    def export_on(self, mount, number):
        name = self.dice.choice(["a.geojson", "a.gpkg", "a.fgb", "a.tif"])
        (mount / name).write_bytes(b"the file before\n")
        ended = self.program.run(["export", "--store", self.town.store, "-o", mount / name], self.folder)
        left = [path.name for path in mount.iterdir() if path.name != f"{name}.aux.xml"]
        kept = (mount / name).read_bytes() == b"the file before\n"
        if ended.faults or left != [name] or (ended.code != 0) != kept:
            return [{"number": number, "faults": [*ended.faults, f"exit code {ended.code}, {left} on the disk, old file kept: {kept}"],
                     "stderr": ended.err[-600:]}]
        return []

    # Two processes.

    def two_processes(self, count):
        """Two `segment`s of one store at once: both end well, and the store is the same."""
        store, bad = self.folder / "shared", []
        command = [*self.town.segment, "--store", store]
        for number in range(count):
            shutil.rmtree(store, ignore_errors=True)
            pair = []
            for name in ["first", "second"]:
                pair.append(self.program.start(command, self.folder, name))
                time.sleep(self.dice.choice([0, 0, 0.01, 0.1, 0.2]))
            codes = [child.wait(self.program.limit_s) for child in pair]
            if codes != [0, 0]:
                errors = [(self.folder / f"{name}.err").read_text(errors="replace")[-300:] for name in ["first", "second"]]
                bad.append({"number": number, "faults": [f"exit codes {codes}"], "stderr": " | ".join(errors)})
            elif blocks(store) != self.whole:
                bad.append({"number": number, "faults": ["other label blocks than by one process"]})
        return count, bad


def mounted(mount, size_kib):
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(mount)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def unmount(mount):
    subprocess.run(["umount", str(mount)], check=True)
