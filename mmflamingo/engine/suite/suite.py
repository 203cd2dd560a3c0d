"""A suite of tests: benchmarks x shot selectors x shots x seeds, each a run of its own that is continued if it broke."""

import gc
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from mmflamingo.datasets.base import FlamingoDataset, scoped
from mmflamingo.paths import PROTOCOLS
from mmflamingo.registry import DATASETS

from ..config.cli import build_runner, check, keep_sections, load_config, message_of
from ..config.metafile import find_weights
from ..config.options import merge_options
from ..config.sections import RUNNER_KEYS
from ..errors import ConfigError, RunError
from ..testing.finished import finished_run
from ..testing.results import read_results, read_run

BENCHMARK_KEYS = {'config', 'score', 'selectors', 'options'}


@dataclass(frozen=True)
class Cell:
    """One run of a suite."""

    benchmark: str
    selector: str
    shots: int
    seed: int

    def __str__(self) -> str:
        return f'{self.benchmark}/{self.selector}_{self.shots}-shot_seed{self.seed}'


@dataclass
class CellResult:
    """What a run gave.

    Attributes:
        score: The benchmark's score; None if the run failed.
        sample_scores: The same of each sample, by its id; empty where the metric gives none.
        protocol: What the score depends on.
        error: Why it failed.
    """

    score: float | None = None
    sample_scores: dict[str, float] | None = None
    protocol: dict | None = None
    error: str | None = None


class Suite:
    """Runs the cells of a suite config.

    A suite config has `benchmarks`: for each name a `config`, the name of its `score`, and optionally `selectors` and
    `options` (settings that override the config's); and `selectors` (a shot selector by name), `shots` and `seeds`.
    With 0 shots only the first selector runs, as there is nothing to choose but text-only examples;
    `zero_shot_text_only` says how many, by the name of a benchmark or of a task.

    Args:
        path: Path of the suite config.
        checkpoint: Path or URL of the weights; None takes those that the metafile of each config names.
        work_dir: Folder of all runs.
        protocol_name: Published protocol whose prompts, decoding, media mask, set sizes, shots and seeds to use.
        options: Settings that override every config, as of `--cfg-options`.

    Raises:
        MissingFilesError: There is no such suite config.
        ConfigError: The suite config is wrong, or the protocol is unknown.
    """

    def __init__(
        self,
        path: str,
        checkpoint: str | None,
        work_dir: Path,
        protocol_name: str | None = None,
        options: dict | None = None,
    ) -> None:
        self.cfg = load_config(path)
        self.checkpoint = checkpoint
        self.work_dir = work_dir
        self.options = options or {}
        self.published = load_protocol(protocol_name) if protocol_name else None
        self.benchmarks = self._benchmarks(path)
        self.shots = tuple((self.published or self.cfg).shots)
        self.seeds = tuple((self.published or self.cfg).seeds)

    def selectors(self, benchmark: str) -> dict:
        """Shot selectors of a benchmark by name, the one that others are compared with first."""
        return self.benchmarks[benchmark].get('selectors') or self.cfg.get('selectors') or {'random': 'random'}

    def cells(self) -> Iterator[Cell]:
        """All runs in their order."""
        for benchmark in self.benchmarks:
            for selector in self.selectors(benchmark):
                for shots in self.shots:
                    if shots or selector == next(iter(self.selectors(benchmark))):
                        yield from (Cell(benchmark, selector, shots, seed) for seed in self.seeds)

    def run(self, cell: Cell) -> CellResult:
        """Run a cell, continue it, or read what it gave before; an error is part of the result."""
        try:
            cfg = self.config_of(cell)
            folder = finished_run(cfg)
            if folder is None:
                check(cfg)
                runner = build_runner(cfg)
                runner.test()
                folder = Path(runner.log_dir)
            return read_result(folder, self.benchmarks[cell.benchmark]['score'])
        except Exception as error:  # the other cells must not be lost with this one
            print_log(f'{cell} failed: {message_of(error)}', 'current', level=logging.ERROR)
            return CellResult(error=message_of(error))
        finally:
            gc.collect()  # the model, before the next one is built

    def config_of(self, cell: Cell) -> Config:
        """The config of a cell's run."""
        benchmark = self.benchmarks[cell.benchmark]
        cfg = load_config(benchmark['config'])
        keep_sections(cfg, 'test')
        if self.published:
            apply_protocol(cfg, self.published)
        text_only = (self.published or self.cfg).get('zero_shot_text_only') or {}
        of_task = text_only.get(task_of(cfg), 0)
        for dataset in inner_datasets(cfg.test_dataloader.dataset):
            dataset.pop('zero_shot_text_only', None)  # the suite says how many
            dataset.update(
                num_shots=cell.shots,
                num_text_only_shots=0 if cell.shots else text_only.get(cell.benchmark, of_task),
                seed=cell.seed,
                shot_selector=self.selectors(cell.benchmark)[cell.selector],
            )
        merge_options(cfg, {**benchmark.get('options', {}), **self.options, 'test_cfg.resume': True}, RUNNER_KEYS)
        cfg.work_dir = str(self.work_dir / str(cell))
        cfg.experiment_name = str(cell).replace('/', '_')
        cfg.load_from = self.checkpoint or cfg.get('load_from') or self._shipped_weights(cfg, benchmark['config'])
        cfg.launcher = 'none'
        return cfg

    def _shipped_weights(self, cfg: Config, path: str) -> str | None:
        return None if cfg.get('allow_random_weights') else find_weights(path)

    def _benchmarks(self, path: str) -> dict:
        benchmarks = self.cfg.get('benchmarks')
        if not benchmarks:
            raise ConfigError(f'{path} names no benchmarks: benchmarks = dict(NAME=dict(config=..., score=...)).')
        for name, benchmark in benchmarks.items():
            missing, unknown = {'config', 'score'} - benchmark.keys(), benchmark.keys() - BENCHMARK_KEYS
            if missing or unknown:
                raise ConfigError(
                    f'{path}: benchmarks.{name} lacks {sorted(missing) or "nothing"} and has unknown keys '
                    f'{sorted(unknown) or "none"}; its keys are {sorted(BENCHMARK_KEYS)}.'
                )
        return benchmarks


