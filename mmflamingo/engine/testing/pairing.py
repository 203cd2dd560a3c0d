"""Samples that two or more runs have in common."""

from collections.abc import Mapping, Sequence

from ..errors import RunError
from .predictions import Record

SampleId = int | str
# What must be the same of a sample in all runs.
OF_THE_QUERY = ('image_id', 'question')


def shared_samples(runs: Mapping[str, Sequence[Record]]) -> dict[SampleId, list[Record]]:
    """Find the samples that all runs have.

    Args:
        runs: Records of each run by its name.

    Returns:
        For each shared id, in the order of the first run, its record in each run.

    Raises:
        RunError: The runs share no sample, an id is a number in one run and a text in another, or stands for another query.
    """
    tables = {name: {record['sample_id']: record for record in records} for name, records in runs.items()}
    first, *others = tables
    for name in others:
        _check_ids(first, tables[first], name, tables[name])
    shared = {
        i: [table[i] for table in tables.values()] for i in tables[first] if all(i in tables[name] for name in others)
    }
    if not shared:
        raise RunError('The runs have no sample in common: give runs on the same queries.')
    for sample_id, records in shared.items():
        for field in OF_THE_QUERY:
            if len({repr(record[field]) for record in records if field in record}) > 1:
                values = ' and '.join(f'{record.get(field)!r:.80}' for record in records)
                raise RunError(f'Sample {sample_id!r} is not the same query in all runs: its {field} is {values}.')
    return shared


def _check_ids(name: str, table: Mapping[SampleId, Record], other_name: str, other: Mapping[SampleId, Record]) -> None:
    texts = {str(i): i for i in table}
    for sample_id in other:
        twin = texts.get(str(sample_id))
        if twin is not None and sample_id not in table:
            raise RunError(
                f'The sample id {sample_id!r} of {other_name} is {twin!r} in {name}: ids must be numbers in all runs, or texts.'
            )
