"""Lets a CUDA build of PyTorch be imported without NVIDIA's libraries.

PyPI's PyTorch for Linux is a CUDA build that asks for 2.5 GB of libraries before it imports, and on a machine
without a GPU none of them is ever called. This puts empty ones in their place: each missing library becomes a small
one that defines the wanted names and aborts when one is called. Only the CUDA runtime itself (2 MB) has to be real,
because kernels register with it when they are loaded. Measurements on processors touch nothing else.

Usage: pip install --no-deps torch==2.11.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
       python torch_without_cuda.py SITE_PACKAGES
"""

import pathlib
import re
import subprocess
import sys
import tempfile

SYSTEM = re.compile(r"^(ld-linux|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|gomp)[.-])")


def dynamic(library):
    """Names of needed libraries, of undefined and of defined symbols."""
    needed = re.findall(r"NEEDED\s+(\S+)", subprocess.run(["objdump", "-p", library], capture_output=True, text=True, check=True).stdout)
    undefined, defined = set(), set()
    for line in subprocess.run(["nm", "-D", library], capture_output=True, text=True, check=True).stdout.splitlines():
        *_, kind, name = line.split()
        name = name.split("@")[0]
        if kind == "U":
            undefined.add(name)
        elif kind not in "wv":
            defined.add(name)
    return needed, undefined, defined


def main():
    packages = pathlib.Path(sys.argv[1])
    directory = packages / "torch" / "lib"
    for real in sorted((packages / "nvidia" / "cu13" / "lib").glob("libcu*.so.13")):
        link = directory / real.name
        link.unlink(missing_ok=True)
        link.symlink_to(real.resolve())
    libraries = sorted(directory.glob("*.so*"))
    present = {library.name for library in libraries}
    missing, undefined, defined = set(), set(), set()
    for library in libraries:
        needed, wants, has = dynamic(library)
        missing |= {name for name in needed if name not in present and not SYSTEM.match(name)}
        undefined |= wants
        defined |= has
    wanted = sorted(name for name in undefined - defined if re.match(r"^_*(cu|nccl|nvshmem|nvrtc|nvJitLink|nvml)", name))
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch) / "stub.c"
        source.write_text("#include <stdlib.h>\n" + "".join(f"void {name}(void) {{ abort(); }}\n" for name in wanted))
        empty = pathlib.Path(scratch) / "empty.c"
        empty.write_text("")
        for index, name in enumerate(sorted(missing)):
            # One library defines everything, the others only have to exist.
            body = source if index == 0 else empty
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", f"-Wl,-soname,{name}", "-o", directory / name, body], check=True)
    print(f"{len(missing)} libraries, {len(wanted)} names")


if __name__ == "__main__":
    main()
