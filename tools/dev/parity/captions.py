"""COCOCaption against pycocoevalcap's own way: its tokenizer in Java, then its scorers."""

import contextlib
import io
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from mmflamingo.evaluation import COCOCaption
from mmflamingo.evaluation.ptb_tokenizer import tokenize

from .report import Row

SCORE_TOLERANCE = 1e-9
MARKS = ('.', ',', '!', "'s", ' (left)', ' & ', ' - ', '"', ';', ' 3.5', ' $4', '...', " don't", ' e.g.', ' T-shirt')


def compare(annotations: Path) -> Iterator[Row]:
    """Rows for tokens and scores, with Java and without.

    Args:
        annotations: A COCO caption file. The first reference of each image, with words and marks changed here and
            there, is its prediction.
    """
    references: dict[int, list[str]] = {}
    for entry in json.loads(annotations.read_text())['annotations']:
        references.setdefault(entry['image_id'], []).append(entry['caption'])
    rng = random.Random(0)
    predictions = {image_id: [_changed(captions[0], rng)] for image_id, captions in references.items()}

    tokens = [_tokens_of_java(captions) for captions in (references, predictions)]
    pairs = [
        (theirs, tokenize(caption))
        for captions, tokenized in zip((references, predictions), tokens, strict=True)
        for image_id in captions
        for caption, theirs in zip(captions[image_id], tokenized[image_id], strict=True)
    ]
    unequal = sum(ours != theirs for theirs, ours in pairs)
    yield Row('pycocoevalcap, jar', 'PTB tokens of captions', len(pairs), unequal)

    expected = _their_scores(*tokens)
    for java in (True, False):
        ours = _our_scores(references, predictions, java)
        for name, value in expected.items():
            what = f'{name}, {"jar" if java else "our tokenizer"}'
            yield Row('pycocoevalcap', what, len(references), abs(ours[name] / 100 - float(value)), SCORE_TOLERANCE)


def _changed(caption: str, rng: random.Random) -> str:
    words = caption.rstrip('.').split()
    for _ in range(rng.randrange(3)):
        del words[rng.randrange(len(words))]
    return ' '.join(word + (rng.choice(MARKS) if rng.random() < 0.2 else '') for word in words)


def _tokens_of_java(captions: dict[int, list[str]]) -> dict[int, list[str]]:
    return PTBTokenizer().tokenize({key: [{'caption': text} for text in texts] for key, texts in captions.items()})


def _their_scores(references: dict, predictions: dict) -> dict[str, float]:
    with contextlib.redirect_stdout(io.StringIO()):
        bleu, _ = Bleu(4).compute_score(references, predictions)
        cider, _ = Cider().compute_score(references, predictions)
        rouge, _ = Rouge().compute_score(references, predictions)
    return {'CIDEr': cider, 'ROUGE_L': rouge, **{f'BLEU-{n}': bleu[n - 1] for n in range(1, 5)}}


def _our_scores(references: dict, predictions: dict, java: bool) -> dict[str, float]:
    metric = COCOCaption(metrics=['CIDEr', 'BLEU', 'ROUGE_L'])
    samples = [
        {'sample_id': key, 'image_id': key, 'gt_caption': references[key], 'pred_caption': predictions[key][0]}
        for key in references
    ]
    metric.process(None, samples)
    with contextlib.nullcontext() if java else patch.dict(os.environ, PATH=''):
        return metric.evaluate(len(samples))
