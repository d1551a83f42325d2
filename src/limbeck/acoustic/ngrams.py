"""Language models: bigrams of transcripts, and anybody's in ARPA's form made a graph by kaldilm."""

import math
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from limbeck.acoustic.graphs import Graph
from limbeck.acoustic.lexicon import Lexicon
from limbeck.acoustic.needed import needed, unheard
from limbeck.errors import ArgumentError

BEGIN, END, BACKING_OFF = "<s>", "</s>", "#0"
NEVER = -99.0  # ARPA's logarithm of 0


def bigram_model(sentences: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> str:
    """Return bigrams of sentences in ARPA's form, smoothed after Witten & Bell (1991).

    p(w | v) = (count(v w) + kinds(v) · p(w)) / (count(v) + kinds(v)), kinds(v) being how many words follow v, so that
    kinds(v) / (count(v) + kinds(v)) is left for words that don't; the same with 1 / vocabulary in the place of p(w) for
    a word alone, so that each word of the vocabulary may come.

    Raises:
        ArgumentError: no sentences, or words beyond the vocabulary.
    """
    pairs = Counter(pair for words in sentences for pair in pairwise([BEGIN, *words, END]))
    singles = Counter(word for words in sentences for word in [*words, END])
    outcomes = [*vocabulary, END]
    if not pairs or not set(singles) <= set(outcomes):
        raise ArgumentError(f"a bigram model needs sentences of its vocabulary, got {len(sentences)} sentences")
    total, kinds = sum(singles.values()), len(singles)
    alone = {word: (singles[word] + kinds / len(outcomes)) / (total + kinds) for word in outcomes}
    histories = Counter(before for before, _ in pairs.elements())
    followers = Counter(before for before, _ in pairs)

    def after(before: str, word: str) -> float:
        return (pairs[before, word] + followers[before] * alone[word]) / (histories[before] + followers[before])

    backoffs = dict.fromkeys([BEGIN, *vocabulary], 1.0)  # of words that nothing followed
    backoffs |= {before: kinds / (histories[before] + kinds) for before, kinds in followers.items()}
    lines = ["", "\\data\\", f"ngram 1={len(outcomes) + 1}", f"ngram 2={len(pairs)}", "", "\\1-grams:"]
    lines.append(f"{NEVER:.6f}\t{BEGIN}\t{_log10(backoffs[BEGIN])}")
    lines += [f"{_log10(alone[word])}\t{word}\t{_log10(backoffs[word])}" for word in vocabulary]
    lines += [f"{_log10(alone[END])}\t{END}", "", "\\2-grams:"]
    lines += [f"{_log10(after(*pair))}\t{pair[0]} {pair[1]}" for pair in sorted(pairs)]
    return "\n".join([*lines, "", "\\end\\", ""])


def _log10(probability: float) -> str:
    return f"{math.log10(probability) if probability > 0 else NEVER:.6f}"


def model_graph(arpa: str, lexicon: Lexicon) -> Graph:
    """Return G of a language model in ARPA's form.

    Raises:
        ArgumentError: it is no such model, or a word of the lexicon is one of kaldilm's own marks.
    """
    own = {"<eps>", BACKING_OFF} & set(lexicon.words)
    if own:
        raise ArgumentError(f"words must not be <eps> or {BACKING_OFF}, which are marks, got {', '.join(sorted(own))}")
    kaldilm, fst = needed("kaldilm"), needed("kaldifst")
    check_arpa(arpa)
    backing_off = len(lexicon.words) + 1  # the label of arcs to shorter histories, until they are made free
    with tempfile.TemporaryDirectory() as folder:
        model, symbols = Path(folder) / "model.arpa", Path(folder) / "words.txt"
        model.write_text(arpa, "utf-8")
        names = ("<eps>", *lexicon.words, BACKING_OFF)
        symbols.write_text("".join(f"{name} {number}\n" for number, name in enumerate(names)), "utf-8")
        with unheard():
            text = kaldilm.arpa2fst(str(model), disambig_symbol=BACKING_OFF, read_symbol_table=str(symbols))
    arcs = (line.split() for line in text.splitlines())
    freed = ([*arc[:2], *("0" if label == str(backing_off) else label for label in arc[2:4]), *arc[4:]] for arc in arcs)
    graph = fst.compile("".join(f"{' '.join(arc)}\n" for arc in freed), acceptor=False)
    fst.arcsort(graph, "ilabel")
    return graph


def check_arpa(arpa: str) -> None:
    """Refuse a text that is no language model in ARPA's form: kaldilm ends the whole process where it meets one.

    Raises:
        ArgumentError: it is none.
    """
    _, found, rest = f"\n{arpa}".partition("\n\\data\\")
    counts = [int(number) for _, number in re.findall(r"^ngram +(\d+) *= *(\d+) *$", rest, re.MULTILINE)]
    parts = re.split(r"^\\(\d+)-grams: *$|^\\end\\ *$", rest, flags=re.MULTILINE)
    sections = [part.split("\n") for part in parts[2::2]][: len(counts)]
    if not found or not counts or parts[1::2] != [*map(str, range(1, len(counts) + 1)), None]:
        raise ArgumentError("a language model must have ARPA's form: \\data\\, its counts, \\1-grams: ..., \\end\\")
    for order, (count, lines) in enumerate(zip(counts, sections, strict=True), 1):
        rows = [line.split() for line in lines if line.strip()]
        wrong = next((row for row in rows if not _is_ngram(row, order)), None)
        if order == 1 and not {BEGIN, END} <= {row[1] for row in rows if len(row) > 1}:
            raise ArgumentError(
                f"a language model must have the words {BEGIN} and {END}, by which sentences begin and end"
            )
        if wrong is not None or len(rows) != count:
            told = f"{len(rows)} lines" if wrong is None else repr(" ".join(wrong))
            raise ArgumentError(f"a language model must have {count} {order}-grams in ARPA's form, got {told}")


def _is_ngram(row: Sequence[str], order: int) -> bool:
    """Return whether a line's parts are a probability's logarithm, so many words, and perhaps another logarithm."""
    numbers = [row[0], *row[order + 1 :]]
    told = all(re.fullmatch(r"-?\d+(\.\d*)?(e-?\d+)?", each) for each in numbers)
    return told and len(row) in (order + 1, order + 2) and float(row[0]) <= 0
