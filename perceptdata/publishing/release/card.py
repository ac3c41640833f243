"""The card, README.md: computed YAML and sections, merged into what somebody wrote there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import datasets

from perceptdata.publishing.release.licences import hub_name
from perceptdata.publishing.release.merge import Front, merge
from perceptdata.publishing.release.record import Record
from perceptdata.publishing.release.sections import sections_of
from perceptdata.publishing.release.shard import Shard
from perceptdata.publishing.release.spec import ReleaseSpec

if TYPE_CHECKING:
    from perceptdata.publishing.release.config import Config

SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)
"""The size categories that the Hub knows, by the number of rows below which they hold."""


def write_card(
    spec: ReleaseSpec, configs: Sequence[Config], record: Record, shards: Sequence[Shard], existing: str | None
) -> str:
    """The text of README.md. Raises ValueError where the YAML would not be valid for the Hub."""
    title = spec.title or spec.repo.rpartition("/")[2].replace("_", " ").replace("-", " ")
    text = merge(front_of(configs, record, shards, title), sections_of(spec, configs, record, shards), title, existing)
    check(text, configs)
    return text


def front_of(configs: Sequence[Config], record: Record, shards: Sequence[Shard], title: str) -> Front:
    """The YAML keys of a release."""
    licences = record.settlement.licences
    names = [hub_name(licence) for licence in licences]
    known = [name for name in names if name is not None]
    whole = known if known and len(known) == len(names) else ["other"]
    rows = sum(source.rows for source in record.sources)
    pictures = any("images" in config.schema.names for config in configs)
    tasks = ["visual-question-answering", "image-text-to-text"] if pictures else ["question-answering"]
    return Front(
        owned={
            "license": whole[0] if len(whole) == 1 else whole,
            "license_name": "-and-".join(licences).lower().replace(" ", "-") if whole == ["other"] else None,
            "size_categories": [next((name for below, name in SIZES if rows < below), "n>1T")],
            "configs": _configs(configs),
            "dataset_info": [_info(config, shards) for config in configs],
        },
        wished={"pretty_name": title, "task_categories": tasks},
        added={"tags": ["perceptdata", "chain-of-thought", *(["image"] if pictures else [])]},
    )


def check(text: str, configs: Sequence[Config]) -> None:
    """Read the card as the Hub's client does: YAML, keys, configs, and features as they are in the files."""
    from huggingface_hub import DatasetCard

    data = DatasetCard(text).data
    infos = datasets.info.DatasetInfosDict.from_dataset_card_data(data)
    for config in configs:
        said = infos[config.name].features
        if said != datasets.Features.from_arrow_schema(config.schema):
            raise ValueError(f"the card's features of '{config.name}' are not those of its files")


def _configs(configs: Sequence[Config]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    for number, config in enumerate(configs):
        files = [{"split": split, "path": f"{config.name}/{split}-*"} for split in config.splits]
        said.append({"config_name": config.name, **({"default": True} if not number else {}), "data_files": files})
    return said


def _info(config: Config, shards: Sequence[Shard]) -> dict[str, Any]:
    size = {
        split: sum(shard.bytes for shard in shards if shard.path.startswith(f"{config.name}/{split}-"))
        for split in config.splits
    }
    features = datasets.Features.from_arrow_schema(config.schema)
    return {
        "config_name": config.name,
        "features": features._to_yaml_list(),
        "splits": [
            {"name": split, "num_bytes": size[split], "num_examples": rows} for split, rows in config.splits.items()
        ],
        "download_size": sum(size.values()),
        "dataset_size": sum(size.values()),
    }
