"""NExT-QA's types of questions, as its scripts group them."""


def groups_of_type(kind: str) -> list[str]:
    """The family of a type of question (C, T or D), and the type, where TP (what came before) counts as TN (after).

    Args:
        kind: CW, CH, TN, TP, TC, DB, DC, DL or DO; empty where it is unknown.
    """
    kind = 'TN' if kind == 'TP' else kind
    return [kind[0], kind] if kind else []
