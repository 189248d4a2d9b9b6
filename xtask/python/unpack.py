"""Unpacks chosen members of wheels.

Reads {"wheel", "members": [[from, to]]} objects, one a line, from standard input.
A `from` that ends in a slash is a folder; one that ends in `*` is every file of a
folder whose name begins so (then `to` is a folder). A member that matches nothing
is an error.
"""

import json
import os
import shutil
import stat
import sys
import zipfile


def pairs(names, source, to):
    if source.endswith("/"):
        return [(n, os.path.join(to, n[len(source):])) for n in names if n.startswith(source) and not n.endswith("/")]
    if source.endswith("*"):
        folder = source.rpartition("/")[0]
        return [
            (n, os.path.join(to, os.path.basename(n)))
            for n in names
            if n.startswith(source[:-1]) and n.rpartition("/")[0] == folder and not n.endswith("/")
        ]
    return [(source, to)] if source in names else []


def main():
    for line in sys.stdin:
        job = json.loads(line)
        with zipfile.ZipFile(job["wheel"]) as wheel:
            names = set(wheel.namelist())
            for source, to in job["members"]:
                found = pairs(names, source, to)
                if not found:
                    sys.exit(f"{os.path.basename(job['wheel'])} holds no {source}")
                for name, path in sorted(found):
                    if ".." in name.split("/"):
                        sys.exit(f"{name} would be unpacked outside its folder")
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with wheel.open(name) as member, open(path, "wb") as file:
                        shutil.copyfileobj(member, file, 1 << 20)
                    if wheel.getinfo(name).external_attr >> 16 & stat.S_IXUSR:
                        os.chmod(path, 0o755)


if __name__ == "__main__":
    main()
