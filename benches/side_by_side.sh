#!/usr/bin/env bash
# The benchmarks here and the Python peers in turn, on the same files: benches/side_by_side.sh PEERS FOLDER
# PEERS is a folder with the peers' program; FOLDER is where the data is made (2 GB) and kept;
# PYTHON is an interpreter with scikit-learn, pandas and pyarrow.
set -euo pipefail
cd "$(dirname "$0")/.."
peers="${1:?give the folder of the peers}/peers"
data="${2:?give a folder for the data}"
python="${PYTHON:-python3}"
mkdir -p "$data"
[ -f "$data/50k.npy" ] || "$peers" make 50000 1536 "$data/50k.npy"
[ -f "$data/200k.npy" ] || "$peers" make 200000 384 "$data/200k.npy"
[ -f "$data/10k.npy" ] || "$peers" make 10000 1536 "$data/10k.npy"
[ -f "$data/10k.parquet" ] || "$python" benches/make_tables.py "$data/10k.npy" "$data/10k.csv" "$data/10k.parquet"
bench() { cargo bench --quiet --bench "$1" -- "${@:2}"; }

echo "== k-means, 1,000 x 384"
reviews=../shared/data/fine_food_reviews_minilm_1k.csv
if [ -f "$reviews" ]; then
  [ -f "$data/1k.npy" ] || cargo run --quiet --release -- convert "$reviews" "$data/1k.npy"
  "$peers" kmeans "$data/1k.npy" --k 4 --n-init 10
  bench k_means "$data/1k.npy"
fi
echo "== exact search"
for rows in 50k 200k; do
  "$peers" search "$data/$rows.npy"
  bench top_k "$data/$rows.npy"
done
echo "== PCA to 50, 50,000 x 1536"
"$python" benches/sklearn_pca.py "$data/50k.npy"
bench pca "$data/50k.npy"
echo "== CSV and Parquet, 10,000 x 1536"
"$peers" load "$data/10k.parquet"
bench parquet "$data/10k.parquet"
"$peers" load "$data/10k.csv"
bench csv "$data/10k.csv"
echo "== k-means, 50,000 x 1536"
bench k_means "$data/50k.npy"
"$peers" kmeans "$data/50k.npy" --k 20 --n-init 1 --max-iter 50
"$peers" kmeans "$data/50k.npy" --k 100 --n-init 1 --max-iter 10
