"""COCO caption scores: CIDEr, BLEU, ROUGE-L and METEOR of pycocoevalcap."""

import contextlib
import io
import logging
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmengine.fileio import load
from mmengine.logging import print_log
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer import ptbtokenizer

from ..registry import METRICS
from .base import SampleMetric
from .ptb_tokenizer import tokenize

# Captions by image id.
Captions = Mapping[int | str, Sequence[str]]
# For each name, the score of the whole set and those of the images in the order of their captions.
Scores = dict[str, tuple[float, Sequence[float]]]

# All that ends a line for Java or Python; the jar reads one caption from each line.
LINE_ENDS = re.compile('[\n\r\x0b\x0c\x85\u2028\u2029]')


def tokenize_with_java(captions: Captions) -> dict[int | str, list[str]]:
    """Captions as Stanford's tokenizer splits them, lower case, without punctuation.

    Raises:
        RuntimeError: Java gave another number of lines than it was sent.
        subprocess.CalledProcessError: Java failed.
    """
    folder = os.path.dirname(ptbtokenizer.__file__)
    command = [
        'java', '-Dfile.encoding=UTF-8', '-cp', ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR,
        'edu.stanford.nlp.process.PTBTokenizer', '-preserveLines', '-lowerCase',
    ]  # fmt: skip
    text = ''.join(f'{caption}\n' for texts in captions.values() for caption in texts)
    run = subprocess.run(command, input=text.encode(), cwd=folder, capture_output=True, check=True)
    lines = run.stdout.decode().split('\n')[:-1]
    if len(lines) != text.count('\n'):
        raise RuntimeError(f'{text.count(chr(10))} captions, but {len(lines)} lines from Java.')
    tokenized = iter(
        ' '.join(word for word in line.split(' ') if word not in ptbtokenizer.PUNCTUATIONS)
        for line in map(str.rstrip, lines)
    )
    return {key: [next(tokenized) for _ in texts] for key, texts in captions.items()}


def tokenize_captions(captions: Captions) -> dict[int | str, list[str]]:
    """The same without Java."""
    return {key: [tokenize(caption) for caption in texts] for key, texts in captions.items()}


def _bleu(references: Captions, predictions: Captions) -> Scores:
    totals, per_image = Bleu(4).compute_score(references, predictions, verbose=0)
    return {f'BLEU-{n}': (totals[n - 1], per_image[n - 1]) for n in range(1, 5)}


def _rouge(references: Captions, predictions: Captions) -> Scores:
    return {'ROUGE_L': Rouge().compute_score(references, predictions)}


def _cider(references: Captions, predictions: Captions) -> Scores:
    return {'CIDEr': Cider().compute_score(references, predictions)}


def _meteor(references: Captions, predictions: Captions) -> Scores:
    scorer = Meteor()
    try:
        return {'METEOR': scorer.compute_score(references, predictions)}
    finally:
        # After an error the scorer would wait for its own lock for ever when it is deleted.
        if scorer.lock.locked():
            scorer.lock.release()


SCORERS: dict[str, Callable[[Captions, Captions], Scores]] = {
    'BLEU': _bleu,
    'ROUGE_L': _rouge,
    'CIDEr': _cider,
    'METEOR': _meteor,
}


@METRICS.register_module()
class COCOCaption(SampleMetric):
    """Caption scores of COCO in points of 100.

    Scores: `CIDEr` (CIDEr-D), `BLEU-1` to `BLEU-4`, `ROUGE_L` and, where Java is installed,
    `METEOR`. Without Java our own PTB tokenizer takes the place of Stanford's; the log says which
    one was used. Reads `pred_caption`, `image_id` and `gt_caption`.

    CIDEr weighs words by how many images of the set have them, so scores of a subset can't be
    compared with those of the whole.

    Args:
        metrics: Which of 'BLEU', 'ROUGE_L', 'CIDEr' and 'METEOR' to compute; None for all.
        ann_file: A COCO caption file to take the references from, instead of `gt_caption`.
    """

    def __init__(
        self, metrics: Sequence[str] | None = None, ann_file: str | None = None, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        metrics = [metrics] if isinstance(metrics, str) else list(metrics or SCORERS)
        unknown = [name for name in metrics if name not in SCORERS]
        if unknown:
            raise ValueError(f'metrics={metrics}: {unknown} unknown. Choose from {list(SCORERS)}.')
        self.metrics = metrics
        self.references: dict[int | str, list[str]] | None = None
        if ann_file is not None:
            self.references = defaultdict(list)
            for annotation in load(ann_file)['annotations']:
                self.references[annotation['image_id']].append(annotation['caption'])

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            if self.references is not None:
                sample = {**sample, 'gt_caption': self.references.get(sample['image_id'])}
                advice = f'ann_file has no caption of image {sample["image_id"]!r}.'
            else:
                advice = 'Use a split with references, or give the metric an ann_file.'
            prediction = self.field(
                sample,
                'pred_caption',
                "The model's predict mode fills it in: is its task 'caption'?",
            )
            references = self.field(sample, 'gt_caption', advice)
            self.results.append(
                {
                    'sample_id': sample['sample_id'],
                    'image_id': sample['image_id'],
                    'prediction': LINE_ENDS.sub(' ', prediction),
                    'references': [LINE_ENDS.sub(' ', caption) for caption in references],
                }
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        self.check_unique(results, 'image_id')
        predictions = {result['image_id']: [result['prediction']] for result in results}
        references = {result['image_id']: result['references'] for result in results}
        has_java = shutil.which('java') is not None
        predictions, references = self._tokenize(predictions, references, has_java)

        self.sample_scores = {result['sample_id']: {} for result in results}
        totals = {}
        for metric in self.metrics:
            if metric == 'METEOR' and not has_java:
                self._log('METEOR is left out: it needs Java, and there is no `java` on the PATH.')
                continue
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    scores = SCORERS[metric](references, predictions)
            except Exception as error:  # the other scores must not be lost with this one
                self._log(f'{metric} failed and is left out: {error!r}', logging.ERROR)
                continue
            for name, (total, per_image) in scores.items():
                totals[name] = 100 * float(total)
                for result, score in zip(results, per_image, strict=True):
                    self.sample_scores[result['sample_id']][name] = 100 * float(score)
        return totals

    def _tokenize(
        self, predictions: Captions, references: Captions, has_java: bool
    ) -> tuple[Captions, Captions]:
        if has_java:
            try:
                tokenized = tokenize_with_java(predictions), tokenize_with_java(references)
                self._log("Captions tokenized by Stanford's PTB tokenizer (Java).")
                return tokenized
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                self._log(f'The tokenizer in Java failed: {error!r}', logging.WARNING)
        self._log("Captions tokenized by mmflamingo's own PTB tokenizer (no Java).")
        return tokenize_captions(predictions), tokenize_captions(references)

    def _log(self, message: str, level: int = logging.INFO) -> None:
        print_log(message, logger='current', level=level)
