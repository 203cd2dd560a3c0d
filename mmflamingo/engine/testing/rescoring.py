"""Scoring a finished run again, without the model."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.evaluator import BaseMetric
from mmengine.registry import init_default_scope

from mmflamingo.registry import METRICS, registered

from ..errors import ConfigError, RunError
from .predictions import FILE_NAME
from .results import RESULTS_NAME, Results, describe_evaluator, make_results, read_results, read_run, write_results
from .scoring import score

# Words in the names of settings that name files.
FILE_WORDS = {'file', 'files', 'path', 'paths', 'dir', 'folder', 'root'}


def rescore(folder: Path, evaluator: object = None) -> Results:
    """Score a finished run again; predictions and results are replaced if no metric fails.

    Args:
        folder: The run's folder.
        evaluator: Configs of metrics; None takes those of the run, see `check_travelled`.

    Returns:
        The results as written.

    Raises:
        MissingFilesError: There are no predictions or no results.
        ConfigError: A metric is not registered.
        RunError: The run is not finished, its files have changed, or a metric failed.
    """
    results, records = read_results(folder), read_run(folder, with_scores=False)
    if links := [name for name in (FILE_NAME, RESULTS_NAME) if (folder / name).is_symlink()]:
        raise RunError(
            f'{folder / links[0]} is a link, and what it leads to is not overwritten: give the folder of the file.'
        )
    if evaluator is None:
        evaluator = results['evaluator']
        check_travelled(evaluator, folder / RESULTS_NAME)
    init_default_scope('mmflamingo')
    metrics, failures = score(records, _build(evaluator))
    if failures:
        what = '; '.join(f'{name}: {error}' for name, error in failures.items())
        raise RunError(f'{folder} could not be scored again, its results stay as they were ({what}).')
    results = results | make_results(records, metrics, failures, evaluator)
    write_results(folder, records, results)
    return results


def is_scored_by(results: Results, evaluator: object) -> bool:
    """Whether results are those of these metrics, with the files that they read as they are now."""
    present = describe_evaluator(evaluator)
    former = {'evaluator': results['evaluator'], 'evaluator_files': results.get('evaluator_files', {})}
    return present == former


def metric_configs(evaluator: object) -> Iterator[Mapping]:
    """The configs of single metrics in a `test_evaluator`.

    Raises:
        ConfigError: It is neither a metric, nor a list of metrics, nor an evaluator with such a list.
    """
    if isinstance(evaluator, list | tuple):
        for part in evaluator:
            yield from metric_configs(part)
    elif (
        isinstance(evaluator, Mapping) and evaluator.get('type', 'Evaluator') == 'Evaluator' and 'metrics' in evaluator
    ):
        yield from metric_configs(evaluator['metrics'])
    elif isinstance(evaluator, Mapping) and (isinstance(evaluator.get('type'), str) or callable(evaluator.get('type'))):
        yield evaluator
    else:
        raise ConfigError(f'An evaluator must be a metric with a type, or a list of these, not {evaluator!r:.80}.')


def _build(evaluator: object) -> list[BaseMetric]:
    metrics = []
    for config in metric_configs(evaluator):
        try:
            metrics.append(METRICS.build(dict(config)))
        except (TypeError, ValueError, KeyError, RuntimeError) as error:  # arguments or names that there are not
            raise ConfigError(f'The metric {config["type"]} cannot be built: {error}') from error
    if not metrics:
        raise ConfigError('There is no metric to score by: give --config CONFIG.')
    return metrics


def check_travelled(evaluator: object, source: Path) -> None:
    """Check the metrics of a file that may come from anybody: registered ones only, and none that reads or writes files.

    Raises:
        ConfigError: Names the setting that is not allowed.
    """
    for config in metric_configs(evaluator):
        _check_registered(config['type'])
        for key, value in _settings(config):
            names_file = FILE_WORDS & set(key.lower().split('.')[-1].split('_'))
            if (names_file and value) or (isinstance(value, str) and any(mark in value for mark in '/\\~')):
                raise ConfigError(
                    f'{source} names a file for {config["type"]} ({key} = {value!r:.80}), and results may come from anybody: '
                    'give the metrics by --config CONFIG.'
                )
            if key != 'type' and key.split('.')[-1] in ('type', '_scope_'):
                raise ConfigError(f'{source} has an evaluator with {key} = {value!r:.80}, which no metric takes.')


def _settings(node: object, key: str = '') -> Iterator[tuple[str, object]]:
    """All values of nested dicts and lists with their keys; items of a list have the list's key."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from _settings(value, f'{key}.{name}' if key else name)
    elif isinstance(node, list):
        for value in node:
            yield from _settings(value, key)
    else:
        yield key, node


def _check_registered(name: str) -> None:
    """A registry also builds any Python object by its path; that is for configs, which are code."""
    if registered(METRICS, name) is None:
        known = ', '.join(sorted(METRICS.module_dict))
        raise ConfigError(f'{name!r} is not a registered metric. Registered are {known}.')
