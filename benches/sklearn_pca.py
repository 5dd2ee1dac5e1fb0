"""scikit-learn's PCA to 50 of a .npy matrix, timed as the peers are: python sklearn_pca.py X.npy"""
import json, sys, time
import numpy as np
from sklearn.decomposition import PCA

x = np.load(sys.argv[1])
for _ in range(3):
    start = time.perf_counter()
    m = PCA(50, svd_solver="covariance_eigh").fit(x)
    y = m.transform(x)
    print(json.dumps({"tool": "scikit-learn PCA(50, covariance_eigh), fit and transform", "seconds": round(time.perf_counter() - start, 4),
                      "explained_variance": float(m.explained_variance_[0])}))
