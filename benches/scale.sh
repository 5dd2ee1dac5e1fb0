#!/usr/bin/env bash
# Time and peak memory on files larger than the memory that is allowed: benches/scale.sh FOLDER [ROWS..]
# FOLDER is where the files are made and kept (DIMS=1536, the default: 27 GB for the default rows; a second copy of the largest is
# written for a moment); PYTHON is an interpreter with NumPy and pyarrow, and matplotlib for the picture.
# Prints one line a run: what, rows, seconds, peak MB. `scale.py` draws them.
set -euo pipefail
cd "$(dirname "$0")/.."
data="${1:?give a folder for the data}"
shift
rows=("${@:-}")
[ -n "${rows[0]}" ] || rows=(10000 100000 300000 1000000 3000000)
python="${PYTHON:-python3}"
memory="${MEMORY:-2G}"
dims="${DIMS:-1536}"
mkdir -p "$data"
embedlab="${EMBEDLAB_BINARY:-}"
if [ -z "$embedlab" ]; then
  cargo build --quiet --release
  embedlab="${CARGO_TARGET_DIR:-target}/release/embedlab"
fi

make() { # rows, file: vectors around 100 points, in row groups of 10,000 rows
  "$python" - "$1" "$2" "$dims" <<'PYTHON'
import sys
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

rows, path, dims, group = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), 10_000
random = np.random.default_rng(1)
points = random.standard_normal((100, dims), dtype=np.float32)
schema = pa.schema([("id", pa.int64()), ("kind", pa.string()), ("embedding", pa.list_(pa.float32(), dims))])
with pq.ParquetWriter(path, schema, compression="none", use_dictionary=["kind"]) as out:
    for start in range(0, rows, group):
        n = min(group, rows - start)
        kinds = random.integers(0, 100, n)
        vectors = points[kinds] + random.standard_normal((n, dims), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dims)
        ids = pa.array(np.arange(start, start + n))
        out.write_table(pa.table([ids, pa.array([f"k{kind}" for kind in kinds]), column], schema=schema))
PYTHON
}

measure() { # what, rows, command..
  local what="$1" n="$2" begin end peak
  shift 2
  begin=$(date +%s.%N)
  "$embedlab" "$@" --quiet > "$data/out.txt" &
  local id=$! most=0
  while kill -0 "$id" 2> /dev/null; do
    peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$id/status" 2> /dev/null || true)
    [ "${peak:-0}" -gt "$most" ] && most=$peak
    sleep 0.05
  done
  wait "$id"
  end=$(date +%s.%N)
  echo "${what// /_} $n $(awk "BEGIN { print $end - $begin }") $((most / 1024))"
}

first="$data/first.$dims.parquet"
[ -f "$first" ] || make 2000 "$first"
model="$data/model.$dims.safetensors"
"$embedlab" cluster "$first" -k 20 --save "$model" --quiet > /dev/null
layout="$data/map.$dims.parquet"
"$embedlab" map "$first" --method pca -o "$layout" --quiet > /dev/null
labels="$data/labels.$dims.parquet"
"$python" - "$first" "$labels" <<'PYTHON'
import sys
import pyarrow.parquet as pq

first = pq.read_table(sys.argv[1]).slice(0, 5)
pq.write_table(first.rename_columns(["id", "label", "embedding"]), sys.argv[2])
PYTHON

echo "what rows seconds peak_MB"
for n in "${rows[@]}"; do
  file="$data/$n.$dims.parquet"
  [ -f "$file" ] || make "$n" "$file"
  within=(--memory "$memory")
  measure "cluster, two passes" "$n" cluster "$file" -k 100 --passes two "${within[@]}"
  measure "cluster, 20 iterations" "$n" cluster "$file" -k 100 --passes full --max-iter 20 --tol 0 --n-init 1 "${within[@]}"
  measure inspect "$n" inspect "$file" "${within[@]}"
  measure check "$n" check "$file" "${within[@]}"
  measure profile "$n" profile "$file" --by kind "${within[@]}"
  measure search "$n" search "$file" --row 0 "${within[@]}"
  measure neighbors "$n" neighbors "$file" --row 0 "${within[@]}"
  measure zero-shot "$n" zero-shot "$file" --labels "$labels" "${within[@]}"
  measure predict "$n" predict "$model" "$file" -o "$data/out.parquet" "${within[@]}"
  measure "map --onto" "$n" map "$file" --onto "$layout" -o "$data/out.parquet" "${within[@]}"
  measure "duplicates, exact" "$n" duplicates "$file" --exact-only "${within[@]}"
  measure convert "$n" convert "$file" "$data/out.parquet" "${within[@]}"
  rm -f "$data/out.parquet"
done
