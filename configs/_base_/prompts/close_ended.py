# Prompts of close-ended benchmarks: the Flamingo paper gives these no text-only examples at 0 shots, and compares choices
# by their mean log-likelihood a token. For its ensembles of shot orders (appendix B.1.5), set ranking.permutations=6.
# The prompt of HatefulMemes is OpenFlamingo's, which shows the text of a meme as it is in the file.
benchmark_prompts = dict(
    multiple_choice=dict(
        type='PromptTemplate',
        shot='<image>Question:{question} Answer:{answer}<|endofchunk|>',
        query='<image>Question:{question} Answer:',
        output='answer',
        ranking=dict(normalize=True),
    ),
    hateful_memes=dict(
        type='PromptTemplate',
        shot="<image>is an image with: '{ocr}' written on it. Is it hateful? Answer:{answer}<|endofchunk|>",
        query="<image>is an image with: '{ocr}' written on it. Is it hateful? Answer:",
        output='answer',
        white_space='keep',
        ranking=dict(normalize=True),
    ),
    imagenet=dict(
        type='PromptTemplate',
        shot='<image>Output:{caption}<|endofchunk|>',
        query='<image>Output:',
        output='caption',
        ranking=dict(normalize=True),
    ),
)
