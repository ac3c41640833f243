"""The Croissant description of a release: its files with their hashes, its configs as record sets.

The vocabulary is MLCommons Croissant 1.0. The Hub makes one of its own from the parquet files; this one goes with the
data wherever it is copied, and names every file by its SHA-256.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from perceptdata.publishing.release.licences import find
from perceptdata.publishing.release.record import Record
from perceptdata.publishing.release.shard import Shard
from perceptdata.publishing.release.spec import ReleaseSpec

if TYPE_CHECKING:
    from perceptdata.publishing.release.config import Config

CONFORMS = "http://mlcommons.org/croissant/1.0"
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
PARQUET = "application/x-parquet"


def write_croissant(
    spec: ReleaseSpec, configs: Sequence[Config], record: Record, release: str, shards: Sequence[Shard]
) -> str:
    """The JSON-LD text; `release` is the digest. No date, and no address: files are named by where they lie."""
    licences = [found.spdx if (found := find(name)) else name for name in record.settlement.licences]
    rows = sum(source.rows for source in record.sources)
    corpora = ", ".join(sorted({source.corpus for source in record.sources}))
    said: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": spec.repo.rpartition("/")[2],
        "description": f"{rows:,} examples of {corpora}, with what was learned of them.",
        "version": f"1.0.0+{release[:12]}",
        "citeAs": "\n".join(paper.bibtex() for paper in record.papers()),
        "license": licences[0] if len(licences) == 1 else licences,
        "distribution": [],
        "recordSet": [],
    }
    for config in configs:
        own = [shard for shard in shards if shard.path.startswith(f"{config.name}/")]
        said["distribution"] += [_file(shard) for shard in own]
        files = f"{config.name}-files"
        said["distribution"].append(
            {
                "@type": "cr:FileSet",
                "@id": files,
                "name": files,
                "encodingFormat": PARQUET,
                "includes": f"{config.name}/*.parquet",
            }
        )
        said["recordSet"].append(
            {
                "@type": "cr:RecordSet",
                "@id": config.name,
                "name": config.name,
                "description": f"{len(config):,} rows; splits {', '.join(config.splits)}",
                "field": [_field(config.name, files, field, field.name, ()) for field in config.schema],
            }
        )
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def _file(shard: Shard) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": shard.path,
        "name": shard.path,
        "contentUrl": shard.path,
        "contentSize": f"{shard.bytes} B",
        "encodingFormat": PARQUET,
        "sha256": shard.sha256,
    }


def _field(parent: str, files: str, field: pa.Field, column: str, path: tuple[str, ...]) -> dict[str, Any]:
    """A column, or a field inside one: those of a struct are sub-fields. Lists within a list of structs, such as the
    single spans of a text, are left out: the standard's reader cannot follow a path through two lists.
    """
    kind, many = field.type, False
    while pa.types.is_list(kind):
        kind, many = kind.value_type, True
    source: dict[str, Any] = {"fileSet": {"@id": files}, "extract": {"column": column}}
    if path:
        source["transform"] = {"jsonPath": ".".join(path)}
    said: dict[str, Any] = {"@type": "cr:Field", "@id": f"{parent}/{field.name}", "name": f"{parent}/{field.name}"}
    if column == "images" and not path:
        source["transform"] = {"jsonPath": "bytes"}
        return {**said, "dataType": "sc:ImageObject", "source": source, "repeated": True}
    if not pa.types.is_struct(kind):
        return {**said, "dataType": _kind(kind), "source": source, **({"repeated": True} if many else {})}
    inner = [
        _field(said["@id"], files, each, column, (*path, each.name))
        for each in kind
        if not (many and pa.types.is_list(each.type))
    ]
    return {**said, **({"repeated": True} if many else {}), "source": source, "subField": inner}


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"
