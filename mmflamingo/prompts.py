"""Interleaved prompts: a sample becomes text with `<image>` marks, generated text an answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain, groupby
from string import Formatter
from typing import Any

from .registry import PROMPTS

IMAGE_TOKEN = '<image>'
END_OF_CHUNK_TOKEN = '<|endofchunk|>'
OUTPUT_FIELDS = ('caption', 'answer')
WHITE_SPACE = {
    'collapse': lambda text: ' '.join(text.split()),
    'strip': str.strip,
    'keep': str,
}


@dataclass(frozen=True)
class Segment:
    """A stretch of prompt text with one origin.

    Attributes:
        text: The characters.
        is_user: The text comes from data (a caption, a question, an answer), so special tokens in
            it mean nothing.
        is_output: The text is what the model is to write.
        chunk: Position of the example (shot or query) the text belongs to.
    """

    text: str
    is_user: bool = False
    is_output: bool = False
    chunk: int = 0


class Prompt(list[Segment]):
    """The segments of one interleaved prompt, shots first, query last."""

    @property
    def text(self) -> str:
        """All segments joined."""
        return ''.join(segment.text for segment in self)

    @property
    def num_images(self) -> int:
        """Number of `<image>` marks; the ones in user text don't count."""
        return sum(segment.text.count(IMAGE_TOKEN) for segment in self if not segment.is_user)

    @property
    def num_chunks(self) -> int:
        """Number of examples, the query included."""
        return len({segment.chunk for segment in self})

    @property
    def chunks(self) -> list['Prompt']:
        """The examples one by one, the query last."""
        return [Prompt(segments) for _, segments in groupby(self, key=lambda segment: segment.chunk)]

    def with_shots_in(self, order: Sequence[int]) -> 'Prompt':
        """The same prompt with its shots in another order, or some of them, given by their numbers."""
        *shots, query = self.chunks
        return Prompt(chain(*(shots[shot] for shot in order), query))

    def content_free(self, text: str = 'N/A') -> 'Prompt':
        """The same prompt with a query about nothing: this text in each of its fields."""
        return Prompt(
            Segment(text, is_user=True, chunk=segment.chunk)
            if segment.is_user and segment.chunk == self[-1].chunk
            else segment
            for segment in self
        )


@dataclass(frozen=True)
class Ranking:
    """How the choices of a close-ended sample are compared.

    Attributes:
        normalize: Compare the mean log-likelihood of a choice's tokens, not their sum. The sum favours short choices.
        with_end: `<|endofchunk|>` counts as the last token of a choice, so that a choice which another one begins with
            has no advantage.
        in_context: A choice has the tokens that it has after the prompt. False: those that it has alone, as in OpenFlamingo. With
            LLaMA's tokenizers, a choice alone begins with a space, which no shot of a prompt such as `Answer:{answer}` has.
        permutations: Average over this many orders of the shots, at most over all (Flamingo paper, appendix B.1.5).
        calibrate: Subtract what each choice gets for a query about nothing, a grey picture with 'N/A' for text
            (contextual calibration, https://arxiv.org/abs/2102.09690).
    """

    normalize: bool = True
    with_end: bool = False
    in_context: bool = True
    permutations: int = 1
    calibrate: bool = False

    def __post_init__(self) -> None:
        if type(self.permutations) is not int or self.permutations < 1:
            raise ValueError(
                f'PromptTemplate.ranking.permutations is {self.permutations!r}, it must be a whole number from 1.'
            )


