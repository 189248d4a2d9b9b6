"""Compares the figures of `arborist evaluate` with those of scikit-learn and HiClass on random cases.

Taxonomies are trees and DAGs; documents have none, one or several labels, and predictions that may contradict the
taxonomy. Every figure has to agree to 1e-9.
"""

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from hiclass import metrics as hiclass
from sklearn import metrics as sklearn

TOLERANCE = 1e-9


class Case:
    """A random taxonomy with documents and predictions."""

    def __init__(self, seed):
        draw = random.Random(seed)
        self.labels = [f"label {number}" for number in range(draw.randint(3, 40))]
        several = draw.choice([False, True])
        self.parents = []
        for number in range(len(self.labels)):
            most = min(number, draw.choice([1, 1, 2, 3]) if several else 1)
            count = draw.randint(0 if number < 3 or draw.random() < 0.1 else 1, max(most, 0)) if most else 0
            self.parents.append(sorted(draw.sample(range(number), count)))
        documents = draw.randint(5, 60)
        self.gold = [self.some(draw, draw.choice([0, 1, 1, 2, 3])) for _ in range(documents)]
        self.raw = [
            self.some(draw, draw.choice([0, 1, 2, 4])) | {label for label in gold if draw.random() < 0.6}
            for gold in self.gold
        ]
        self.scores = [
            draw.sample([step / 4096 for step in range(1, 4096)], len(self.labels)) for _ in range(documents)
        ]

    def some(self, draw, count):
        return set(draw.sample(range(len(self.labels)), min(count, len(self.labels))))

    def closed(self, labels):
        found, rest = set(), list(labels)
        while rest:
            label = rest.pop()
            if label not in found:
                found.add(label)
                rest.extend(self.parents[label])
        return found

    def level(self, label):
        return 1 + min((self.level(parent) for parent in self.parents[label]), default=0)

    def paths(self, label):
        """Every way from the top to the label."""
        if not self.parents[label]:
            return [[label]]
        return [path + [label] for parent in self.parents[label] for path in self.paths(parent)]

    def write(self, folder):
        with open(folder / "taxonomy.tsv", "w", encoding="utf-8") as file:
            for label, parents in enumerate(self.parents):
                for parent in [self.labels[parent] for parent in parents] or ["Root"]:
                    file.write(f"{self.labels[label]}\t{parent}\n")
        with open(folder / "gold.jsonl", "w", encoding="utf-8") as file:
            for number, gold in enumerate(self.gold):
                labels = [self.labels[label] for label in sorted(gold)]
                row = {"id": f"d{number}", "text": f"text {number}", "labels": labels}
                file.write(json.dumps(row) + "\n")
        with open(folder / "predictions.jsonl", "w", encoding="utf-8") as file:
            for number, (raw, scores) in enumerate(zip(self.raw, self.scores)):
                decoded = self.closed(raw)
                labels = [
                    {
                        "label": self.labels[label],
                        "path": [],
                        "score": scores[label],
                        "predicted": label in decoded,
                        "raw_predicted": label in raw,
                    }
                    for label in range(len(self.labels))
                ]
                file.write(json.dumps({"id": f"d{number}", "labels": labels}) + "\n")

    def matrix(self, sets):
        matrix = np.zeros((len(sets), len(self.labels)), dtype=int)
        for row, labels in enumerate(sets):
            matrix[row, sorted(labels)] = 1
        return matrix

    def as_paths(self, sets):
        """What HiClass takes: documents by paths by levels, filled up with nothing."""
        paths = [[path for label in sorted(labels) for path in self.paths(label)] for labels in sets]
        most = max(1, max(map(len, paths)))
        depth = max((len(path) for own in paths for path in own), default=1)
        array = np.full((len(sets), most, max(depth, 1)), "", dtype=object)
        for row, own in enumerate(paths):
            for column, path in enumerate(own):
                for place, label in enumerate(path):
                    array[row, column, place] = self.labels[label]
        return array


def padded(*arrays):
    """The same arrays with one shape: HiClass wants as many paths and levels on both sides."""
    shape = [max(sizes) for sizes in zip(*(array.shape for array in arrays))]
    result = []
    for array in arrays:
        wide = np.full(shape, "", dtype=object)
        wide[tuple(slice(0, size) for size in array.shape)] = array
        result.append(wide)
    return result


