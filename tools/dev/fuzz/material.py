"""What cases are made from: a small Flamingo, four questions about four pictures, a finished run and an interrupted one."""

import contextlib
import gc
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
from PIL import Image

from .configs import CAPTIONS, CONFIG, QUESTIONS, SIZE, TRAINING, VIDEO
from .running import run_forked

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 300  # seconds for what is made once
COLORS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)]


@dataclass(frozen=True)
class Outcome:
    """What a test gave: its samples, as far as a mutation may change them, and its scores."""

    samples: tuple
    metrics: Mapping[str, float]

    def difference(self, other: 'Outcome') -> str | None:
        """In what the other one differs; None if it is the same."""
        if len(self.samples) != len(other.samples):
            return f'{len(other.samples)} samples instead of {len(self.samples)}'
        for own, theirs in zip(self.samples, other.samples, strict=True):
            for name, value in own.items():
                if not _are_close(value, theirs[name]):
                    return f'{name} of sample {own["sample_id"]!r} is {theirs[name]!r:.80}, not {value!r:.80}'
        if self.metrics != other.metrics:
            return f'metrics are {other.metrics}, not {self.metrics}'
        return None


def _are_close(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list) and one and isinstance(one[0], float):
        return len(one) == len(other) and bool(np.allclose(one, other, rtol=0, atol=1e-5))
    return one == other


def outcome(work_dir: Path) -> Outcome:
    """What the newest finished run in a work dir, or the run in this folder, gave."""
    folder = max((path.parent for path in work_dir.rglob('results.json')), default=work_dir)
    lines = (folder / 'predictions.jsonl').read_text('utf-8').splitlines()
    fields = ('sample_id', 'question', 'prediction', 'references', 'choice_scores')
    samples = tuple({name: json.loads(line).get(name) for name in fields} for line in lines)
    return Outcome(samples, json.loads((folder / 'results.json').read_text('utf-8'))['metrics'])


@cache
def _module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f'fuzzed_{Path(path).stem}', ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tool(path: str, *arguments: object) -> Callable[[], None]:
    """What runs a tool of the repository in this process, as its command line would."""
    module = _module(path)

    def run() -> None:
        sys.argv = [path, *map(str, arguments)]
        module.main()

    return run


