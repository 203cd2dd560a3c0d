"""What does flamingo-tiny's language model make of questions about scenes that it reads of?

    python tools/dev/emoji_text_questions.py [CHECKPOINT] [--questions 600] [--seed 0]

Each prompt is a described scene and a question about it, as in the text that the language model was trained on, and no
picture: the gated cross-attention doesn't act. What it can't answer here, it can't answer of a picture either, because
nothing that is trained afterwards changes how its frozen attention carries the question to the answer.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from random import Random

import torch

from mmflamingo import get_model

sys.path.insert(0, str(Path(__file__).parents[1] / 'dataset_converters'))

from emoji.language import PLAIN, inventory  # noqa: E402
from emoji.questions import Question, ask  # noqa: E402
from emoji.scenes import sample_scene  # noqa: E402

CONFIG = 'configs/flamingo/flamingo-tiny_zeroshot_vqa.py'
BATCH_SIZE = 50


def make_prompts(count: int, seed: int) -> list[tuple[str, Question]]:
    """Descriptions with a question, and what was asked."""
    rng = Random(f'text questions {seed}')
    prompts = []
    while len(prompts) < count:
        scene = sample_scene(rng)
        prompts += [
            (f'{inventory(scene)}Question:{question.text} Short answer:', question)
            for question in ask(scene, PLAIN, rng, 3)
        ]
    return prompts[:count]


@torch.inference_mode()
def answer(model, texts: list[str], max_new_tokens: int = 8) -> list[str]:
    """What the bare language model writes after each text, up to the end of the chunk."""
    tokenizer, lm = model.tokenizer, model.language_model.lm
    rows = [[lm.config.bos_token_id, *tokenizer.hf.encode(text, add_special_tokens=False)] for text in texts]
    length = max(map(len, rows))
    input_ids = torch.tensor([[tokenizer.pad_token_id] * (length - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    ids = lm.generate(
        input_ids,
        attention_mask=mask,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=tokenizer.end_of_chunk_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return [text.strip() for text in tokenizer.decode(ids[:, length:])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', nargs='?', help='default: the weights that ship with the repository')
    parser.add_argument('--questions', type=int, default=600)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()

    model = get_model(CONFIG, args.checkpoint or True)
    prompts = make_prompts(args.questions, args.seed)
    is_right = defaultdict(list)
    for start in range(0, len(prompts), BATCH_SIZE):
        batch = prompts[start : start + BATCH_SIZE]
        for (_, question), text in zip(batch, answer(model, [text for text, _ in batch]), strict=True):
            for name in ('all', question.answer_type, f'  {question.question_type}'):
                is_right[name].append(text == question.answer)
    print('| questions | number | right, % |\n|---|---|---|')
    for name, values in sorted(is_right.items()):
        print(f'| {name} | {len(values)} | {100 * sum(values) / len(values):.1f} |')


if __name__ == '__main__':
    main()
