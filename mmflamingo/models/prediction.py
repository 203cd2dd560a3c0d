"""What a batch of samples gets for a prediction: a text that the model writes, or the likeliest of its choices."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from mmflamingo.prompts import Prompt, PromptTemplate

from .close_ended import score_choices
from .generation import generate
from .language import FlamingoLMAdapter
from .tokenizers import FlamingoTokenizer


def template_of(samples: Sequence, templates: Mapping[str, PromptTemplate]) -> PromptTemplate:
    """The template of a batch's task.

    Raises:
        ValueError: The samples have several tasks, or only some of them have choices.
    """
    tasks = {sample.get('task') for sample in samples}
    if len(tasks) > 1:
        raise ValueError(f'A batch to predict has the tasks {sorted(tasks)}; predict one task at a time.')
    if len({sample.get('choices') is None for sample in samples}) > 1:
        raise ValueError('A batch to predict has samples with and without `choices`; predict them apart.')
    return templates[tasks.pop()]


def write_texts(
    adapter: FlamingoLMAdapter,
    tokenizer: FlamingoTokenizer,
    visual_tokens: Tensor,
    input_ids: Tensor,
    attention_mask: Tensor,
    samples: Sequence,
    template: PromptTemplate,
) -> None:
    """Continues the prompts of samples; arguments as in `generate`."""
    ids = generate(
        adapter,
        visual_tokens,
        input_ids,
        attention_mask,
        stop_token_ids=[tokenizer.end_of_chunk_token_id],
        pad_token_id=tokenizer.pad_token_id,
        settings=template.generation,
    )
    for sample, text in zip(samples, tokenizer.decode(ids), strict=True):
        sample.pred_text = text
        setattr(sample, f'pred_{template.output}', template.parse(text))


def choose(
    adapter: FlamingoLMAdapter,
    tokenizer: FlamingoTokenizer,
    visual_tokens: Tensor,
    grey: Tensor,
    prompts: Sequence[Prompt],
    samples: Sequence,
    template: PromptTemplate,
) -> None:
    """Picks the likeliest of the choices of samples; arguments as in `score_choices`."""
    scores = score_choices(adapter, tokenizer, visual_tokens, grey, prompts, samples, template.ranking)
    for sample, own in zip(samples, scores, strict=True):
        sample.choice_scores = own.tolist()
        sample.pred_choice = int(own.argmax())
        sample.pred_text = sample.choices[sample.pred_choice]
        setattr(sample, f'pred_{template.output}', sample.pred_text)
