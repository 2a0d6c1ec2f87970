#!/usr/bin/env python3
"""Draws what `vidgen bench train --json` measured: each convolution of a step in its three directions, by how many
operations it does for each byte that it must move, under the ceilings of the same machine in the same run.

Needs Python with matplotlib.

usage: tools/roofline.py BENCH.json OUT.png
"""
import json
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

MARKERS = {"forward": ("o", "result"), "input_gradient": ("s", "gradient of the input"),
           "weight_gradient": ("^", "gradient of the weights")}


def draw(bench, out):
    ceiling = bench["ceiling"]
    peak = max(ceiling["convolution"], ceiling["gemm"])
    layers = [layer for layer in bench["convolutions"] if layer["flops"] > 1e7]
    networks = sorted({layer["name"].split(".")[0] for layer in layers})
    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    intensities = [layer["flops"] / layer["bytes"] for layer in layers]
    low, high = min(intensities) / 2, max(intensities) * 2
    ridge = peak / ceiling["bandwidth"]
    axes.plot([low, ridge, max(high, ridge)], [low * ceiling["bandwidth"] / 1e9, peak / 1e9, peak / 1e9], color="black")
    axes.annotate(f"{peak / 1e9:.0f} GFLOP/s", (high, peak / 1e9), ha="right", va="bottom")
    axes.annotate(f"{ceiling['bandwidth'] / 1e9:.0f} GB/s", (low, low * ceiling["bandwidth"] / 1e9), ha="left", va="bottom")
    for layer, intensity in zip(layers, intensities):
        for direction, (marker, _) in MARKERS.items():
            axes.scatter(intensity, layer[direction]["flops_per_second"] / 1e9, marker=marker, s=40, alpha=0.8,
                         color=f"C{networks.index(layer['name'].split('.')[0])}")
    for i, network in enumerate(networks):
        axes.scatter([], [], color=f"C{i}", label=network)
    for marker, name in MARKERS.values():
        axes.scatter([], [], color="grey", marker=marker, label=name)
    axes.axhline(bench["flops_per_second"] / 1e9, color="C3", linestyle="--",
                 label=f"whole step, {bench['flops_per_second'] / 1e9:.0f} GFLOP/s")
    axes.set(xscale="log", yscale="log", xlim=(low, max(high, ridge)), xlabel="operations of the plain algorithm for each byte moved",
             ylabel="GFLOP/s", title=f"{bench['device']}, {bench['precision']}, {bench['threads']} threads, batch {bench['batch_size']}")
    axes.legend(fontsize="small", loc="lower right")
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip().splitlines()[-1])
    with open(sys.argv[1], encoding="utf-8") as file:
        draw(json.load(file), sys.argv[2])
