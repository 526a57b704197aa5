#!/usr/bin/env python3
"""Writes testdata/metrics_reference.json: metrics by scikit-learn, for the tests.

    pip install scikit-learn
    python scripts/metrics_reference.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn import metrics

random = np.random.default_rng(7)
cases = []
for labels, clips in [(2, 40), (4, 200), (7, 560)]:
    truth = random.integers(labels, size=clips)
    predicted = np.where(random.random(clips) < 0.7, truth, random.integers(labels, size=clips))
    cases.append((labels, truth, predicted))
# A label that is never predicted and one that never occurs.
cases.append((4, np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 3, 0, 1])))

reference = []
for labels, truth, predicted in cases:
    names = list(range(labels))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, predicted, labels=names, zero_division=0
    )
    occurring = support > 0
    reference.append(
        dict(
            labels=labels,
            truth=truth.tolist(),
            predicted=predicted.tolist(),
            accuracy=metrics.accuracy_score(truth, predicted),
            unweighted_average_recall=float(np.mean(recall[occurring])),
            confusion=metrics.confusion_matrix(truth, predicted, labels=names).tolist(),
            precision=precision.tolist(),
            recall=recall.tolist(),
            f1=f1.tolist(),
            support=support.tolist(),
        )
    )
path = pathlib.Path(__file__).parent.parent / "testdata" / "metrics_reference.json"
path.write_text(json.dumps(dict(scikit_learn=sklearn.__version__, cases=reference)) + "\n")
