"""Where Kafka, MongoDB and Redis are. Loaded only by the entry points."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_FILE = "_FILE"
_OURS = (
    "SMARTSTORE_", "KAFKA_", "DATABASE_", "REDIS_", "WHATSAPP_", "WOOCOMMERCE_",
    "ARAMEX_", "DHL_", "FEDEX_", "UPS_", "CEYLINCO_", "SKYNET_",
)  # fmt: skip


class SecretFileError(ValueError):
    """A variable names a file that cannot be read. The text says which."""


def read_secret_files(environment: MutableMapping[str, str]) -> None:
    """For each `NAME_FILE` of ours (a secret of Docker or Kubernetes) set NAME to what is in that
    file, as the official images do. A NAME that is set stays. Raises SecretFileError."""
    for variable, path in list(environment.items()):
        name = variable.removesuffix(_FILE)
        if name == variable or not name.startswith(_OURS) or environment.get(name) or not path:
            continue
        try:
            environment[name] = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretFileError(f"{variable}={path} cannot be read: {error}") from error


class Endpoints(BaseSettings):
    """The servers everything stands on, by the names the user gave."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    kafka_url: str = Field("localhost:9092", validation_alias="KAFKA_URL")
    """`host:port[,host:port]`; a `kafka://` in front is accepted."""
    database_url: SecretStr = Field(
        SecretStr("mongodb://localhost:27017/smartstore?replicaSet=rs0"),
        validation_alias="DATABASE_URL",
    )
    """With the database's name in its path."""
    redis_url: SecretStr = Field(
        SecretStr("redis://localhost:6379/0"), validation_alias="REDIS_URL"
    )
    kafka_partitions: int = Field(4, ge=1, validation_alias="KAFKA_PARTITIONS")
    kafka_replication: int = Field(1, ge=1, validation_alias="KAFKA_REPLICATION")
    topic_prefix: str = Field(
        "", validation_alias=AliasChoices("KAFKA_TOPIC_PREFIX", "TOPIC_PREFIX")
    )
    """Put before every topic's and consumer group's name, where a cluster is shared."""

    @property
    def bootstrap(self) -> list[str]:
        """Kafka's addresses as clients want them."""
        return [part.strip() for part in self.kafka_url.removeprefix("kafka://").split(",")]

    def topic(self, name: str) -> str:
        """The topic's real name."""
        return f"{self.topic_prefix}{name}"