def expected(case):
    """The figures by the names that Arborist has for them."""
    gold_sets = [case.closed(labels) for labels in case.gold]
    gold = case.matrix(gold_sets)
    decoded = case.matrix([case.closed(labels) for labels in case.raw])
    raw = case.matrix(case.raw)
    scores = np.array(case.scores)
    f1 = lambda predicted, average: sklearn.f1_score(gold, predicted, average=average, zero_division=0)
    figures = {
        "micro_f1": f1(decoded, "micro"),
        "macro_f1": f1(decoded, "macro"),
        "micro_precision": sklearn.precision_score(gold, decoded, average="micro", zero_division=0),
        "micro_recall": sklearn.recall_score(gold, decoded, average="micro", zero_division=0),
        "exact_match": sklearn.accuracy_score(gold, decoded),
        "raw.micro_f1": f1(raw, "micro"),
        "raw.macro_f1": f1(raw, "macro"),
        "raw.exact_match": sklearn.accuracy_score(gold, raw),
    }
    supported = [label for label in range(len(case.labels)) if gold[:, label].any()]
    if supported:
        figures["macro_f1_supported"] = sklearn.f1_score(
            gold[:, supported], decoded[:, supported], average="macro", zero_division=0
        )
    precision, recall, own, support = sklearn.precision_recall_fscore_support(gold, decoded, average=None, zero_division=0)
    for label in range(len(case.labels)):
        figures[f"labels.{label}"] = (precision[label], recall[label], own[label], support[label])
    for level in range(1, max(map(case.level, range(len(case.labels)))) + 1):
        columns = [label for label in range(len(case.labels)) if case.level(label) == level]
        part = lambda average: sklearn.f1_score(gold[:, columns], decoded[:, columns], average=average, zero_division=0)
        # Of one column scikit-learn would take the two classes for two labels.
        if len(columns) > 1:
            figures[f"levels.{level}"] = (part("micro"), part("macro"), int(gold[:, columns].sum()))
    if any(gold_sets) and any(case.raw):
        both = padded(case.as_paths(gold_sets), case.as_paths(case.raw))
        figures["raw.hierarchical_precision"] = hiclass.precision(*both)
        figures["raw.hierarchical_recall"] = hiclass.recall(*both)
        if figures["raw.hierarchical_precision"] + figures["raw.hierarchical_recall"] > 0:
            figures["raw.hierarchical_f1"] = hiclass.f1(*both)
    judged = gold.any(axis=1)
    if judged.any():
        figures["ndcg_at_5"] = sklearn.ndcg_score(gold[judged], scores[judged], k=5, ignore_ties=True)
        ranked = np.argsort(-scores[judged], axis=1)
        right = np.take_along_axis(gold[judged], ranked, axis=1)
        for k in (1, 3, 5):
            figures[f"precision_at_{k}"] = (right[:, :k].sum(axis=1) / k).mean()
        sizes = gold[judged].sum(axis=1)
        figures["recall_at_5"] = (right[:, :5].sum(axis=1) / sizes).mean()
        figures["r_precision"] = np.mean([row[:size].sum() / size for row, size in zip(right, sizes)])
    return figures


def found(report, name):
    if name.startswith("labels."):
        label = report["labels"][int(name.split(".")[1])]
        return label["precision"], label["recall"], label["f1"], label["support"]
    if name.startswith("levels."):
        level = report["levels"][int(name.split(".")[1]) - 1]
        return level["micro_f1"], level["macro_f1"], level["support"]
    for part in name.split("."):
        report = report[part]
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arborist", required=True, help="the executable")
    parser.add_argument("--cases", type=int, default=60)
    arguments = parser.parse_args()
    figures = 0
    for seed in range(arguments.cases):
        case = Case(seed)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            case.write(folder)
            ran = subprocess.run(
                [arguments.arborist, "evaluate", "--gold", folder / "gold.jsonl", "--pred", folder / "predictions.jsonl"]
                + ["--taxonomy", folder / "taxonomy.tsv", "--json"],
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
        if ran.returncode != 0:
            raise SystemExit(f"case {seed}: arborist evaluate ended with {ran.returncode}\n{ran.stderr}")
        report = json.loads(ran.stdout.splitlines()[-1])
        by_id = {label["id"]: label for label in report["labels"]}
        report["labels"] = [by_id[label] for label in case.labels]
        for name, value in expected(case).items():
            ours = found(report, name)
            if not np.allclose(ours, value, rtol=0, atol=TOLERANCE):
                raise SystemExit(f"case {seed}, {name}: ours {ours}, theirs {value}")
            figures += 1
    print(f"Summary [{arguments.cases} cases] {figures} figures agree with scikit-learn and HiClass to {TOLERANCE}")


if __name__ == "__main__":
    main()
