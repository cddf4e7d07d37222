"""Out-of-fold predictions of two baselines: mean label frequency, and logistic regression on pixels.

    python -m venv venv && venv/bin/pip install scikit-learn==1.7.2 pillow==12.0.0
    venv/bin/python bench/pixel-baseline.py input.json

`npm run results` does that and writes the input:
  {"shards": [path], "labels": n, "samples": [{"shard", "offset", "length", "labels": [int], "fold"}]}
Prints {"frequency": [[p]], "logistic": [[p]]}, a row for each sample. Pixels are standardised and brought to their 100
principal components, on the training part of each fold alone; each label has a logistic regression of its own.
"""

import io
import json
import sys

import numpy as np
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

COMPONENTS = 100
STRENGTH = 0.01  # C of scikit-learn: small, as most labels have fewer pictures than there are components.


def pixels(shards: list[bytes], sample: dict) -> np.ndarray:
    raw = shards[sample["shard"]][sample["offset"] : sample["offset"] + sample["length"]]
    picture = Image.open(io.BytesIO(raw)).convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(ground, picture).convert("RGB"), dtype=np.float64).ravel() / 255


def main(path: str) -> None:
    given = json.load(open(path))
    shards = [open(shard, "rb").read() for shard in given["shards"]]
    samples = given["samples"]
    x = np.stack([pixels(shards, sample) for sample in samples])
    y = np.zeros((len(samples), given["labels"]))
    for row, sample in enumerate(samples):
        y[row, sample["labels"]] = 1
    folds = np.array([sample["fold"] for sample in samples])
    frequency, logistic = np.zeros_like(y), np.zeros_like(y)
    for fold in np.unique(folds):
        train, validation = folds != fold, folds == fold
        frequency[validation] = y[train].mean(0)
        features = make_pipeline(StandardScaler(), PCA(COMPONENTS, random_state=0))
        seen, unseen = features.fit_transform(x[train]), features.transform(x[validation])
        for label in range(y.shape[1]):
            if 0 < y[train, label].sum() < train.sum():
                model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(seen, y[train, label])
                logistic[validation, label] = model.predict_proba(unseen)[:, 1]
            else:
                logistic[validation, label] = y[train, label].mean()
    json.dump({"frequency": frequency.tolist(), "logistic": logistic.tolist()}, sys.stdout)


main(sys.argv[1])
