"""The captions of images, found by the hash of the image: what a view puts beside its rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = ["image", "sample", "text"]
_SCHEMA = pa.schema([("image", pa.string()), ("sample", pa.int32()), ("text", pa.string())])


class Captions:
    """Each image's captions in the order of their samples, out of tables with COLUMNS.

    Kept whole: a caption is a few hundred bytes an image, where its rows may be many.
    """

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        joined = pa.concat_tables([_SCHEMA.empty_table(), *(table.select(COLUMNS).cast(_SCHEMA) for table in tables)])
        joined = joined.sort_by([("image", "ascending"), ("sample", "ascending")])
        counted = pc.value_counts(pa.concat_arrays(joined.column("image").chunks or [pa.array([], pa.string())]))
        self._images = counted.field("values")  # in order of appearance, which is sorted
        self._first = np.r_[0, np.cumsum(counted.field("counts").to_numpy())]
        self._texts = pa.concat_arrays(joined.column("text").chunks or [pa.array([], pa.string())])

    def of(self, info: pa.ListArray) -> pa.ListArray:
        """Of each row, the captions of its images in the order of the images; `info` names images by `sha256`."""
        place = pc.fill_null(pc.index_in(info.flatten().field("sha256"), value_set=self._images), len(self._images))
        first = np.r_[self._first, self._first[-1]]  # one more, empty, for images without a caption
        begin, count = first[:-1][place], np.diff(first)[place]
        ends = np.r_[0, np.cumsum(count)]
        taken = np.repeat(begin - ends[:-1], count) + np.arange(ends[-1])
        of_rows = ends[np.r_[0, np.cumsum(info.value_lengths().to_numpy())]]
        return pa.ListArray.from_arrays(pa.array(of_rows, pa.int32()), self._texts.take(pa.array(taken, pa.int64())))
