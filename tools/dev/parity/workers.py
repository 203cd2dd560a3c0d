"""Scripts that run in the peers' environment."""

import os
import subprocess
from pathlib import Path


def run_peer(python: str, worker: str, folder: Path) -> None:
    """Runs a worker script in the peers' environment; its output goes to a log beside its files."""
    log = folder / 'log.txt'
    environment = {**os.environ, 'HF_HUB_OFFLINE': '1'}
    environment.pop('PYTHONPATH', None)
    with log.open('w') as out:
        command = [python, str(Path(__file__).parent / f'{worker}.py'), str(folder.resolve())]
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env=environment).returncode
    if code:
        raise SystemExit(f'{" ".join(command)} failed:\n{log.read_text()[-2000:]}')
