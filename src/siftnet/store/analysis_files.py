"""What was measured, as the two files of one analysis: numbers in JSON, arrays beside them; both can be made again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from siftnet.store.atomic import read_arrays, read_json, to_json, to_npz, write_file
from siftnet.wording import named, shell_word

SEAL, DIGEST, NAME = "arrays_sha256", "run_digest", "analysis"
"""Among the numbers: of the arrays' file, of the run, and their name; not in what siftnet 0.1 to 0.4 measured."""


class DamagedError(ValueError):
    """What was measured was cut off or changed since; measuring makes it again."""


@dataclass(frozen=True)
class AnalysisFiles:
    """The files of one analysis of a run, e.g. of a round."""

    run: Path
    """The run's directory."""
    name: str
    digest: str
    """The run's, so that another run's measures are not taken for its own."""

    @property
    def numbers_path(self) -> Path:
        """Where the numbers lie."""
        return self.run / "analysis" / f"{self.name}.json"

    @property
    def arrays_path(self) -> Path:
        """Where the arrays lie."""
        return self.run / "analysis" / f"{self.name}.npz"

    def write(self, numbers: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Store both, the numbers last: they say which arrays belong to them."""
        packed = to_npz(arrays)
        write_file(self.arrays_path, packed)
        seals = {SEAL: hashlib.sha256(packed).hexdigest(), DIGEST: self.digest, NAME: self.name}
        write_file(self.numbers_path, to_json(numbers | seals))

    def numbers(self) -> dict[str, Any] | None:
        """The numbers, None where the analysis was not made. Raises DamagedError where they are none."""
        found = self._sealed()
        return found and {name: value for name, value in found.items() if name not in (SEAL, DIGEST, NAME)}

    def _sealed(self) -> dict[str, Any] | None:
        if not self.numbers_path.exists():
            return None
        try:
            found = read_json(self.numbers_path)
        except (ValueError, RecursionError):
            raise self._damaged(self.numbers_path) from None
        if not isinstance(found, dict):
            raise self._damaged(self.numbers_path)
        if found.get(DIGEST, self.digest) != self.digest or found.get(NAME, self.name) != self.name:
            raise DamagedError(f"{self.numbers_path} was measured of something else: {self._again()} makes it again")
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays. Raises DamagedError where they are missing or cut off, or not those that the numbers seal."""
        seal = (self._sealed() or {}).get(SEAL)
        if not self.arrays_path.is_file():
            # What is no file, a pipe say, may never end.
            raise self._damaged(self.arrays_path)
        try:
            if seal not in (None, hashlib.sha256(self.arrays_path.read_bytes()).hexdigest()):
                raise self._damaged(self.arrays_path)
            return read_arrays(self.arrays_path)
        except (OSError, ValueError):
            raise self._damaged(self.arrays_path) from None

    def not_understood(self, error: Exception) -> DamagedError:
        """The sentence about numbers that are there and say something else; error: what reading them found."""
        return DamagedError(
            f"{self.numbers_path} is not what measuring stores ({named(repr(error), 200)}): "
            f"remove it, then {self._again()}"
        )

    def _damaged(self, path: Path) -> DamagedError:
        return DamagedError(f"{path} was cut off or changed since it was stored: {self._again()} makes it again")

    def _again(self) -> str:
        return f"siftnet analyze {shell_word(str(self.run))}"
