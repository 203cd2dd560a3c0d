"""COCO caption scores: CIDEr, BLEU, ROUGE-L and METEOR of pycocoevalcap."""

import contextlib
import io
import logging
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from mmengine.fileio import exists, load
from mmengine.logging import print_log
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge

from ..registry import METRICS
from .base import SampleMetric
from .java_tokenizer import tokenize_with_java
from .ptb_tokenizer import tokenize

# Captions by image id.
Captions = Mapping[int | str, Sequence[str]]
# For each name, the score of the whole set and those of the images in the order of their captions.
Scores = dict[str, tuple[float, Sequence[float]]]

# All that ends a line for Java or Python; the tokenizers take one caption a line.
LINE_ENDS = re.compile('[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]')


def clean(caption: str) -> str:
    """A caption on one line, with '?' for halves of a character that can't be written."""
    return LINE_ENDS.sub(' ', caption).encode('utf-8', 'replace').decode()


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
    except Exception:
        # When deleted, the scorer writes to its process, dead or not, and waits for its lock.
        with contextlib.suppress(OSError):
            scorer.meteor_p.stdin.close()
        if scorer.lock.locked():
            scorer.lock.release()
        raise


SCORERS: dict[str, Callable[[Captions, Captions], Scores]] = {
    'CIDEr': _cider,
    'BLEU': _bleu,
    'ROUGE_L': _rouge,
    'METEOR': _meteor,
}


def _read_references(ann_file: str) -> dict[int | str, list[str]]:
    if not exists(ann_file):
        raise FileNotFoundError(
            f'COCOCaption: ann_file={ann_file!r} does not exist. Leave it out to score against the '
            "references that the dataset gives ('gt_caption')."
        )
    content = load(ann_file)
    if not isinstance(content, dict) or not content.get('annotations'):
        raise ValueError(f"{ann_file}: no 'annotations', so it is no COCO caption file.")
    references = defaultdict(list)
    for annotation in content['annotations']:
        references[annotation['image_id']].append(annotation['caption'])
    return dict(references)


@METRICS.register_module()
class COCOCaption(SampleMetric):
    """Caption scores of COCO in points of 100.

    Scores: `CIDEr` (CIDEr-D), `BLEU-1` to `BLEU-4`, `ROUGE_L` and, where Java is installed,
    `METEOR`. Without Java our own PTB tokenizer takes the place of Stanford's; the log says which
    one was used. Reads `pred_caption`, `image_id` and `gt_caption`.

    A scorer that fails is logged and left out; the others go on. CIDEr weighs words by how many
    images of the set have them, so scores of a subset can't be compared with those of the whole.
    Source of all scorers: https://github.com/salaniz/pycocoevalcap.

    Args:
        metrics: Which of 'CIDEr', 'BLEU', 'ROUGE_L' and 'METEOR' to compute; None for all.
        ann_file: A COCO caption file to take the references from, instead of `gt_caption`.
        by: Field of the samples to give CIDEr by as well, such as NoCaps' 'domain': `CIDEr/<value>` is the mean of its
            images' scores, words weighed as in the whole set.

    Raises:
        ValueError: A metric is unknown, or the file is no COCO caption file.
        FileNotFoundError: There is no such file.
    """

    def __init__(
        self,
        metrics: Sequence[str] | None = None,
        ann_file: str | None = None,
        by: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        metrics = [metrics] if isinstance(metrics, str) else list(metrics or SCORERS)
        unknown = [name for name in metrics if name not in SCORERS]
        if unknown:
            raise ValueError(f'metrics={metrics}: {unknown} unknown. Choose from {list(SCORERS)}.')
        self.metrics = metrics
        self.references = None if ann_file is None else _read_references(ann_file)
        self.ann_file = ann_file
        self.by = by

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            image_id = self.identity(sample, 'image_id')
            advice = 'Use a split with references, or give the metric an ann_file.'
            if self.references is not None:
                sample = {**sample, 'gt_caption': self.references.get(image_id)}
                some = ', '.join(map(repr, islice(self.references, 3)))
                advice = f'{self.ann_file} has captions of {some}, ..., none of image {image_id!r}.'
            prediction = self.text(sample, 'pred_caption', "The model's predict mode fills it in for task 'caption'.")
            references = self.texts(sample, 'gt_caption', advice)
            self.results.append(
                {
                    'sample_id': self.identity(sample, 'sample_id'),
                    'image_id': image_id,
                    'prediction': clean(prediction),
                    'references': [clean(caption) for caption in references],
                    'group': self.by and sample.get(self.by),
                }
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        self.check_unique(results, 'image_id')
        has_java = shutil.which('java') is not None
        captions = [text for result in results for text in (result['prediction'], *result['references'])]
        tokens = iter(self._tokenize(captions, has_java))
        predictions, references = {}, {}
        for result in results:
            predictions[result['image_id']] = [next(tokens)]
            references[result['image_id']] = list(islice(tokens, len(result['references'])))

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
        return totals | self._cider_by_group(results)

    def _cider_by_group(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        groups = defaultdict(list)
        for result in results:
            score = self.sample_scores[result['sample_id']].get('CIDEr')
            if result['group'] is not None and score is not None:
                groups[f'CIDEr/{result["group"]}'].append(score)
        return {name: sum(scores) / len(scores) for name, scores in groups.items()}

    def _tokenize(self, captions: Sequence[str], has_java: bool) -> list[str]:
        if has_java:
            try:
                tokens = tokenize_with_java(captions)
                self._log("Captions tokenized by Stanford's PTB tokenizer (Java).")
                return tokens
            except (OSError, RuntimeError, UnicodeError, subprocess.CalledProcessError) as error:
                self._log(f'The tokenizer in Java failed: {error!r}', logging.WARNING)
        self._log("Captions tokenized by mmflamingo's own PTB tokenizer (no Java).")
        return [tokenize(caption) for caption in captions]

    def _log(self, message: str, level: int = logging.INFO) -> None:
        print_log(message, logger='current', level=level)
