"""A worker that takes one line of JSON a turn and answers with one."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmark.memory import held_bytes, peak_bytes, reset_peak  # noqa: E402


def serve(build: Callable[[Path], Callable[[list[dict]], list[str]]]) -> None:
    """Answers turns until the input ends.

    Args:
        build: Makes the system from its folder; the system turns a batch of records into captions.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print, too
    folder = Path(sys.argv[1])
    predict = build(folder)
    print(json.dumps({'ready': True}), file=answers, flush=True)
    for line in sys.stdin:
        turn = json.loads(line)
        records = json.loads((folder / f'records-{turn["shots"]}.json').read_text())[: turn['samples']]
        reset_peak()
        before = held_bytes()
        start = time.perf_counter()
        captions: list[str] = []
        progress: list[tuple[int, float]] = []
        while len(captions) < len(records):
            captions += predict(records[len(captions) : len(captions) + turn['batch_size']])
            progress.append((len(captions), time.perf_counter() - start))
        memory = {'peak_bytes': peak_bytes(), 'working_bytes': peak_bytes() - before}
        answer = {'seconds': progress[-1][1], 'captions': captions, 'progress': progress, **memory}
        print(json.dumps(answer), file=answers, flush=True)
