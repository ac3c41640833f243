"""What the card says, section by section: each is made of the record, or left out where there is nothing to say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import datasets

from perceptdata import __version__
from perceptdata.errors import REASONS
from perceptdata.example import STAGES
from perceptdata.publishing.release.config import FULL, ViewConfig
from perceptdata.publishing.release.layers import PUBLISHED
from perceptdata.publishing.release.markdown import block, interval, kind, listed, number, plain, size, table, value
from perceptdata.publishing.release.record import Record
from perceptdata.publishing.release.shard import Shard
from perceptdata.publishing.release.spec import ReleaseSpec

if TYPE_CHECKING:
    from perceptdata.publishing.release.config import Config

GUARDED = "decontaminate"
_ABOUT = {
    "perception": "what the picture shows",
    "visual_reasoning": "questions that need picture and thought",
    "textual_reasoning": "text alone",
    "responses": "texts that models or people gave as answers",
    "captions": "texts about images",
    "spans": "labelled clauses of texts, as half-open code-point offsets",
    "verdicts": "what judges say of single claims",
    "token_scores": "one number a token of a text",
    "scores": "one number an example or text",
    FULL: "every example with all its layers as list columns",
}


def sections_of(
    spec: ReleaseSpec, configs: Sequence[Config], record: Record, shards: Sequence[Shard]
) -> dict[str, str]:
    """The sections by name, in order; none is empty."""
    made = {
        "summary": _summary(configs, record, shards),
        "load": _load(spec, configs),
        "configs": _configs(configs, shards),
        "fields": _fields(configs),
        "built": _built(record),
        "agreement": _agreement(record),
        "certificate": _certificates(record),
        "dropped": _dropped(record),
        "decontamination": _decontamination(record),
        "licences": _licences(spec, record),
        "limits": _limits(record),
        "citation": _citation(record),
    }
    return {name: text for name, text in made.items() if text}


def _summary(configs: Sequence[Config], record: Record, shards: Sequence[Shard]) -> str:
    rows = sum(source.rows for source in record.sources)
    corpora = sorted({source.corpus for source in record.sources})
    layers = [f"{len(config):,} {config.name.replace('_', ' ')}" for config in configs if config.name in PUBLISHED]
    total = size(sum(shard.bytes for shard in shards))
    shown = f" over {record.images:,} images" if record.images else ""
    said = f"{rows:,} examples{shown} from {listed(corpora)}, in {len(shards)} files of {total}"
    along = f", with {listed(layers)}" if layers else ""
    return f"{said}{along}. Every row says where it comes from and under what licence."


def _load(spec: ReleaseSpec, configs: Sequence[Config]) -> str:
    first = configs[0]
    split = next(iter(first.splits))
    lines = [
        "from datasets import load_dataset",
        "",
        f'rows = load_dataset("{spec.repo}", "{first.name}")',
        f'stream = load_dataset("{spec.repo}", "{first.name}", split="{split}", streaming=True)',
    ]
    text = block("python", lines)
    notes = ['Rows are sorted by image; the column `order` has their place in the curriculum: `rows.sort("order")`.']
    if any(config.name == FULL for config in configs):
        text += "\n\n" + block("bash", [f"perceptdata clone {spec.repo}"])
        notes.append("The clone is a workspace with all layers, to tag, judge, export or train on.")
    return f"## Load\n\n{text}\n\n{' '.join(notes)}"


def _configs(configs: Sequence[Config], shards: Sequence[Shard]) -> str:
    rows = []
    for config in configs:
        for split, count in config.splits.items():
            stored = sum(shard.bytes for shard in shards if shard.path.startswith(f"{config.name}/{split}-"))
            rows.append([f"`{config.name}`", split, f"{count:,}", size(stored), _about(config)])
    return "## Configs\n\n" + table(["config", "split", "rows", "size", "what"], rows)


def _about(config: Config) -> str:
    if config.name in _ABOUT:
        return _ABOUT[config.name]
    assert isinstance(config, ViewConfig)
    said = config.rows.view.spec.definition()
    return ", ".join(f"{key}: {plain(value)}" for key, value in said.items()) or "every example"


def _fields(configs: Sequence[Config]) -> str:
    """A table for each set of columns; `full` has those of the others."""
    alike: dict[str, list[Config]] = {}
    for config in configs:
        if config.name != FULL:
            alike.setdefault(str(config.schema), []).append(config)
    parts = []
    for group in alike.values():
        first = group[0]
        features = datasets.Features.from_arrow_schema(first.schema)
        table_of = first.first_row()
        (row,) = table_of.drop_columns([name for name in ("images",) if name in table_of.column_names]).to_pylist()
        if "images" in features:
            count = len(row["image_info"])
            row["images"] = f"{count} image{'' if count == 1 else 's'}"
        names = listed([f"`{config.name}`" for config in group])
        lines = [[f"`{name}`", kind(feature), value(row[name])] for name, feature in features.items()]
        parts.append(f"### {names}\n\n" + table(["field", "type", "first row"], lines))
    return "## Fields\n\n" + "\n\n".join(parts)


def _built(record: Record) -> str:
    rows = []
    for name, step in record.steps.items():
        options = step["options"]
        made = ", ".join(f"{count:,} {room.removeprefix('layers/')}" for room, count in step["rows"].items())
        rows.append([f"`{name}`", step["do"], _with(options), _settings(options), made])
    steps = table(["step", "does", "with", "settings", "made"], rows)
    more = f"perceptdata {__version__}; `manifest.json` has every option, and the hash of every file."
    return f"## How it was built\n\n{steps}\n\n{more}"


def _with(options: dict[str, Any]) -> str:
    """Plugins with their versions, and models."""
    found = []
    for part in _dicts(options):
        if isinstance(part.get("name"), str) and "version" in part:
            found.append(f"{part['name']} {part['version']}")
        if isinstance(part.get("model"), str):
            found.append(part["model"])
    return ", ".join(dict.fromkeys(found))


def _dicts(given: Any) -> Iterable[dict[str, Any]]:
    if isinstance(given, dict):
        yield given
        given = list(given.values())
    if isinstance(given, list):
        for each in given:
            yield from _dicts(each)


def _settings(options: dict[str, Any]) -> str:
    """Numbers and words at the top of the options, and of a builder's: sampling, seeds, limits, prompts."""
    said = {**options.get("builder", {}), **options} if isinstance(options.get("builder"), dict) else options
    kept = {
        key: value
        for key, value in said.items()
        if key not in ("do", "version", "name")
        and value not in (None, "", [], {})
        and not isinstance(value, (dict, list))
    }
    return ", ".join(f"{key} {plain(value)}" for key, value in kept.items())


