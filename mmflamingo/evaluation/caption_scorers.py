"""Scorers of captions: those of pycocoevalcap, two of them programs in Java that we run ourselves."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor import meteor as meteor_package
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.spice import spice as spice_package

from .java import JavaProgram, has_java, temporary_folder

# Captions by image id.
Captions = Mapping[int | str, Sequence[str]]
# For each name, the score of the whole set and those of the images in the order of their captions.
Scores = dict[str, tuple[float, Sequence[float]]]

METEOR_JAR = Path(meteor_package.__file__).with_name(meteor_package.METEOR_JAR)
SPICE_FOLDER = Path(spice_package.__file__).parent
SPICE_JAR = SPICE_FOLDER / spice_package.SPICE_JAR
CORENLP = 'stanford-corenlp-3.6.0'
SPICE_NEEDS = tuple(SPICE_FOLDER / 'lib' / f'{CORENLP}{part}.jar' for part in ('', '-models'))


def bleu(references: Captions, predictions: Captions, seconds: float) -> Scores:
    """BLEU-1 to BLEU-4 of the whole set, and of each image."""
    totals, per_image = Bleu(4).compute_score(references, predictions, verbose=0)
    return {f'BLEU-{n}': (totals[n - 1], per_image[n - 1]) for n in range(1, 5)}


def rouge(references: Captions, predictions: Captions, seconds: float) -> Scores:
    """ROUGE-L, the mean over images."""
    return {'ROUGE_L': Rouge().compute_score(references, predictions)}


def cider(references: Captions, predictions: Captions, seconds: float) -> Scores:
    """CIDEr-D, the mean over images."""
    return {'CIDEr': Cider().compute_score(references, predictions)}


def meteor(references: Captions, predictions: Captions, seconds: float) -> Scores:
    """METEOR 1.5 of the whole set, and of each image.

    The program answers a line of references and prediction with what it counted, and a line of all counts with the
    scores of the images and that of the set.

    Raises:
        RuntimeError: Java failed, or took longer than `seconds`.
    """
    command = ('-Xmx2G', '-jar', METEOR_JAR, '-', '-', '-stdio', '-l', 'en', '-norm')
    with JavaProgram(command, seconds) as java:
        counts = []
        for image_id, (prediction,) in predictions.items():
            fields = ['SCORE', *map(_one_field, (*references[image_id], prediction))]
            java.tell(' ||| '.join(fields))
            counts.append(java.hear())
        java.tell(' ||| '.join(['EVAL', *counts]))
        *per_image, total = (float(java.hear()) for _ in range(len(predictions) + 1))
    return {'METEOR': (total, per_image)}


def _one_field(caption: str) -> str:
    """A caption as METEOR's lines can hold it."""
    return caption.replace('|||', '').replace('  ', ' ')


def spice(references: Captions, predictions: Captions, seconds: float) -> Scores:
    """SPICE's F-score, the mean over images.

    Raises:
        RuntimeError: Java failed, took longer than `seconds`, or gave an image no score.
    """
    numbered = list(enumerate(predictions.items()))
    entries = [{'image_id': n, 'test': text, 'refs': list(references[key])} for n, (key, (text,)) in numbered]
    with temporary_folder() as folder:
        source, target = folder / 'captions.json', folder / 'scores.json'
        source.write_text(json.dumps(entries), encoding='utf-8')
        with JavaProgram(('-Xmx8G', '-jar', SPICE_JAR, source, '-out', target, '-subset', '-silent'), seconds) as java:
            java.run('')
        found = {entry['image_id']: entry['scores']['All']['f'] for entry in json.loads(target.read_text('utf-8'))}
    per_image = [math.nan if found.get(n) is None else float(found[n]) for n, _ in numbered]
    return {'SPICE': (math.fsum(per_image) / len(per_image), per_image)}


SCORERS: dict[str, Callable[[Captions, Captions, float], Scores]] = {
    'CIDEr': cider,
    'BLEU': bleu,
    'ROUGE_L': rouge,
    'METEOR': meteor,
    'SPICE': spice,
}


def why_not(metric: str) -> str | None:
    """Why a scorer cannot be used here, and what to do; None if it can. Nothing is ever downloaded."""
    if metric in ('METEOR', 'SPICE') and not has_java():
        return 'it needs Java, and there is no `java` on the PATH (apt install default-jre-headless)'
    missing = [path for path in SPICE_NEEDS if not path.is_file()] if metric == 'SPICE' else []
    if missing:
        return (
            f'it needs {" and ".join(path.name for path in missing)} in {SPICE_FOLDER / "lib"}: take them out of '
            'stanford-corenlp-full-2015-12-09.zip of https://nlp.stanford.edu/software, or run `python -m '
            'pycocoevalcap.spice.get_stanford_models` where there is a network'
        )
    return None
