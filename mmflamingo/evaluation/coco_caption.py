"""COCO caption scores: CIDEr, BLEU, ROUGE-L, METEOR and SPICE."""

import contextlib
import io
import logging
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from mmengine.fileio import exists, load
from mmengine.logging import print_log

from ..registry import METRICS
from .base import Sample, SampleMetric, Scores, is_finite, mean, shown
from .caption_scorers import SCORERS, why_not
from .java import has_java, time_limit
from .java_tokenizer import tokenize_with_java
from .ptb_tokenizer import tokenize

DEFAULT_METRICS = ('CIDEr', 'BLEU', 'ROUGE_L', 'METEOR')
NO_CAPTION = "The model fills it in where the task's prompt has output='caption'."
NO_REFERENCES = 'Use a split with references, or give the metric an ann_file.'
# All that ends a line for Java or Python; the tokenizers take one caption a line.
LINE_ENDS = re.compile('[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]')


def clean(caption: str) -> str:
    """A caption on one line, with '?' for halves of a character that can't be written."""
    return LINE_ENDS.sub(' ', caption).encode('utf-8', 'replace').decode()


@METRICS.register_module()
class COCOCaption(SampleMetric):
    """Caption scores of COCO in points of 100.

    Scores: `CIDEr` (CIDEr-D), `BLEU-1` to `BLEU-4`, `ROUGE_L` and, where Java is installed,
    `METEOR`; `SPICE` on request. Without Java our own PTB tokenizer takes the place of Stanford's; the log says which
    one was used. Reads `pred_caption`, `image_id` and `gt_caption`.

    A scorer that fails is logged, stands in `failures`, and is left out; the others go on. CIDEr weighs words by how
    many images of the set have them, so scores of a subset can't be compared with those of the whole, and that of a
    single image is 0. Source of all scorers: https://github.com/salaniz/pycocoevalcap.

    Args:
        metrics: Which of 'CIDEr', 'BLEU', 'ROUGE_L', 'METEOR' and 'SPICE' to compute. None takes the first three, and
            METEOR where there is Java. SPICE needs Java and Stanford's parser, which is never downloaded by itself: the
            error says where to get it.
        ann_file: A COCO caption file to take the references from, instead of `gt_caption`.
        by: Field of the samples to give CIDEr by as well, such as NoCaps' 'domain': `CIDEr/<value>` is the mean of its
            images' scores, words weighed as in the whole set.
        java_timeout: Seconds that a program in Java may take to start, and as much again for each 1,000 captions.
        max_characters: Longest caption. Some scorers take time that grows with the square of its length.
        kwargs: Arguments of `SampleMetric`.

    Raises:
        ValueError: A metric is unknown or cannot be computed here, a limit is not positive, or the file is not a COCO
            caption file.
        FileNotFoundError: There is no such file.
    """

    key_name = 'image_id'

    def __init__(
        self,
        metrics: str | Sequence[str] | None = None,
        ann_file: str | None = None,
        by: str | None = None,
        java_timeout: float = 300,
        max_characters: int = 10_000,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not is_finite(java_timeout) or java_timeout <= 0 or not is_finite(max_characters) or max_characters < 1:
            raise ValueError(f'java_timeout={java_timeout!r} and max_characters={max_characters!r} must be positive.')
        self.metrics = self._checked_metrics(metrics)
        self.takes_all = metrics is None
        self.references = None if ann_file is None else _read_references(ann_file)
        self.ann_file = ann_file
        self.by = by
        self.java_timeout = java_timeout
        self.max_characters = max_characters

    def _checked_metrics(self, metrics: str | Sequence[str] | None) -> list[str]:
        if metrics is None:
            return list(DEFAULT_METRICS)
        metrics = [metrics] if isinstance(metrics, str) else list(dict.fromkeys(metrics))
        unknown = [name for name in metrics if name not in SCORERS]
        if unknown or not metrics:
            raise ValueError(f'metrics={metrics}: {unknown} unknown. Choose from {list(SCORERS)}.')
        for name in metrics:
            if reason := why_not(name):
                raise ValueError(f'metrics={metrics}: {name} cannot be computed here: {reason}.')
        return metrics

    def check_references(self, sample: Sample) -> None:
        super().check_references(sample)
        self._references(sample)
        self._group(sample)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            prediction = self.text(sample, 'pred_caption', NO_CAPTION)
            self._check_length(sample, 'pred_caption', prediction)
            self.results.append(
                {
                    'sample_id': self.identity(sample, 'sample_id'),
                    'image_id': self.identity(sample, 'image_id'),
                    'prediction': clean(prediction),
                    'references': [clean(caption) for caption in self._references(sample)],
                    'group': self._group(sample),
                }
            )

    def _references(self, sample: Sample) -> Sequence[str]:
        """The references of a sample's image, at least one."""
        advice = NO_REFERENCES
        if self.references is not None:
            image_id = self.identity(sample, 'image_id')
            sample = {**sample, 'gt_caption': self.references.get(image_id)}
            some = ', '.join(map(repr, islice(self.references, 3)))
            advice = f'{self.ann_file} has captions of {some}, ..., none of image {image_id!r}.'
        references = self.texts(sample, 'gt_caption', advice)
        for caption in references:
            self._check_length(sample, 'gt_caption', caption)
        return references

    def _check_length(self, sample: Sample, name: str, caption: str) -> None:
        if len(caption) > self.max_characters:
            raise ValueError(
                f"COCOCaption: sample {sample.get('sample_id')!r} has a '{name}' of {len(caption)} characters, more than "
                f'test_evaluator.max_characters={self.max_characters}: {shown(caption)}'
            )

    def _group(self, sample: Sample) -> str | None:
        return self.group(sample, self.by) if self.by else None

    def compute_metrics(self, results: list[dict]) -> Scores:
        self.check_unique([result['image_id'] for result in results])
        captions = [text for result in results for text in (result['prediction'], *result['references'])]
        seconds = time_limit(self.java_timeout, len(captions))
        tokens = iter(self._tokenize(captions, seconds))
        predictions, references = {}, {}
        for result in results:
            predictions[result['image_id']] = [next(tokens)]
            references[result['image_id']] = list(islice(tokens, len(result['references'])))

        self.sample_scores = {result['sample_id']: {} for result in results}
        self.failures = {}
        totals: Scores = {}
        for metric in self.metrics:
            if reason := why_not(metric):
                self._log(f'{metric} is left out: {reason}.')
                self.failures |= {} if self.takes_all else {metric: reason}
                continue
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    scores = SCORERS[metric](references, predictions, seconds)
                _check_finite(scores)
            except Exception as error:  # the other scores must not be lost with this one
                self.failures[metric] = str(error) or repr(error)
                self._log(f'{metric} failed and is left out: {error!r}', logging.ERROR)
                continue
            for name, (total, per_image) in scores.items():
                totals[name] = 100 * float(total)
                for result, score in zip(results, per_image, strict=True):
                    self.sample_scores[result['sample_id']][name] = 100 * float(score)
        if len(results) == 1 and 'CIDEr' in totals:
            self._log('CIDEr of a single image is 0, whatever its caption.', logging.WARNING)
        if not totals:
            raise RuntimeError(f'no metric could be computed ({self.failures})')
        return totals | self._cider_by_group(results)

    def _cider_by_group(self, results: Sequence[Mapping[str, Any]]) -> Scores:
        groups = defaultdict(list)
        for result in results:
            score = self.sample_scores[result['sample_id']].get('CIDEr')
            if result['group'] and score is not None:
                groups[f'CIDEr/{result["group"]}'].append(score)
        if self.by and not any(result['group'] for result in results):
            self.failures[f'by={self.by}'] = f'no sample has a field {self.by!r}'
        return {name: mean(scores) for name, scores in groups.items()}

    def _tokenize(self, captions: Sequence[str], seconds: float) -> list[str]:
        if has_java():
            try:
                tokens = tokenize_with_java(captions, seconds)
                self._log("Captions tokenized by Stanford's PTB tokenizer (Java).")
                return tokens
            except (OSError, RuntimeError) as error:
                self._log(f'The tokenizer in Java failed: {error!r}', logging.WARNING)
        self._log("Captions tokenized by mmflamingo's own PTB tokenizer (no Java).")
        return [tokenize(caption) for caption in captions]

    def _log(self, message: str, level: int = logging.INFO) -> None:
        print_log(message, logger='current', level=level)


def _check_finite(scores: Mapping[str, tuple[float, Sequence[float]]]) -> None:
    for name, (total, per_image) in scores.items():
        if not all(map(is_finite, (total, *per_image))):
            raise ValueError(f'{name} gave a score that is not a finite number')


def _read_references(ann_file: str) -> dict[int | str, list[str]]:
    """Captions by image id of a COCO caption file."""
    if not exists(ann_file):
        raise FileNotFoundError(
            f'COCOCaption: ann_file={ann_file!r} does not exist. Leave it out to score against the '
            "references that the dataset gives ('gt_caption')."
        )
    try:
        content = load(ann_file, file_format='json')
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{ann_file} is not valid JSON ({error}).') from error
    entries = content.get('annotations') if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{ann_file}: no 'annotations', so it is not a COCO caption file.")
    wrong = [n for n, entry in enumerate(entries) if not _is_annotation(entry)]
    if wrong:
        raise ValueError(
            f"{ann_file}: {len(wrong)} of {len(entries)} annotations lack an 'image_id' (a whole number or a text) or a "
            f"'caption' (a text). The first is annotations[{wrong[0]}]: {shown(entries[wrong[0]])}"
        )
    references = defaultdict(list)
    for entry in entries:
        references[entry['image_id']].append(entry['caption'])
    return dict(references)


def _is_annotation(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get('caption'), str):
        return False
    image_id = entry.get('image_id')
    is_whole = is_finite(image_id) and float(image_id).is_integer()
    return isinstance(image_id, str) or is_whole
