"""Runs OpenFlamingo v1 (open_flamingo 0.0.2), in the peers' environment: python peer_openflamingo_v1.py FOLDER.

As peer_openflamingo.py does with v2. The package lies in the folder `open_flamingo_v1` of the environment.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(sys.prefix) / 'open_flamingo_v1'))
from parity import peer_openflamingo as v2  # noqa: E402


def build(job: dict, folder: Path) -> tuple:
    """Model, image processor and tokenizer; v1's `generate` takes no `suppress_tokens`, so the model gets them."""
    model, *others = v2.build(job, folder)
    model.lang_encoder.generation_config.suppress_tokens = job['generation'].pop('suppress_tokens')
    return model, *others


if __name__ == '__main__':
    v2.main(Path(sys.argv[1]), build)
