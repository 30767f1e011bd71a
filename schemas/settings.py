"""Where Kafka, MongoDB and Redis are. Loaded only by the entry points."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_FILE = "_FILE"
_OURS = (
    "SMARTSTORE_", "KAFKA_", "DATABASE_", "REDIS_", "WHATSAPP_", "WOOCOMMERCE_",
    "ARAMEX_", "DHL_", "FEDEX_", "UPS_", "CEYLINCO_", "SKYNET_",
)  # fmt: skip


class SettingsError(ValueError):
    """The environment cannot be used as it is. The text says why, without what is secret."""


class SecretFileError(SettingsError):
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

    model_config = SettingsConfigDict(
        extra="ignore",
        populate_by_name=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # a refused set of settings holds passwords
    )

    kafka_url: str = Field("localhost:9092", validation_alias="KAFKA_URL")
    """`host:port[,host:port]`, any of the cluster's brokers; a `kafka://` in front is accepted."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", validation_alias="KAFKA_SECURITY_PROTOCOL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", validation_alias="KAFKA_SASL_MECHANISM"
    )
    kafka_username: str = Field("", validation_alias="KAFKA_USERNAME")
    kafka_password: SecretStr = Field(SecretStr(""), validation_alias="KAFKA_PASSWORD")
    kafka_tls_ca: str = Field("", validation_alias="KAFKA_TLS_CA")
    """Who signed the brokers' certificates: a PEM file's path, or the PEM text itself, as for the
    two below. Empty: whom this machine trusts."""
    kafka_tls_certificate: str = Field("", validation_alias="KAFKA_TLS_CERTIFICATE")
    """Ours, where the brokers ask for one."""
    kafka_tls_key: SecretStr = Field(SecretStr(""), validation_alias="KAFKA_TLS_KEY")
    database_url: SecretStr = Field(
        SecretStr("mongodb://localhost:27017/smartstore?replicaSet=rs0"),
        validation_alias="DATABASE_URL",
    )
    """With the database's name in its path."""
    redis_url: SecretStr = Field(
        SecretStr("redis://localhost:6379/0"), validation_alias="REDIS_URL"
    )
    """One server (`redis://`), `redis+sentinel://` or `redis+cluster://`: `streams/cache.py`."""
    kafka_partitions: int = Field(4, ge=1, validation_alias="KAFKA_PARTITIONS")
    kafka_replication: int = Field(1, ge=1, validation_alias="KAFKA_REPLICATION")
    topic_prefix: str = Field(
        "", validation_alias=AliasChoices("KAFKA_TOPIC_PREFIX", "TOPIC_PREFIX")
    )
    """Put before every topic's and consumer group's name, where a cluster is shared."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """What belongs together is there together."""
        given = self.kafka_username or self.kafka_password.get_secret_value()
        if self.kafka_sasl and not (self.kafka_username and self.kafka_password):
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs KAFKA_USERNAME and "
                "KAFKA_PASSWORD"
            )
        if given and not self.kafka_sasl:
            raise ValueError(
                f"KAFKA_USERNAME or KAFKA_PASSWORD is set, and KAFKA_SECURITY_PROTOCOL="
                f"{self.kafka_security_protocol} sends neither: set SASL_SSL, or take them away"
            )
        tls = self.kafka_tls_ca or self.kafka_tls_certificate
        if tls and not self.kafka_tls:
            raise ValueError(
                f"KAFKA_TLS_… is set, and KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} "
                "is not encrypted: set SSL or SASL_SSL, or take them away"
            )
        return self

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """From an environment that is not this process's own; an empty value counts as not set."""
        return cls.model_validate({name: value for name, value in environment.items() if value})

    @property
    def bootstrap(self) -> list[str]:
        """Kafka's addresses as clients want them."""
        return [part.strip().removeprefix("kafka://") for part in self.kafka_url.split(",")]

    @property
    def kafka_tls(self) -> bool:
        """Whether connections to Kafka are encrypted."""
        return self.kafka_security_protocol.endswith("SSL")

    @property
    def kafka_sasl(self) -> bool:
        """Whether Kafka asks who we are."""
        return self.kafka_security_protocol.startswith("SASL")

    def topic(self, name: str) -> str:
        """The topic's real name."""
        return f"{self.topic_prefix}{name}"


def load_endpoints(environment: MutableMapping[str, str]) -> Endpoints:
    """Secrets from their files first. Raises SettingsError."""
    read_secret_files(environment)
    try:
        return Endpoints.of(environment)
    except ValidationError as error:
        told = (
            ": ".join((*map(str, row["loc"]), row["msg"].removeprefix("Value error, ")))
            for row in error.errors(include_url=False, include_input=False)
        )
        raise SettingsError("; ".join(told)) from None
