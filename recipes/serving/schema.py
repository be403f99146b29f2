"""What a run is asked with as JSON, and what it answers, typed by what it knows of its data."""

import base64
import contextlib
import io
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Base64Bytes, BaseModel, BeforeValidator, ConfigDict, Field, create_model
from typing_extensions import TypedDict

from recipes.data.files import named
from recipes.errors import UserError
from recipes.export.card import described
from zoo.layers import category_strings

#: Kinds of questions, to what they ask about: one thing, or several with an answer each.
KINDS = {"prompt": "text", "series": "rows", "chords": "rows", "samples": ""}
SEVERAL = {"rows": "rows", "texts": "texts", "lines": "texts", "pictures": "pictures"}
#: Flags of `zoo predict` about files, which no request has.
_OF_FILES = ("text", "keep", "encoding")
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Contract:
    """What a `SavedRun` may be asked, as `request` says it, and how it is answered."""

    def __init__(self, saved, limits):
        self.saved, recipe = saved, saved.recipe
        self.kind = recipe.asks(saved.config, saved.metadata)
        self.asks = {**KINDS, **SEVERAL}[self.kind]
        text = Annotated[str, Field(max_length=limits.max_text, pattern=r"\S")]
        cells = dict[str, text | Annotated[int, Field(strict=True)] | _Number | None]
        most = {"min_length": 1, "max_length": limits.max_rows}
        table = described(saved.folder.load())["table"] or {}
        self._numbers = dict.fromkeys(table.get("numeric", ()), float)
        # What a column of dates means may follow from all of its rows.
        self.several = self.kind in SEVERAL
        self.merges = self.several and not table.get("dates")
        fields: dict[str, Any] = {"text": (text, ...)} if self.kind == "prompt" else {}
        if self.several:
            each = {"rows": _row(table, text) if table else None, "pictures": Base64Bytes}
            fields[self.asks] = list[each.get(self.kind, text)], Field(**most)
        elif self.asks == "rows":
            names = recipe.reads(saved.config, saved.metadata) if recipe.reads else []
            row = Annotated[cells, Field(json_schema_extra={"required": names})]
            most["description"] = "without them, the run's own data"
            fields["rows"] = list[row] | None, Field(None, **most)
        for flag in (flag for flag in recipe.predict_flags if flag.name not in _OF_FILES):
            kind, how = flag.type, {"description": flag.help}
            if kind is Path:  # a table takes the place of the file
                kind, how["max_length"] = list[cells], limits.max_rows
            elif kind is int:  # what is counted takes time and memory
                how |= {"ge": 0, "le": 2**31 - 1 if flag.name == "seed" else limits.max_rows}
            fields[flag.name] = (_Number if kind is float else kind) | None, Field(None, **how)
        if recipe.explain:
            fields["explain"] = bool, Field(False, description="how it came to the answer")
        self.request: type[BaseModel] = create_model(
            f"{recipe.name}_request", __config__=ConfigDict(extra="forbid"), **fields
        )

    def asked(self, request: BaseModel) -> tuple[list, dict]:
        """What a request asks about, one by one, and its flags."""
        items = getattr(request, self.asks or "none", None)
        flags = request.model_dump(exclude={self.asks}, exclude_unset=True, exclude_none=True)
        return (items if isinstance(items, list) else [items]), flags

    def answer(self, items, flags) -> tuple[list[dict], list[str]]:
        """What the run says about each of some items, and its notes; a `UserError` if it cannot."""
        said = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(said):
            flags = {n: pd.DataFrame(v) if isinstance(v, list) else v for n, v in flags.items()}
            explain, saved = flags.pop("explain", False), self.saved
            try:
                found = self._answers(items, flags, Path(folder))
            except (UserError, ValueError) as error:
                raise UserError(named(str(error)).replace(f"{folder}/", "")) from error
        for item, each in zip(items, found, strict=True) if explain else ():
            each["explained"] = saved.recipe.explain(saved.folder, saved.config, item)
        return found, [line.removeprefix("note: ") for line in said.getvalue().splitlines()]

    def _answers(self, items, flags, folder):
        table, kind = self.saved.table, self.kind
        if kind == "samples":
            self.saved.write(output=folder / "samples.png", **flags)
            return [{"picture": base64.b64encode((folder / "samples.png").read_bytes()).decode()}]
        if kind == "prompt":
            return [{"text": table(*items, **flags).removesuffix("\n")}]
        if kind == "lines":
            lines = table("\n".join(" ".join(text.split()) for text in items), **flags)
            lines = lines.removesuffix("\n").split("\n")
            if flags.get("n_best", 1) == 1:
                return [{"text": line} for line in lines]
            found = [{"best": []} for _ in items]
            for number, score, text in (line.split("\t", 2) for line in lines):
                found[int(number) - 1]["best"].append({"text": text, "score": float(score)})
            return found
        if kind == "texts":
            return _records(table(items, **flags))
        if kind == "pictures":
            for number, picture in enumerate(items):
                (folder / f"{number}.png").write_bytes(picture)
            return _records(table(folder, **flags))
        rows = None if items == [None] else pd.DataFrame(items).astype(self._numbers)
        found = table(rows, **flags)
        if kind == "rows":
            return _records(found)
        return [{"rows": _records(pd.read_csv(io.StringIO(found)) if kind == "chords" else found)}]


def _row(table, text):
    """The type of a row of a table; other columns are ignored, as by `zoo predict`."""
    plain = BeforeValidator(lambda x: x if isinstance(x, list | dict) else category_strings([x])[0])
    columns: dict[str, Any] = dict.fromkeys(table["numeric"], _Number | None)
    columns |= dict.fromkeys(table["dates"], text | None)
    for name, values in table["categories"].items():
        columns[name] = Annotated[Literal[(*values, None)], plain]
    row = TypedDict("row", columns)
    row.__pydantic_config__ = ConfigDict(extra="ignore")
    return row


def _records(table):
    """The rows of a table as JSON has them: times as texts, what is missing as null."""
    table = table.drop(columns=["row", "file"], errors="ignore")
    for name in table.select_dtypes("datetime"):
        table[name] = table[name].astype(str)
    plain = table.astype(object).replace([np.inf, -np.inf], None)
    return plain.where(plain.notna(), None).to_dict("records")