def load_protocol(name: str) -> Config:
    """Read a published protocol.

    Raises:
        ConfigError: It is unknown.
    """
    known = sorted(path.stem for path in PROTOCOLS.glob('*.py'))
    if name not in known:
        raise ConfigError(f'--protocol {name!r} is not known; choose one of {known} (configs/_base_/protocols).')
    return load_config(str(PROTOCOLS / f'{name}.py'))


def apply_protocol(cfg: Config, published: Config) -> None:
    """Give a config the prompts, decoding, media mask and set sizes of a published protocol."""
    task = task_of(cfg)
    if task not in published.prompts:
        raise ConfigError(f'{published.protocol} says nothing about task {task!r}, only {sorted(published.prompts)}.')
    cfg.protocol = published.protocol
    cfg.model.prompts[task] = published.prompts[task]
    cfg.model.language_model.media_index = published.media_index
    for dataset in inner_datasets(cfg.test_dataloader.dataset):
        dataset.update(published.datasets[task])


def task_of(cfg: Config) -> str:
    """The task of a config's test set: that of the set as built, without its files.

    Raises:
        ConfigError: It wraps sets of several tasks.
    """
    tasks = {_task_of_dataset(dataset) for dataset in inner_datasets(cfg.test_dataloader.dataset)}
    if len(tasks) != 1:
        raise ConfigError(f'The test set has the tasks {sorted(tasks)}: give each a benchmark of its own.')
    return tasks.pop()


def _task_of_dataset(config: Mapping) -> str:
    kind = DATASETS.get(config['type'])
    if not (isinstance(kind, type) and issubclass(kind, FlamingoDataset)):
        return config.get('task') or getattr(kind, 'task', '')
    settings = {key: value for key, value in config.items() if key not in ('pipeline', 'shot_selector')}
    return DATASETS.build(scoped(settings | {'lazy_init': True})).task


def inner_datasets(config: Mapping) -> Iterator[Mapping]:
    """The configs of the sets that a set's config wraps, or the config itself."""
    wrapped = config.get('datasets') or [config.get('dataset')]
    inner = [part for part in wrapped if isinstance(part, Mapping)]
    yield from chain.from_iterable(map(inner_datasets, inner)) if inner else [config]


def read_result(folder: Path, score: str) -> CellResult:
    """Read a finished run.

    Raises:
        ConfigError: It has no such score.
        RunError: Its files are broken, or have changed.
    """
    results, records = read_results(folder), read_run(folder)
    if score not in results['metrics']:
        failed = ''.join(f' {name} failed: {error}.' for name, error in results['failed_metrics'].items())
        raise ConfigError(f'{folder} has no score {score!r}, but {sorted(results["metrics"])}.{failed}')
    scored = [record for record in records if score in (record.get('scores') or {})]
    of_samples = {str(record['sample_id']): record['scores'][score] for record in scored}
    if len(of_samples) < len(scored):
        raise RunError(
            f'{folder} has samples whose ids are the same number and text: give each sample an id of its own.'
        )
    return CellResult(results['metrics'][score], of_samples, results['protocol'])
