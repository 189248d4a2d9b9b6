"""The other side of the linear benchmark: scikit-learn's TfidfVectorizer and LinearSVC.

    linear_peer.py --train F --test F [--predict-repeat N]

Files are JSON lines of {"text", "labels"}, labels closed upwards. Prints one JSON
object: seconds of fitting and predicting, both from texts in memory, and raw F1.
Macro-F1 is over the labels of train and test together.
"""

import argparse
import json
import os
import platform
import sys
import time

import numpy
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.svm import LinearSVC


def read(path):
    texts, labels = [], []
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if "labels" in row:
                texts.append(row["text"])
                labels.append(row["labels"])
    return texts, labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--predict-repeat", type=int, default=1)
    options = parser.parse_args()
    train_texts, train_labels = read(options.train)
    test_texts, test_labels = read(options.test)

    binarizer = MultiLabelBinarizer()
    binarizer.fit(train_labels + test_labels)
    gold = binarizer.transform(train_labels)

    started = time.perf_counter()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    features = vectorizer.fit_transform(train_texts)
    model = OneVsRestClassifier(LinearSVC(C=1.0), n_jobs=1)
    model.fit(features, gold)
    fit_seconds = time.perf_counter() - started

    # Labels without a document have a constant predictor; the matrix product is what counts.
    weights = [e for e in model.estimators_ if hasattr(e, "coef_")]
    matrix = numpy.vstack([e.coef_ for e in weights]).T
    bias = numpy.concatenate([e.intercept_ for e in weights])
    many = test_texts * options.predict_repeat
    started = time.perf_counter()
    decided = vectorizer.transform(many) @ matrix + bias > 0
    predict_seconds = time.perf_counter() - started
    assert decided.shape[0] == len(many)

    predicted = model.predict(vectorizer.transform(test_texts))
    truth = binarizer.transform(test_labels)
    json.dump(
        {
            "program": f"scikit-learn {sklearn.__version__}, Python {platform.python_version()}",
            "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())),
            "train_documents": len(train_texts),
            "test_documents": len(many),
            "features": len(vectorizer.vocabulary_),
            "fit_seconds": fit_seconds,
            "predict_docs_per_s": len(many) / predict_seconds,
            "micro_f1": f1_score(truth, predicted, average="micro", zero_division=0),
            "macro_f1": f1_score(truth, predicted, average="macro", zero_division=0),
        },
        sys.stdout,
    )
    print()


if __name__ == "__main__":
    main()
