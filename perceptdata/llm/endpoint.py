"""An endpoint: where a model is asked, as a recipe declares it.

    endpoints:
      vl: {urls: [http://n1:8000/v1, http://n2:8000/v1], model: Qwen3-VL-32B, gpus: 8}
      paid: {urls: [https://api.example.com/v1], model: some-model, key_env: EXAMPLE_KEY,
             price: {prompt: 0.25, completion: 2.0}, limit: max_completion_tokens}

A recipe names the environment variable that holds the key, never the key: recipes are copied into workspaces and
published. What decides the answers (model, dialect, extra parameters) is the endpoint's identity; where it stands and
how hard it is pressed is not, so that moving a server keeps every answer that was paid for.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from perceptdata.errors import UsageError

# What a request says itself; given here it would be said twice.
_OF_REQUESTS = {
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "n",
    "response_format",
    "seed",
    "stop",
    "stream",
    "temperature",
    "top_p",
}


def _says_nothing_twice(extra: dict[str, Any]) -> dict[str, Any]:
    if said := sorted(_OF_REQUESTS & extra.keys()):
        raise ValueError(f"{', '.join(said)} cannot stand in extra: there is an option for it, or we say it ourselves")
    return extra


Extra = Annotated[dict[str, Any], AfterValidator(_says_nothing_twice)]
"""Parameters of the protocol that have no option here, sent as they are."""


class Price(BaseModel):
    """Money for a million tokens, in whatever currency the budget is in. Discounts for cached prompts are not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What this many tokens cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


class Endpoint(BaseModel):
    """One model behind one or more urls that speak the OpenAI chat protocol.

    `concurrency` calls at most are under way at each url. `timeout` seconds bound each attempt, its body included, and
    `retries` are those of the SDK. `gpus` is how many serve the model, for GPU-hours. The rest are the dialects that
    servers differ in: `structured` is how a schema is passed on (`none` where the server refuses it, or where forced
    structure would cut reasoning short; the answer is checked here in any case), `prefill` how an opened assistant
    turn is (vLLM and SGLang take a flag, others a mark on the message, some nothing), `limit` what the bound on the
    answer's length is called. `extra` goes into every request as it is.
    """

    # A key pasted into the wrong field must not come back in the error about it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    urls: tuple[str, ...] = Field(min_length=1)
    model: str = Field(min_length=1)
    key_env: str | None = None
    concurrency: int = Field(64, ge=1)
    timeout: float = Field(600.0, gt=0)
    retries: int = Field(3, ge=0)
    price: Price | None = None
    gpus: float | None = Field(None, gt=0)
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    prefill: Literal["continue_final_message", "prefix", "plain"] = "continue_final_message"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    extra: Extra = Field(default_factory=dict)

    @field_validator("urls")
    @classmethod
    def _plain_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        plain = tuple(url.rstrip("/") for url in urls)
        for url in plain:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("a url begins with http:// or https:// and names a host, such as http://n1:8000/v1")
            if "@" in parts.netloc or parts.query or parts.fragment:
                raise ValueError("a url has no user, password or query: keys go into the variable that key_env names")
        if len(set(plain)) < len(plain):
            raise ValueError("a url stands twice")
        return plain

    @field_validator("key_env")
    @classmethod
    def _names_a_variable(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError("this is the name of the environment variable that holds the key, not the key itself")
        return name

    def identity(self) -> dict[str, Any]:
        """What answers depend on. Left out: urls, key, concurrency, timeout, retries, price, gpus."""
        return self.model_dump(mode="json", include={"model", "structured", "prefill", "extra"})

    def key(self) -> str | None:
        """The key, from the environment. Raises UsageError when its variable is not set."""
        if self.key_env is None:
            return None
        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise UsageError(f"the key of {self.model} is read from ${self.key_env}, which is not set; export it first")
        return key