@PROMPTS.register_module()
class PromptTemplate:
    """Renders the prompt of one task and parses what the model answers.

    Templates are format strings. Their fields are filled with text from the data, everything else
    is the template's own text and the only place where special tokens have a meaning.

    Args:
        shot: Template of a finished example, such as `'<image>Output:{caption}<|endofchunk|>'`.
        query: Template of the example to finish, such as `'<image>Output:'`.
        output: Field that the model writes, 'caption' or 'answer'.
        stop: Generated text is cut at the first of these strings.
        strip: Characters taken off both ends of the generated text, besides white space.
        drop: Characters taken out of the generated text wherever they are.
        text_only_examples: Examples without images for a sample that has no shots, as the Flamingo
            paper gives them to zero-shot prompts.
        generation: Arguments for Hugging Face's `generate`, such as `num_beams` and
            `max_new_tokens`.
        ranking: Fields of `Ranking`, for samples that bring `choices` along: these are ranked, nothing is generated.
        white_space: White space in every text of the data, of shots, query and choices alike: 'collapse' makes each
            stretch of it, line ends too, one space and takes it off both ends; 'strip' only takes it off both ends;
            'keep' leaves it as it is.

    Raises:
        ValueError: A template lacks the field it needs, an example lacks a field of the template, or `output` or
            `white_space` is unknown.
    """

    def __init__(
        self,
        shot: str,
        query: str,
        output: str,
        stop: Sequence[str] = (),
        strip: str = '',
        drop: str = '',
        text_only_examples: Sequence[Mapping[str, str]] = (),
        generation: Mapping[str, Any] | None = None,
        ranking: Mapping[str, Any] | None = None,
        white_space: str = 'collapse',
    ) -> None:
        if output not in OUTPUT_FIELDS:
            raise ValueError(f'PromptTemplate.output is {output!r}, it must be one of {list(OUTPUT_FIELDS)}.')
        if white_space not in WHITE_SPACE:
            raise ValueError(f'PromptTemplate.white_space is {white_space!r}, it must be one of {list(WHITE_SPACE)}.')
        self.shot = _parse_template(shot)
        self.query = _parse_template(query)
        if not self.query:
            raise ValueError('PromptTemplate.query is empty: the model has nothing to continue.')
        if output not in {field for _, field in self.shot}:
            raise ValueError(f'PromptTemplate.shot is {shot!r}: it needs the field {{{output}}} that `output` names.')
        if output in {field for _, field in self.query}:
            raise ValueError(f'PromptTemplate.query is {query!r}: drop {{{output}}}, the model is to write it.')
        self.output = output
        self.stop = tuple([stop] if isinstance(stop, str) else stop)
        self.strip = strip
        self.drop = drop
        self.text_only_examples = tuple(text_only_examples)
        self.generation = dict(generation or {})
        self.ranking = _parse_ranking(ranking or {})
        self.white_space = white_space
        for chunk, example in enumerate(self.text_only_examples):
            list(self._fill(self.shot, example, chunk, has_image=False))

    def render(self, sample: Any) -> Prompt:
        """Writes the prompt of a sample.

        Args:
            sample: Record dict or FlamingoDataSample. A sample with `output` is a training sample:
                its query is a finished example.

        Returns:
            Prompt: Shots in their order, then the query. A shot whose `img_path` is None has no
                `<image>`.

        Raises:
            ValueError: The sample or a shot lacks a field of the template.
        """
        shots = sample.get('shots') or self.text_only_examples
        prompt = Prompt()
        for chunk, shot in enumerate(shots):
            has_image = shot.get('img_path') is not None
            prompt.extend(self._fill(self.shot, shot, chunk, has_image))
        output = sample.get('output')
        if output is None:
            prompt.extend(self._fill(self.query, sample, len(shots)))
        else:
            fields = {field: sample.get(field) for _, field in self.shot if field}
            prompt.extend(self._fill(self.shot, {**fields, self.output: output}, len(shots)))
        return prompt

    def clean(self, text: str) -> str:
        """A text of the data as it goes into the prompt, by the rule for white space."""
        return WHITE_SPACE[self.white_space](text)

    def parse(self, text: str) -> str:
        """Turns generated text into a caption or an answer."""
        text = _cut(text, self.stop).translate({ord(character): None for character in self.drop})
        previous = None
        while text != previous:
            previous, text = text, text.strip().strip(self.strip)
        return text

    def _fill(
        self,
        template: list[tuple[str, str | None]],
        fields: Any,
        chunk: int,
        has_image: bool = True,
    ) -> Iterator[Segment]:
        after_output = False
        for literal, field in template:
            literal = literal if has_image else literal.replace(IMAGE_TOKEN, '')
            if after_output and literal.startswith(END_OF_CHUNK_TOKEN):
                yield Segment(END_OF_CHUNK_TOKEN, is_output=True, chunk=chunk)
                literal = literal.removeprefix(END_OF_CHUNK_TOKEN)
            if literal:
                yield Segment(literal, chunk=chunk)
            after_output = field == self.output
            if field is not None:
                text = self.clean(_text_of(fields, field, chunk))
                yield Segment(text, is_user=True, is_output=after_output, chunk=chunk)


@PROMPTS.register_module()
class InterleavedPrompt:
    """The prompt of samples that bring all of their text along.

    It has what a PromptTemplate has, but no template: the field `text` of a sample is the prompt,
    special tokens included, so it must not come from strangers.

    Args:
        stop: Generated text is cut at the first of these strings.
        generation: As of PromptTemplate.
    """

    output = 'text'
    ranking = Ranking()

    def __init__(self, stop: Sequence[str] = (), generation: Mapping[str, Any] | None = None) -> None:
        self.stop = tuple(stop)
        self.generation = dict(generation or {})

    def render(self, sample: Any) -> Prompt:
        """Gives the sample's own text.

        Raises:
            ValueError: It is not a text.
        """
        return Prompt([Segment(_text_of(sample, 'text', 0))])

    def clean(self, text: str) -> str:
        """The text of a choice as it is."""
        return text

    def parse(self, text: str) -> str:
        """Takes off what comes after a stop string, and white space."""
        return _cut(text, self.stop).strip()


def _text_of(fields: Any, field: str, chunk: int) -> str:
    """The text of a field of an example."""
    text = fields.get(field)
    if not isinstance(text, str):
        found = 'none' if text is None else repr(text)[:60]
        raise ValueError(
            f'The prompt template needs the field {field!r}, but example {chunk} of the sample has {found}; it must be a text.'
        )
    return text


def _cut(text: str, stop: Sequence[str]) -> str:
    for mark in stop:
        text = text.split(mark, 1)[0]
    return text


def _parse_ranking(settings: Mapping[str, Any]) -> Ranking:
    known = [field.name for field in fields(Ranking)]
    if unknown := [name for name in settings if name not in known]:
        raise ValueError(f'PromptTemplate.ranking has {unknown}; it takes {known}.')
    return Ranking(**settings)


def _parse_template(template: str) -> list[tuple[str, str | None]]:
    """Splits a format string into pairs of literal text and the field after it."""
    pieces = []
    try:
        parsed = list(Formatter().parse(template))
    except (TypeError, ValueError) as error:
        raise ValueError(f'Prompt template {template!r} is not a text with fields as {{name}} ({error}).') from error
    for literal, field, spec, conversion in parsed:
        if field is not None and (not field.isidentifier() or spec or conversion):
            raise ValueError(f'Prompt template {template!r}: write fields as {{name}}, {{{field}}} is not one.')
        pieces.append((literal, field))
    return pieces
