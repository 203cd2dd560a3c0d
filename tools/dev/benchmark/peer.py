"""Another system in its own process and environment, asked turn by turn."""

import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


class Peer:
    """A worker script that is up and waits.

    Args:
        python: The Python of its environment.
        system: 'mmpretrain' or 'openflamingo'.
        folder: Its folder, which holds `job.json` and the records of each number of shots.
        threads: Threads of its matrix products.

    Raises:
        SystemExit: It broke off; the message has the end of its log.
    """

    def __init__(self, python: str, system: str, folder: Path, threads: int) -> None:
        self.log = folder / 'log.txt'
        environment = {**os.environ, 'HF_HUB_OFFLINE': '1', 'OMP_NUM_THREADS': str(threads)}
        environment.pop('PYTHONPATH', None)
        self._command = [python, str(HERE / f'peer_{system}.py'), str(folder)]
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open('w'),
            env=environment,
            text=True,
        )
        self._answer()  # it is ready

    def run(self, shots: int, batch_size: int, samples: int) -> dict:
        """One turn: `seconds`, `captions`, `peak_bytes` and `working_bytes` (see `Turn`) of the first samples."""
        self._process.stdin.write(json.dumps({'shots': shots, 'batch_size': batch_size, 'samples': samples}) + '\n')
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let it end."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise SystemExit(f'{" ".join(self._command)} broke off:\n{self.log.read_text()[-2000:]}')
        return json.loads(line)
