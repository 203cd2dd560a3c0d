"""Answers in the form that the VQA evaluation servers take."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from ..files.writing import check_output_folder, replacing
from ..registry import METRICS
from .base import Sample, SampleMetric


@METRICS.register_module()
class ReportVQA(SampleMetric):
    """Write `[{"question_id": ..., "answer": ...}]` to a file; gives no score.

    Needs no answers, so it serves test splits. The question id is the field `question_id` or, where
    there is none, `sample_id`; numbers stay numbers and texts stay texts.

    Args:
        file_path: The file to write, on rank 0 only, as a whole or not at all. Its folder is made if missing. A file
            that is there already is replaced only if it holds answers of the same form.
        id_key: What the server calls the id: 'question_id' for VQAv2's, 'image' for VizWiz', 'questionId' for GQA's.
        answer_key: What it calls the answer: 'answer', 'prediction' for GQA's.
        kwargs: Arguments of `SampleMetric`.

    Raises:
        ValueError: The name does not end with '.json', the file must not be replaced, or it cannot be written.
    """

    key_name = 'question_id'

    def __init__(self, file_path: str, id_key: str = 'question_id', answer_key: str = 'answer', **kwargs) -> None:
        super().__init__(**kwargs)
        if not str(file_path).endswith('.json'):
            raise ValueError(f"file_path={file_path!r}: give a file name that ends with '.json'.")
        self.file_path = Path(file_path)
        self.keys = id_key, answer_key
        self._check_file()

    def key(self, sample: Sample) -> int | str:
        return self.identity(sample, 'question_id' if sample.get('question_id') is not None else 'sample_id')

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            self.results.append((self.key(sample), self.answer(sample)))

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        self.check_unique([question_id for question_id, _ in results])
        self._check_file()
        entries = [dict(zip(self.keys, pair, strict=True)) for pair in results]
        with replacing(self.file_path) as draft:
            draft.write_text(json.dumps(entries), encoding='utf-8')
        print_log(f'{len(results)} answers written to {self.file_path.resolve()}', logger='current')
        return {}

    def _check_file(self) -> None:
        """Refuse a file that holds anything else, or that cannot be written."""
        if self.file_path.exists() and not self._is_ours():
            raise ValueError(
                f"file_path='{self.file_path}' exists and does not hold answers with the keys {self.keys}, so it is not "
                'replaced. Name another file, or move this one away.'
            )
        check_output_folder(self.file_path.parent)

    def _is_ours(self) -> bool:
        if not self.file_path.is_file():
            return False
        try:
            entries = json.loads(self.file_path.read_text(encoding='utf-8'))
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(entries, list) and all(isinstance(e, dict) and e.keys() == set(self.keys) for e in entries)