class Material:
    """Files of unmutated cases, made once.

    Args:
        folder: Where they go.

    Attributes:
        vqa, captions, video (Outcome): What tests of `vqa.py`, `captions.py` and `video.py` give.
        shown (list[str]): Names of the pictures that `vqa.py` shows, of queries and shots.
        run (Path): The folder of the finished run of `vqa.py`.
        broken (Path): A work dir that holds an interrupted run of `vqa.py`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_data(folder / 'data')
        write_configs(folder, folder)
        self._run(lambda: _write_checkpoint(folder), 'checkpoint')
        self._warm_up()
        self._run(self.test(folder, 'vqa.py', folder / 'work_vqa'), 'test')
        self._run(self.test(folder, 'captions.py', folder / 'work_captions'), 'captions')
        self._run(self.test(folder, 'video.py', folder / 'work_video'), 'video')
        self._run(tool('tools/train.py', folder / 'training.py', '--work-dir', folder / 'work_training'), 'training')
        self.broken = folder / 'work_broken'
        self._run(
            lambda: _interrupt(self.test(folder, 'vqa.py', self.broken, 'test_dataloader.batch_size=1')),
            'broken',
            status=130,
        )
        self.vqa, self.captions, self.video = (
            outcome(folder / f'work_{name}') for name in ('vqa', 'captions', 'video')
        )
        self.run = next((folder / 'work_vqa').rglob('results.json')).parent
        self.shown = _pictures_of(self.run / 'predictions.jsonl')

    def test(
        self, folder: Path, config: str, work_dir: Path, *options: str, checkpoint: str | None = None
    ) -> Callable[[], None]:
        """What runs a test of a config in a folder of a case."""
        weights = checkpoint or str(folder / 'checkpoint.pth')
        chosen = ['--cfg-options', *options] if options else []
        return tool('tools/test.py', folder / config, weights, '--work-dir', work_dir, *chosen)

    def _run(self, work: Callable[[], None], name: str, status: int = 0) -> None:
        (self.folder / 'made').mkdir(exist_ok=True)
        run = run_forked(work, self.folder / 'made', PATIENCE)
        if run.status != status:
            raise RuntimeError(f'The unmutated {name} ended with {run.status}:\n{run.text}')

    def _warm_up(self) -> None:
        """Import all that a test imports, so that no child does."""
        names = self.folder / 'modules.txt'

        def listed() -> None:
            self.test(self.folder, 'vqa.py', self.folder / 'work_warm')()
            names.write_text('\n'.join(sys.modules))

        self._run(listed, 'warm-up')
        for name in names.read_text().splitlines():
            with contextlib.suppress(Exception):  # some can only be imported in their own way
                importlib.import_module(name)
        _leave_out_what_takes_long()


def _leave_out_what_takes_long() -> None:
    """Save what no case depends on: how the config looks in the log, and a description of the machine."""
    import mmengine.config.config
    import mmengine.runner.runner

    mmengine.config.config.FormatCode = lambda text, **settings: (text, True)
    mmengine.runner.runner.collect_env = dict
    gc.collect()
    gc.freeze()  # so that a child's collector does not go through all that is imported


def _pictures_of(predictions: Path) -> list[str]:
    records = list(map(json.loads, predictions.read_text('utf-8').splitlines()))
    paths = [shown['img_path'] for record in records for shown in (record, *record['shots'])]
    return sorted({Path(path).name for path in paths})


def write_configs(folder: Path, data_of: Path) -> None:
    """Configs of a folder, about the data in `data_of`."""
    known = {'root': ROOT, 'size': SIZE, 'data': data_of / 'data', 'root_of_case': folder}
    for name, part in ('vqa', QUESTIONS), ('captions', CAPTIONS), ('video', VIDEO), ('training', TRAINING):
        (folder / f'{name}.py').write_text((CONFIG + part).format(**known))


def write_data(folder: Path) -> None:
    """Four pictures that are asked about, four for shots, and their annotations."""
    (folder / 'pictures').mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(1, 9):
        noise = rng.integers(0, 256, (SIZE, SIZE, 3))
        color = np.array(COLORS[number % 4])
        Image.fromarray(((noise + 3 * color) // 4).astype(np.uint8)).save(folder / 'pictures' / f'{number}.png')
    (folder / 'videos').mkdir()
    for number, file in enumerate(('video_questions.json', 'support_video_questions.json'), 1):
        _write_video(folder / 'videos' / f'{number}.mp4', rng)
        question = {'id': number, 'video_id': number, 'question': 'does it move?', 'answer': 'yes'}
        (folder / file).write_text(json.dumps([question]))
    for prefix, numbers in ('', range(1, 5)), ('support_', range(5, 9)):
        questions = [{'question_id': 10 * n, 'image_id': n, 'question': f'Is it number {n}?'} for n in numbers]
        annotations = [
            {
                'question_id': 10 * n,
                'image_id': n,
                'question_type': 'is it',
                'answer_type': 'yes/no',
                'multiple_choice_answer': ('no', 'yes')[n % 2],
                'answers': [
                    {'answer': ('no', 'yes')[n % 2], 'answer_confidence': 'yes', 'answer_id': i} for i in range(1, 11)
                ],
            }
            for n in numbers
        ]
        captions = {
            'images': [{'id': n, 'file_name': f'{n}.png'} for n in numbers],
            'annotations': [
                {'id': 10 * n + i, 'image_id': n, 'caption': f'{word} number {n}'}
                for n in numbers
                for i, word in enumerate(('a', 'the'))
            ],
        }
        for name, content in (
            ('questions', {'questions': questions}),
            ('annotations', {'annotations': annotations}),
            ('captions', captions),
        ):
            (folder / f'{prefix}{name}.json').write_text(json.dumps(content))


def _write_video(path: Path, rng: np.random.Generator) -> None:
    with av.open(str(path), 'w') as file:
        stream = file.add_stream('mpeg4', rate=4)
        stream.width = stream.height = 2 * SIZE
        for shade in rng.integers(0, 256, (8, 3)):
            frame = np.tile(shade.astype(np.uint8), (2 * SIZE, 2 * SIZE, 1))
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        file.mux(stream.encode())


def _write_checkpoint(folder: Path) -> None:
    import torch

    from mmflamingo.engine.config.cli import load_config
    from mmflamingo.registry import MODELS

    torch.manual_seed(0)
    state = MODELS.build(load_config(str(folder / 'vqa.py')).model).state_dict()
    for name, value in state.items():
        if name.endswith('_gate'):
            value.fill_(1.0)  # so that pictures matter
    torch.save({'state_dict': state}, folder / 'checkpoint.pth')


def _interrupt(work: Callable[[], None]) -> None:
    """Run a test that is ended by Ctrl-C after two of its batches."""
    from mmflamingo.engine.testing.loop import TestLoop

    run_iter = TestLoop.run_iter

    def interrupted(self: Any, index: int, batch: Sequence) -> None:
        if index == 2:
            raise KeyboardInterrupt
        run_iter(self, index, batch)

    TestLoop.run_iter = interrupted
    work()
