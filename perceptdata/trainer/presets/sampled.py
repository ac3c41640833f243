"""What methods share that learn from the model's own rollouts: how they sample, and what TRL is given for it."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from perceptdata.trainer.presets import Job, Method

if TYPE_CHECKING:
    from perceptdata.trainer.engine import Engine


class Vllm(BaseModel):
    """Rollouts by vLLM: in the training processes (`colocate`), or by a server that `trl vllm-serve` started."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    mode: Literal["colocate", "server"] = "colocate"
    memory: float = Field(0.3, gt=0, lt=1, description="share of the GPU's memory, with colocate")
    tensor_parallel: int = Field(1, ge=1)
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)


class Sampled(Method, ABC):
    """Rollouts of at most `max_new_tokens`, by `vllm` or else by transformers.

    A few of them are kept every `sample_every` steps (`trainer.samples`).
    """

    reads_responses: ClassVar[bool] = False

    max_new_tokens: int = Field(2048, ge=1)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    vllm: Vllm | None = None
    sample_every: int = Field(10, ge=1)

    @property
    def new_tokens(self) -> int:
        """The longest rollout."""
        return self.max_new_tokens

    def sampling(self) -> dict[str, Any]:
        """What TRL's configurations call these options."""
        own: dict[str, Any] = {
            "max_completion_length": self.max_new_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "shuffle_dataset": self.order == "random",
            "train_sampling_strategy": "random",  # TRL samples rows itself
        }
        if self.vllm is not None:
            own |= {
                "use_vllm": True,
                "vllm_mode": self.vllm.mode,
                "vllm_gpu_memory_utilization": self.vllm.memory,
                "vllm_tensor_parallel_size": self.vllm.tensor_parallel,
                "vllm_server_host": self.vllm.host,
                "vllm_server_port": self.vllm.port,
            }
        return own

    def prompted(self, job: Job) -> tuple[str, dict[str, Any]]:
        """What opens every answer, and what a trainer of TRL is made of: rows as prompts, the turn opened."""
        from perceptdata.trainer.engine.prompts import Opening, as_prompts, suppressed, variables

        reader = job.model.reader
        opening = Opening.of(reader, job.form)
        arguments: Any = job.arguments
        arguments.generation_kwargs = suppressed(reader, vllm=self.vllm is not None)
        arguments.chat_template_kwargs = variables(reader)
        return opening.text, {
            "reader": reader,
            "model": job.model.network,
            "args": arguments,
            "train_dataset": as_prompts(job.rows, reader, job.form),
            "processing_class": opening.processor(reader),
            "callbacks": job.callbacks,
        }

    def keep_samples(self, trainer: Engine, job: Job) -> None:
        """On the first rank, some rollouts go to `samples.jsonl`."""
        from perceptdata.trainer.samples import Samples

        if job.arguments.process_index == 0:
            trainer.listeners += (Samples(job.folder, job.form, job.model.reader, self.sample_every, self.seed),)
