#!/usr/bin/env python3
"""Draws what benches/scale.sh prints: scale.py MEASURED.txt scale.svg TITLE. Needs matplotlib."""

import sys
from collections import defaultdict

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

measured, picture, title = sys.argv[1:4]
runs = defaultdict(list)
for line in open(measured):
    what, rows, seconds, peak = line.split()
    if rows.isdigit():
        runs[what.replace("_", " ")].append((int(rows), float(seconds), float(peak)))

plt.rcParams.update({"svg.hashsalt": "scale", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10})
figure, (time, memory) = plt.subplots(1, 2, figsize=(12.5, 5.2), sharex=True)
styles = [(color, line) for line in ("-", "--") for color in plt.get_cmap("tab10").colors[:7]]
for (what, points), (color, line) in zip(runs.items(), styles):
    rows, seconds, peak = zip(*points)
    time.plot(rows, seconds, line, color=color, marker="o", markersize=3, linewidth=1.4, label=what)
    memory.plot(rows, peak, line, color=color, marker="o", markersize=3, linewidth=1.4)
ends = [min(run[0][0] for run in runs.values()), max(run[-1][0] for run in runs.values())]
anchor = min(run[-1][1] for run in runs.values()) / ends[1]
time.plot(ends, [anchor * rows for rows in ends], ":", color="grey", linewidth=1, label="proportional to rows")
time.set(xscale="log", yscale="log", xlabel="rows", ylabel="seconds")
memory.set(xscale="log", xlabel="rows", ylabel="peak memory of the process, MB", ylim=(0, None))
for axis in (time, memory):
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
figure.legend(fontsize=8, frameon=False, loc="center right")
figure.suptitle(title, x=0.01, ha="left", fontsize=11)
figure.tight_layout(rect=(0, 0, 0.85, 1))
figure.savefig(picture, metadata={"Date": None})
