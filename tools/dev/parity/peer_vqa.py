"""The official VQA script as open_flamingo ships it, in its environment: python peer_vqa.py FOLDER.

Reads FOLDER/cases.json, a list of [prediction, answers]; writes results.json: accuracy by the script, its normal form
of the prediction and of the answers.
"""

import contextlib
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

from open_flamingo.eval.vqa_metric import VQAEval

DIGITS = 12  # of the accuracy, which the script rounds


def main(folder: Path) -> None:
    cases = json.loads((folder / 'cases.json').read_text())
    annotations, results = {}, {}
    for key, (prediction, answers) in enumerate(cases):
        listed = [{'answer_id': i, 'answer': answer} for i, answer in enumerate(answers)]
        annotations[key] = {'answers': listed, 'question_type': 'any', 'answer_type': 'any'}
        results[key] = {'answer': prediction}
    vqa = SimpleNamespace(qa=annotations, getQuesIds=lambda: list(annotations))
    script = VQAEval(vqa, SimpleNamespace(qa=results, getQuesIds=vqa.getQuesIds), n=DIGITS)
    normal = [
        [script.processDigitArticle(script.processPunctuation(text)) for text in (prediction, *answers)]
        for prediction, answers in cases
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        script.evaluate()
    accuracies = [script.evalQA[key] / 100 for key in annotations]
    (folder / 'results.json').write_text(json.dumps({'accuracies': accuracies, 'normal': normal}))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
