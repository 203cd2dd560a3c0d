"""results.json: the scores of a finished test, and what ties them to the predictions beside it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..errors import MissingFilesError, RunError
from .identity import digest_named_files
from .journal import journal_files
from .plain_json import dumps, loads, read_json, write_whole
from .predictions import FILE_NAME, Record, read_records, to_line

RESULTS_NAME = 'results.json'
FIELD_TYPES = {
    'metrics': dict,
    'failed_metrics': dict,
    'evaluator': dict | list | None,
    'num_samples': int,
    'protocol': dict,
}

Results = dict[str, Any]


def describe_evaluator(evaluator: object) -> dict[str, Any]:
    """What scores depend on beside the predictions: the metrics' settings, and digests of the files that these name."""
    plain = loads(dumps(evaluator if isinstance(evaluator, Mapping | Sequence) else None, 'test_evaluator'))
    return {'evaluator': plain, 'evaluator_files': digest_named_files(plain)}


def make_results(
    records: list[Record], metrics: Mapping[str, float], failures: Mapping[str, str], evaluator: object
) -> Results:
    """What a test or a new scoring writes, without the protocol of the predictions.

    Args:
        records: The predictions, with their scores.
        metrics: Scores of the set by name.
        failures: Errors of the metrics that failed, by name.
        evaluator: The metrics' configs.
    """
    return {
        'metrics': dict(metrics),
        'failed_metrics': dict(failures),
        **describe_evaluator(evaluator),
        'num_samples': len(records),
        'predictions': seal(records),
        'finished': datetime.now().isoformat(timespec='seconds'),
    }


def write_results(folder: Path, records: Iterable[Record], results: Results) -> None:
    """Write both files of a finished run; the results, which seal the predictions, come last."""
    text = dumps(results, 'The result', indent=1)
    write_whole(folder / FILE_NAME, ''.join(map(to_line, records)))
    write_whole(folder / RESULTS_NAME, text)


def seal(records: Iterable[Record]) -> dict[str, str]:
    """Digests of predictions: of all that the model said, and of the scores it got."""
    said, scores = sha256(), sha256()
    for record in records:
        said.update(
            to_line({name: value for name, value in record.items() if name != 'scores'}).encode('utf-8', 'replace')
        )
        scores.update(to_line({'scores': record.get('scores')}).encode('utf-8', 'replace'))
    return {'sha256': said.hexdigest(), 'scores_sha256': scores.hexdigest()}


def read_results(folder: Path) -> Results:
    """Read the results of a finished run.

    Raises:
        MissingFilesError: The folder holds none.
        RunError: The run is not finished, or the file is not one that a test writes.
    """
    path = folder / RESULTS_NAME
    if journal_files(folder):
        raise RunError(f'The run in {folder} is not finished: tools/test.py --resume finishes and scores it.')
    for name in (FILE_NAME, RESULTS_NAME):
        if not (folder / name).is_file():
            raise MissingFilesError(f'{folder} holds no {name}: give the folder of a finished run of tools/test.py.')
    results = {'failed_metrics': {}, 'evaluator': None} | read_json(path)
    for name, types in FIELD_TYPES.items():
        if not isinstance(results.get(name), types):
            raise RunError(f'{path}: {name} is {results.get(name)!r:.80}, which no test writes.')
    for name, value in results['metrics'].items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise RunError(f'{path}: metrics.{name} is {value!r:.80}, it must be a number.')
    return results


def read_run(run: Path, with_scores: bool = True) -> list[Record]:
    """Read the predictions of a run, and compare them with its results where these lie beside them.

    Args:
        run: The folder of a finished run, or its prediction file.
        with_scores: Whether the samples' scores must be those of the results, too.

    Raises:
        MissingFilesError: There is no prediction file.
        RunError: It is broken, or not the one that was scored.
    """
    path = run / FILE_NAME if run.is_dir() else run
    if not path.is_file():
        raise MissingFilesError(f'{path} does not exist: give the folder of a finished run of tools/test.py.')
    records = list(read_records(path))
    if path.name == FILE_NAME and (path.parent / RESULTS_NAME).is_file():
        _check_seal(path, records, read_results(path.parent), with_scores)
    return records


def _check_seal(path: Path, records: list[Record], results: Results, with_scores: bool) -> None:
    if len(records) != results['num_samples']:
        raise RunError(
            f'{path} holds {len(records)} predictions, but {RESULTS_NAME} says that {results["num_samples"]} were scored: '
            'restore the file, or test again.'
        )
    sealed = results.get('predictions')
    if sealed is None:  # of a run from before predictions were sealed
        return
    found = seal(records)
    if not isinstance(sealed, dict) or sealed.get('sha256') != found['sha256']:
        raise RunError(f'{path} has changed since it was scored ({RESULTS_NAME}): restore the file, or test again.')
    if with_scores and sealed.get('scores_sha256') != found['scores_sha256']:
        raise RunError(
            f'The scores in {path} are not those of {RESULTS_NAME}: tools/analysis/rescore.py {path.parent} writes both again.'
        )