def _agreement(record: Record) -> str:
    parts = []
    if rows := record.evidence.get("agreement"):
        lines = [
            [", ".join(each["annotators"]), f"{each['texts']:,}", f"{each['clauses']:,}", interval(each["alpha"])]
            for each in rows
        ]
        parts.append(table(["annotators", "texts", "clauses", "Krippendorff's alpha (95 %)"], lines))
    if judges := record.evidence.get("calibrations"):
        lines = [
            [
                f"`{judge}`",
                ", ".join(each["against"]),
                f"{each['labels']:,}",
                interval(each["sensitivity"]),
                interval(each["specificity"]),
                number(each["kappa"]),
            ]
            for judge, each in judges.items()
        ]
        heads = ["judge", "against", "labels", "sensitivity (95 %)", "specificity (95 %)", "kappa"]
        parts.append(table(heads, lines))
    return "## Agreement and calibration\n\n" + "\n\n".join(parts) if parts else ""


def _certificates(record: Record) -> str:
    said = []
    for step, each in record.evidence.get("certificates", {}).items():
        text = (
            f"`{step}`: of {each['claims']:,} accepted claims in {each['captions']:,} captions, {each['audited']:,} "
            f"were audited by {each['readers']} readers ({each['reader_kind']}). Precision {each['precision']:.4f}, at "
            f"least {each['lower']:.4f} with {each['confidence']:.0%} confidence, against a target of "
            f"{each['target']:g}; issued for use as a {each['use']}. Fingerprint `{each['fingerprint'][:16]}`."
        )
        uncovered = "\n".join(f"- {line}" for line in each["does_not_cover"])
        said.append(f"{text} It does not cover:\n\n{uncovered}")
    return "## Certificate\n\n" + "\n\n".join(said) if said else ""


def _dropped(record: Record) -> str:
    rows = [[f"`{code}`", f"{count:,}", REASONS.get(code, "")] for code, count in record.rejected.items()]
    for name, config in record.configs.items():
        if name not in STAGES:  # a stage's config leaves out the other stages, and those have their own
            rows += [[f"view `{name}`", f"{count:,}", reason] for reason, count in config.get("dropped", {}).items()]
    return "## Dropped rows\n\n" + table(["reason", "rows", "meaning"], rows) if rows else ""


def _decontamination(record: Record) -> str:
    rows = []
    for name, step in record.steps.items():
        if step["do"] == GUARDED:
            guards = step["options"].get("against") or step["options"].get("guards") or []
            names = guards if isinstance(guards, list) else [guards]
            rows.append([f"`{name}`", ", ".join(map(plain, names)), _settings(step["options"])])
    return (
        "## Decontamination\n\nRows were compared with these guard sets; what matched is marked in the layer, with the "
        "evidence.\n\n" + table(["step", "guard sets", "settings"], rows)
        if rows
        else ""
    )


def _licences(spec: ReleaseSpec, record: Record) -> str:
    rows = [
        [source.corpus, f"`{source.builder}` {source.version}", source.licence, source.use, f"{source.rows:,}"]
        for source in record.sources
    ]
    text = "## Licences\n\n" + table(["corpus", "builder", "licence", "allowed use", "rows"], rows)
    whole = " and ".join(record.settlement.licences)
    text += f"\n\nThe whole is published under {whole}; each row keeps the terms of its source (`source.licence`)."
    if record.settlement.waived:
        vouched = "\n".join(f"- {problem.partition('; ')[0]}" for problem in record.settlement.waived)
        text += f"\n\nPublished on the publisher's own word ({listed(sorted(spec.allow))}), although:\n\n{vouched}"
    return text


def _limits(record: Record) -> str:
    said, layers = [], record.layers
    if layers & {"spans", "verdicts", "captions"} and not record.evidence:
        said.append(
            "Spans, captions and verdicts were made by machine, and no person's reading stands behind them here."
        )
    if "spans" in layers:
        said.append("Span labels are of clauses: a clause that both perceives and reasons has one label.")
    if "captions" in layers and "certificates" not in record.evidence:
        said.append("No certificate bounds the precision of the captions.")
    if "reviews" in layers:
        said.append("Reviews name people and are not published.")
    if GUARDED not in {step["do"] for step in record.steps.values()}:
        said.append("Rows were not compared with benchmarks; compare them before you report a benchmark's number.")
    said.append("Images and texts are those of the sources, with the gaps and biases these have.")
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in said)


def _citation(record: Record) -> str:
    said = "Cite the corpora above, and the papers whose methods made these rows:"
    return f"## Citation\n\n{said}\n\n" + block("bibtex", [paper.bibtex() for paper in record.papers()])
