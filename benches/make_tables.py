"""A matrix as a CSV and as a Parquet file, as the guide's notebooks write them: python make_tables.py X.npy OUT.csv OUT.parquet"""
import sys
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq

x = np.load(sys.argv[1])
text = [f"Review number {i}: the coffee was good, and the box came in time." for i in range(len(x))]
columns = {"ProductId": [f"B{i % 997:09d}" for i in range(len(x))], "Score": [1 + i % 5 for i in range(len(x))], "combined": text}
pd.DataFrame({**columns, "embedding": [str(row) for row in x.astype(np.float64).tolist()]}).to_csv(sys.argv[2])
pq.write_table(pa.table({**columns, "embedding": pa.array(list(x), pa.list_(pa.float32()))}), sys.argv[3])
