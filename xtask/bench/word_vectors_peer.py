"""Word vectors as the authors' loaders read them, with the quickest way that NumPy has of reading a line of numbers.

    word_vectors_peer.py --vectors FILE --limit N

The first N words of the file are the vocabulary; their rows of a table are overwritten with the file's vectors.
Prints one JSON object: {"seconds", "words", "sum", "program"}.
"""

import argparse
import json
import platform
import time
import warnings

import numpy

# Reading text with a separator stays; only the binary form of the function is being retired.
warnings.simplefilter("ignore", DeprecationWarning)


def words(path, limit):
    """The vocabulary rule needs the file's words before any vector is chosen."""
    ids = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            ids.setdefault(line.split(" ", 1)[0].lower(), len(ids))
            if len(ids) == limit:
                break
    return ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--limit", type=int, required=True)
    options = parser.parse_args()
    with open(options.vectors, encoding="utf-8") as file:
        width = len(file.readline().split()) - 1
    table = numpy.zeros((options.limit, width), dtype=numpy.float32)

    started = time.perf_counter()
    ids = words(options.vectors, options.limit)
    found = 0
    with open(options.vectors, encoding="utf-8") as file:
        for line in file:
            word, numbers = line.split(" ", 1)
            place = ids.get(word.lower())
            if place is not None:
                table[place] = numpy.fromstring(numbers, dtype=numpy.float32, sep=" ")
                found += 1
    seconds = time.perf_counter() - started
    print(json.dumps({
        "seconds": seconds,
        "words": found,
        "sum": float(table.sum(dtype=numpy.float64)),
        "program": f"NumPy {numpy.__version__}, Python {platform.python_version()}",
    }))


if __name__ == "__main__":
    main()
