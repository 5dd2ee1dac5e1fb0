"""matplotlib's time from points to PNG bytes, for benches/scatter.rs: as many points, groups and pixels."""

import io
import statistics
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

ROUNDS = 7
COLORS = ["red", "darkorange", "gold", "turquoise", "darkgreen"]


def clouds(n):
    rng = np.random.default_rng(42)
    centres = np.array([[3, 2], [-2, 3], [1, -3], [-4, -1]])
    return (centres[rng.integers(0, 4, n)] + rng.normal(size=(n, 2))).astype(np.float32), rng.integers(0, 5, n)


def draw(points, stars):
    figure, axes = plt.subplots(figsize=(8, 6), dpi=200)
    colormap = matplotlib.colors.ListedColormap(COLORS)
    axes.scatter(points[:, 0], points[:, 1], c=stars, cmap=colormap, alpha=0.3, s=4)
    for star, color in enumerate(COLORS):
        mean = points[stars == star].mean(axis=0)
        axes.scatter(*mean, marker="x", color=color, s=100)
    axes.set_title("Scatter")
    out = io.BytesIO()
    figure.savefig(out, format="png")
    plt.close(figure)
    return out.getvalue()


print(f"matplotlib {matplotlib.__version__}, 1600 x 1200 pixels")
for n in [1_000, 10_000, 100_000, 1_000_000]:
    points, stars = clouds(n)
    draw(points, stars)
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        size = len(draw(points, stars))
        times.append((time.perf_counter() - start) * 1e3)
    print(f"{n:>9}  {statistics.median(times):>10.1f}  {min(times):.1f}..{max(times):.1f}  {size:>9}")
