"""Beam search of transformers 4.33.3 on a trained model, in the peers' environment: python peer_search.py FOLDER.

Reads FOLDER/lm, blocks.pt and job.pt; writes texts.json: for each case the ids that are written in batches and one at a
time. The language model is transformers', the gated cross-attention OpenFlamingo's.
"""

import json
import sys
from pathlib import Path

import torch
from open_flamingo.src.helpers import GatedCrossAttentionBlock
from torch import Tensor
from transformers import LlamaForCausalLM


class Conditioned:
    """A language model whose layers look at media through OpenFlamingo's blocks."""

    def __init__(self, folder: Path, job: dict) -> None:
        self.lm = LlamaForCausalLM.from_pretrained(folder / 'lm').eval()
        self.image_token_id = job['image_token_id']
        for n, state_dict in torch.load(folder / 'blocks.pt').items():
            block = GatedCrossAttentionBlock(**job['block']).eval()
            block.load_state_dict(state_dict)
            self.lm.model.layers[int(n)].register_forward_pre_hook(
                lambda layer, args, block=block: (self._attend(block, args[0]), *args[1:])
            )

    def _attend(self, block: GatedCrossAttentionBlock, x: Tensor) -> Tensor:
        is_written = x.shape[1] == 1  # with a cache, after the prompt
        return block(x, self.media, media_locations=self.is_media, use_cached_media=is_written)

    @torch.no_grad()
    def write(
        self, visual_tokens: Tensor, input_ids: Tensor, attention_mask: Tensor, settings: dict
    ) -> list[list[int]]:
        """New tokens of each row, without the end and what follows it."""
        beams = settings['num_beams']
        self.media = visual_tokens.repeat_interleave(beams, 0)
        self.is_media = (input_ids == self.image_token_id).repeat_interleave(beams, 0)
        ids = self.lm.generate(input_ids, attention_mask=attention_mask, **settings)
        rows = ids[:, input_ids.shape[1] :].tolist()
        end = settings['eos_token_id']
        return [row[: row.index(end)] if end in row else row for row in rows]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    job = torch.load(folder / 'job.pt')
    model = Conditioned(folder, job)
    texts = {}
    for name, case in job['cases'].items():
        in_batches, alone = [], []
        for visual_tokens, input_ids, mask in case['batches']:
            in_batches += model.write(visual_tokens, input_ids, mask, case['settings'])
            for row in range(len(input_ids)):
                is_text = mask[row].bool()
                num_media = int((input_ids[row] == job['image_token_id']).sum())
                prompt = (visual_tokens[row : row + 1, :num_media], input_ids[row : row + 1, is_text])
                alone += model.write(*prompt, torch.ones_like(prompt[1]), case['settings'])
        texts[name] = {'in batches': in_batches, 'alone': alone}
    (folder / 'texts.json').write_text(json.dumps(texts))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
