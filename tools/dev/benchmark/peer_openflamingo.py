"""OpenFlamingo as a worker, in its own environment: python peer_openflamingo.py FOLDER."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from parity.peer_openflamingo import build as build_model  # noqa: E402
from parity.weights import fill  # noqa: E402

from benchmark.serve import serve  # noqa: E402


def build(folder: Path) -> Callable[[list[dict]], list[str]]:
    job = json.loads((folder / 'job.json').read_text())
    model, image_processor, tokenizer = build_model(job, folder)
    fill(model)
    state_dict = {f'module.{key}': value for key, value in model.state_dict().items()}
    torch.save({'epoch': 0, 'model_state_dict': state_dict}, folder / 'weights.pth')
    tokenizer.padding_side = 'left'
    prompts = job['prompts']

    def text_of(record: dict) -> str:
        shots = ''.join(prompts['shot_prompt_tmpl'].format(**shot) for shot in record['shots'])
        return (shots or prompts['zeroshot_prompt']) + prompts['final_prompt_tmpl']

    @torch.inference_mode()
    def predict(records: list[dict]) -> list[str]:  # as its evaluation does
        images = [
            [image_processor(Image.open(path).convert('RGB')) for path in record['img_path']] for record in records
        ]
        vision_x = torch.stack([torch.stack(media) for media in images]).unsqueeze(2)
        text = tokenizer([text_of(record) for record in records], padding='longest', return_tensors='pt')
        ids = model.generate(vision_x, text['input_ids'], text['attention_mask'], **job['generation'])
        new = tokenizer.batch_decode(ids[:, text['input_ids'].shape[1] :], skip_special_tokens=True)
        return [caption.split('Output', 1)[0].replace('"', '') for caption in new]

    return predict


if __name__ == '__main__':
    serve(build)
