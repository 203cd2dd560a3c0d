"""Runs OpenFlamingo's own evaluation, in its environment: python peer_evaluation.py FOLDER.

Reads FOLDER/job.json; writes weights.pth as OpenFlamingo's trainer would, and predictions.json: for each run a list of
samples with the prompt, the pictures, the examples, the question and what was predicted.

The wheel of open_flamingo 2.0.1 has `open_flamingo/eval` but not the folder `open_flamingo/eval/models` with its
`EvalModel`, so that part is written here, to what `evaluate.py` asks of it. Data sets, choice of examples, prompts of
several examples, the order of steps and what is cut off the text are the wheel's.
"""

import json
import sys
from argparse import Namespace
from pathlib import Path

import open_flamingo.eval
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(open_flamingo.eval.__file__).parent))  # evaluate.py is a script beside its modules
import evaluate  # noqa: E402
import utils  # noqa: E402
from eval_model import BaseEvalModel  # noqa: E402

from parity.peer_openflamingo import build  # noqa: E402
from parity.weights import fill  # noqa: E402


class EvalModel(BaseEvalModel):
    """A model as `evaluate.py` drives it; keeps all that it was asked in `asked`."""

    def __init__(self, job: dict, folder: Path) -> None:
        self.model, self.image_processor, self.tokenizer = build(job, folder)
        self.tokenizer.padding_side = 'left'
        self.generation = job['generation']
        self.asked: list[dict] = []
        self.questions: list[str] = []

    def get_caption_prompt(self, caption: str = None) -> str:
        return '<image>Output:' + ('' if caption is None else f'{caption}<|endofchunk|>')

    def get_vqa_prompt(self, question: str, answer: str = None) -> str:
        if answer is None:
            self.questions.append(question)
        end = '' if answer is None else f'{answer}<|endofchunk|>'
        return f'<image>Question:{question} Short answer:{end}'

    @torch.inference_mode()
    def get_outputs(
        self, batch_images, batch_text, min_generation_length, max_generation_length, **search
    ) -> list[str]:
        text = self.tokenizer(batch_text, padding='longest', return_tensors='pt')
        pixels = torch.stack([torch.stack([self.image_processor(i) for i in images]) for images in batch_images])
        ids = self.model.generate(
            pixels.unsqueeze(2),
            text['input_ids'],
            attention_mask=text['attention_mask'],
            min_new_tokens=min_generation_length,
            max_new_tokens=max_generation_length,
            **search,
            **self.generation,
        )
        written = self.tokenizer.batch_decode(ids[:, text['input_ids'].shape[1] :], skip_special_tokens=True)
        for prompt, images in zip(batch_text, batch_images, strict=True):
            self.asked.append({'prompt': prompt, 'img_path': [image.filename for image in images]})
        return written


def run(model: EvalModel, job: dict, task: str, shots: int) -> list[dict]:
    """One evaluation: all samples, in the order in which they were asked."""
    drawn, written = [], []
    draw = utils.sample_batch_demos_from_query_set

    def draw_and_keep(*args):
        drawn.extend(draw(*args))
        return drawn[-args[2] :]

    def keep_written(result_path, *args, **kwargs):  # in place of the scores, which other rows compare
        written.extend(json.loads(Path(result_path).read_text()))
        return {'CIDEr': 0.0}

    evaluate.utils.sample_batch_demos_from_query_set = draw_and_keep
    evaluate.compute_cider = evaluate.compute_vqa_accuracy = keep_written
    model.asked, model.questions = [], []
    settings = {'model': 'open_flamingo', 'rices': False, 'rank': 0, 'world_size': 1, **job['settings']}
    function = evaluate.evaluate_captioning if task == 'caption' else evaluate.evaluate_vqa
    name = 'coco' if task == 'caption' else 'vqav2'
    function(Namespace(**settings), eval_model=model, num_shots=shots, dataset_name=name)
    evaluate.utils.sample_batch_demos_from_query_set = draw
    field = 'caption' if task == 'caption' else 'answer'
    samples = []
    for number, (asked, examples) in enumerate(zip(model.asked, drawn, strict=True)):
        kept = [
            {key: example[key] for key in ('caption', 'question', 'answers') if key in example} for example in examples
        ]
        sample = {**asked, 'task': task, 'examples': kept, 'written': written[number][field]}
        samples.append({**sample, 'question': model.questions[number]} if task == 'vqa' else sample)
    return samples


def main(folder: Path) -> None:
    job = json.loads((folder / 'job.json').read_text())
    store = torch.distributed.FileStore(str(folder / 'store'), 1)
    torch.distributed.init_process_group('gloo', store=store, rank=0, world_size=1)
    model = EvalModel(job, folder)
    fill(model.model)
    state_dict = {f'module.{key}': value for key, value in model.model.state_dict().items()}
    torch.save({'epoch': 0, 'model_state_dict': state_dict}, folder / 'weights.pth')
    predictions = {name: run(model, job, **one) for name, one in job['runs'].items()}
    (folder / 'predictions.json').write_text(json.dumps(predictions, indent=1))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
