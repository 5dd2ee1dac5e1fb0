"""Print the figures that README.md gives for the sample.

    python check.py

Needs pandas, pyarrow and scikit-learn; the versions used are in README.md.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, v_measure_score

FOLDER = Path(__file__).resolve().parent
SPLITS = 200


def read(name):
    table = pd.read_parquet(FOLDER / name)
    return table, np.stack(table["embedding"].to_list()).astype(np.float64)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def counts(reviews):
    users = reviews["UserId"].value_counts()
    products = reviews["ProductId"].value_counts()
    print(f"rows {len(reviews)}, kinds {reviews['Kind'].nunique()}, distinct texts {reviews['Text'].nunique()}")
    print("stars", {s: f"{n} ({n / len(reviews):.1%})" for s, n in reviews["Score"].value_counts().sort_index().items()})
    print("kinds", reviews["Kind"].value_counts().sort_index().to_dict())
    for name, sizes in (("users", users), ("products", products)):
        print(
            f"{name} {len(sizes)}: with one review {(sizes == 1).sum()}, two {(sizes == 2).sum()}, "
            f"three or more {(sizes >= 3).sum()}; median {sizes.median():.0f}, most {sizes.max()}"
        )
    days = pd.to_datetime(reviews["Time"], unit="s")
    print(f"time {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}")
    tokens = reviews["n_tokens"]
    print(f"tokens {tokens.sum()}: {tokens.min()} to {tokens.max()}, median {tokens.median():.0f}")


def nearest_rows(vectors):
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -1.0)
    print(f"most similar pair of reviews {similarity.max():.3f}")


def clusters(reviews, vectors):
    for k in range(8, 13):
        found = [
            v_measure_score(reviews["Kind"], KMeans(k, n_init=10, random_state=seed).fit_predict(vectors))
            for seed in range(5)
        ]
        print(f"k-means k={k}: V-measure against Kind {np.mean(found):.3f} ({min(found):.3f} to {max(found):.3f})")


def label_scores(name, labels, label_vectors, vectors):
    """Similarity of every row to every label of a set: the mean over its texts."""
    chosen = labels["set"] == name
    names = sorted(labels["label"][chosen].unique())
    return names, np.stack(
        [(vectors @ label_vectors[chosen & (labels["label"] == n)].T).mean(axis=1) for n in names], axis=1
    )


def zero_shot(reviews, vectors):
    labels, label_vectors = read("labels.parquet")
    sided = (reviews["Score"] != 3).to_numpy()
    truth = (reviews["Score"] > 3).to_numpy()[sided]
    print(f"sentiment, always positive: accuracy {truth.mean():.3f}")
    for name in ("sentiment-short", "sentiment-long"):
        _, scores = label_scores(name, labels, label_vectors, vectors[sided])
        margin = scores[:, 1] - scores[:, 0]
        print(
            f"{name}: accuracy {np.mean((margin > 0) == truth):.3f}, balanced "
            f"{balanced_accuracy_score(truth, margin > 0):.3f}, ROC AUC {roc_auc_score(truth, margin):.3f}"
        )
    names, scores = label_scores("kinds", labels, label_vectors, vectors)
    print(f"kinds: accuracy {np.mean(np.array(names)[scores.argmax(axis=1)] == reviews['Kind']):.3f}")


def search(reviews, vectors):
    queries, query_vectors = read("queries.parquet")
    for query, kind, vector in zip(queries["query"], queries["kind"], query_vectors):
        best = np.argsort(-(vectors @ vector), kind="stable")[:5]
        of_kind = "" if pd.isna(kind) else f" [{(reviews['Kind'].iloc[best] == kind).sum()} of 5 {kind}]"
        print(f"search '{query}'{of_kind}: {' / '.join(reviews['Summary'].iloc[best[:3]])}")


def held_out_correlations(users, products, scores, vectors):
    """Correlation, split by split, of the stars of a held-out fifth with the
    similarity of the user's and the product's mean vector over the other rows."""
    rng = np.random.default_rng(0)
    found, percentiles = [], []
    for _ in range(SPLITS):
        train = np.ones(len(scores), bool)
        train[rng.permutation(len(scores))[: len(scores) // 5]] = False
        known = ~train & np.isin(users, users[train]) & np.isin(products, products[train])
        means = []
        for group in (users, products):
            total = np.zeros((group.max() + 1, vectors.shape[1]))
            np.add.at(total, group[train], vectors[train])
            means.append(unit(total[group[known]]))
        similarity = (means[0] * means[1]).sum(axis=1)
        found.append(np.corrcoef(similarity, scores[known])[0, 1])
        percentiles.append(pd.Series(similarity).rank(pct=True).groupby(scores[known]).median())
    return np.array(found), pd.concat(percentiles, axis=1).mean(axis=1)


def profiles(reviews, vectors):
    """What profiles say of held-out stars: by the embedding, and by Kind alone,
    which is how the signal was put in."""
    users = pd.factorize(reviews["UserId"])[0]
    products = pd.factorize(reviews["ProductId"])[0]
    scores = reviews["Score"].to_numpy()
    for name, rows in (("embedding", vectors), ("Kind", pd.get_dummies(reviews["Kind"]).to_numpy(float))):
        found, medians = held_out_correlations(users, products, scores, rows)
        print(
            f"user x product similarity by {name} against held-out stars, {SPLITS} splits: "
            f"correlation {found.mean():.3f} (standard deviation over splits {found.std():.3f})"
        )
        print("  median percentile by stars", {int(s): round(float(p), 2) for s, p in medians.items()})


def main():
    reviews, vectors = read("food_reviews.parquet")
    counts(reviews)
    nearest_rows(vectors)
    clusters(reviews, vectors)
    zero_shot(reviews, vectors)
    search(reviews, vectors)
    profiles(reviews, vectors)


if __name__ == "__main__":
    main()
