"""Answers in the form that the VQA evaluation servers take."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from ..registry import METRICS
from .base import SampleMetric


@METRICS.register_module()
class ReportVQA(SampleMetric):
    """Write `[{"question_id": ..., "answer": ...}]` to a file; gives no score.

    Needs no answers, so it serves test splits. The question id is the field `question_id` or, where
    there is none, `sample_id`.

    Args:
        file_path: The file to write, on rank 0 only. Its folder is made if missing.
        id_key: What the server calls the id: 'question_id' for VQAv2's, 'image' for VizWiz', 'questionId' for GQA's.
        answer_key: What it calls the answer: 'answer', 'prediction' for GQA's.
    """

    def __init__(self, file_path: str, id_key: str = 'question_id', answer_key: str = 'answer', **kwargs) -> None:
        super().__init__(**kwargs)
        if not str(file_path).endswith('.json'):
            raise ValueError(f"file_path={file_path!r}: give a file name that ends with '.json'.")
        self.file_path = Path(file_path)
        self.keys = id_key, answer_key

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            answer = self.text(sample, 'pred_answer', "The model's predict mode fills it in for task 'vqa'.")
            name = 'question_id' if 'question_id' in sample else 'sample_id'
            self.results.append({'question_id': self.identity(sample, name), 'answer': answer})

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        self.check_unique(results, 'question_id')
        self.file_path.parent.mkdir(parents=True, exist_ok=True)
        entries = [dict(zip(self.keys, (result['question_id'], result['answer']), strict=True)) for result in results]
        self.file_path.write_text(json.dumps(entries), encoding='utf-8')
        print_log(f'{len(results)} answers written to {self.file_path.resolve()}', logger='current')
        return {}
