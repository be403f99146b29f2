"""How a table is written: what the flags say of it, and what was found out."""

import codecs
from dataclasses import dataclass, field
from typing import Literal

from recipes.errors import UserError


@dataclass
class Dialect:
    """How the files of a run are written, as far as it is said; the rest is found out.

    Args:
        encoding: How characters are written as bytes, such as cp1252 or utf-16. Found by itself
            where only one reading makes sense.
        separator: What stands between two columns, such as ";" ("tab" for a tab).
        decimal: The decimal sign of numbers.
        thousands: The sign between thousands ("space" for a space; "none" for none).
        date_format: How dates are written, as Python's strptime says it: %d/%m/%Y.
        day_first: Whether 01/02/2024 is the first of February.
        missing_values: Texts that mean a missing value in every column, separated by commas. An
            empty cell always does; in columns of numbers NA, N/A, nan, null, None, ? and - do, too.
        header: Whether the first row holds the names of the columns; with none they are called
            column_1, column_2 and so on.
        skip_rows: Lines above the header to leave out.
        sheet: Sheet of an Excel workbook. Defaults to the first.
    """

    encoding: str | None = None
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: str | None = None
    date_format: str | None = None
    day_first: bool | None = None
    missing_values: list[str] = field(default_factory=list)
    header: Literal["first", "none"] | None = None
    skip_rows: int | None = None
    sheet: str | None = None

    def check(self) -> None:
        """Raises a `UserError` for the first of these settings that is out of range."""
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError as error:
                raise UserError(
                    f"There is no --encoding {self.encoding}. Such are utf-8, cp1252, latin-1 and "
                    "utf-16."
                ) from error
        if self.separator is not None and len(self.separator_sign) != 1:
            raise UserError(
                f'Expected --separator to be one sign, such as ";" or tab. Received: '
                f"{self.separator!r}"
            )
        for name, values in (("decimal", (".", ",")), ("header", ("first", "none"))):
            if getattr(self, name) not in (None, *values):
                raise UserError(
                    f"Expected --{name} to be {' or '.join(values)}. Received: "
                    f"{getattr(self, name)!r}"
                )
        if self.thousands is not None and (
            self.thousands not in THOUSANDS or THOUSANDS[self.thousands] == self.decimal
        ):
            raise UserError(
                f"Expected --thousands to be one of {', '.join(THOUSANDS)}, and not the decimal "
                f"sign. Received: {self.thousands!r}"
            )
        if self.skip_rows is not None and self.skip_rows < 0:
            raise UserError(f"--skip_rows must be at least 0. Received: {self.skip_rows}")
        if self.date_format is not None and "%" not in self.date_format:
            raise UserError(
                "Expected --date_format to be written as strptime does, such as %d/%m/%Y. "
                f"Received: {self.date_format!r}"
            )
        if self.date_format is not None and self.day_first is not None:
            raise UserError("Give either --date_format or --day_first, not both.")

    @property
    def separator_sign(self) -> str:
        """The separator itself."""
        named = {"tab": "\t", "\\t": "\t", "space": " "}
        return named.get(self.separator or "", self.separator or "")


#: Names of the signs between thousands.
THOUSANDS = {".": ".", ",": ",", "space": " ", "'": "'", "none": ""}
