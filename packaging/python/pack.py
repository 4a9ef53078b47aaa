"""Writes a wheel from a directory laid out as one: adds RECORD, then zips.

    python3 pack.py DIRECTORY WHEEL

The same directory gives the same bytes: names are sorted and every file is of 1980. The file
appears under its name when it is whole.
"""

import base64
import csv
import hashlib
import io
import os
import sys
import zipfile
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


def record(files, place):
    """The lines of RECORD, which has no hash of itself."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    for name, path in files.items():
        content = path.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow((name, f"sha256={digest}", len(content)))
    writer.writerow((place, "", ""))
    return lines.getvalue()


def entry(name, executable):
    found = zipfile.ZipInfo(name, EPOCH)
    found.compress_type = zipfile.ZIP_DEFLATED
    found.create_system = 3  # Unix: the mode below counts.
    found.external_attr = (0o100755 if executable else 0o100644) << 16
    return found


def main(directory, wheel):
    root = Path(directory)
    # The metadata last, as the format recommends: it can then be changed in place.
    found = sorted((path for path in root.rglob("*") if path.is_file()),
                   key=lambda path: (".dist-info/" in path.as_posix(), path.as_posix()))
    files = {path.relative_to(root).as_posix(): path for path in found}
    (info,) = root.glob("*.dist-info")
    place = f"{info.name}/RECORD"
    unfinished = Path(f"{wheel}.unfinished")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name, path in files.items():
            archive.writestr(entry(name, os.access(path, os.X_OK)), path.read_bytes(), compresslevel=9)
        archive.writestr(entry(place, False), record(files, place))
    unfinished.rename(wheel)


main(*sys.argv[1:])
