"""Small data for a short run of each recipe."""

from pathlib import Path

import numpy as np

#: What `predict` is asked where a run has no input of its own, and the ending of what it writes.
ASKED = {
    "language_model": (("--text", "the cat", "--length", "20"), ".txt"),
    "translation": (("--text", "the cat sat"), ".txt"),
    "generate_images": (("--samples", "2"), ".npy"),
}
_TEXT = "the cat sat on a mat and saw the dog that ran to the red house by the sea"


def asked(recipe: str, output: Path) -> tuple[list[str], Path]:
    """Flags of a recipe's `predict` and the file that it writes, whose ending they need."""
    more, ending = ASKED.get(recipe, ((), ".csv"))
    output = output.with_suffix(ending)
    return [*more, "-o", str(output)], output


def flags(recipe: str, folder: Path, epochs: int) -> list[str]:
    """Flags of a short run, whose data is written into a folder where the recipe has none so small.

    Args:
        recipe: Name of the recipe.
        folder: Where data goes.
        epochs: Epochs of the run.
    """
    chance, words = np.random.default_rng(0), _TEXT.split()
    folder.mkdir(parents=True, exist_ok=True)
    own, data = [], folder / f"{recipe}.csv"
    if recipe == "forecast":
        days = np.arange(120) + np.datetime64("2024-01-01")
        rows = [f"{day},{np.sin(i / 3) + chance.normal(0, 0.1):.4f}" for i, day in enumerate(days)]
        data.write_text("\n".join(["day,value", *rows]) + "\n")
        own = ["--statistics_seconds=0"]
    elif recipe in ("tabular", "text_classification"):
        head = "size,kind,text,label" if recipe == "tabular" else "text,label"
        rows = [head]
        for i in range(120):
            text = " ".join([*chance.choice(words, 6), ("good", "bad")[i % 2]])
            cells = [f"{chance.normal(i % 2):.3f}", "abc"[i % 3]] if recipe == "tabular" else []
            rows.append(",".join([*cells, text, ("yes", "no")[i % 2]]))
        data.write_text("\n".join(rows) + "\n")
        own = ["--target=label"] if recipe == "tabular" else ["--text=text", "--target=label"]
    elif recipe == "translation":
        data = data.with_suffix(".tsv")
        texts = [" ".join(chance.choice(words, 4)) for _ in range(120)]
        data.write_text("".join(f"{text}\t{text.upper()}\n" for text in texts))
    elif recipe == "language_model":
        data = data.with_suffix(".txt")
        data.write_text(" ".join(chance.choice(words, 3000)) + "\n")
        own = ["--sample_length=20"]
    elif recipe == "images":  # on digits that come with scikit-learn
        own = ["--model=mlp"]
    if data.exists():
        own.append(f"--data={data}")
    return [*own, f"--epochs={epochs}", "--progress=false", "--jit_compile=false"]
