"""The API client and the models of settings that the hand-written Python peers share."""

import os
from typing import Any

import httpx2
from pydantic import BaseModel, Field


class RetryConfig(BaseModel):
    enabled: bool = True
    max_retries: int = Field(2, ge=0, le=10)
    retry_delay_seconds: int = Field(120, ge=30, le=3600)
    retry_on_busy: bool = True
    retry_on_no_answer: bool = True
    retry_on_voicemail: bool = True


class TimeSlot(BaseModel):
    day_of_week: int = Field(ge=0, le=6, description="0 is Monday")
    start_time: str = Field(description="HH:MM")
    end_time: str = Field(description="HH:MM")


class ScheduleConfig(BaseModel):
    enabled: bool = True
    timezone: str = "UTC"
    slots: list[TimeSlot]


class CircuitBreaker(BaseModel):
    enabled: bool = True
    failure_threshold: float = Field(0.5, ge=0, le=1)
    window_seconds: int = Field(120, ge=30, le=600)
    min_calls_in_window: int = Field(5, ge=1, le=100)


class Settings(BaseModel):
    name: str | None = Field(None, min_length=1, max_length=255)
    retry_config: RetryConfig | None = None
    max_concurrency: int | None = Field(None, ge=1, le=100)
    schedule_config: ScheduleConfig | None = None
    circuit_breaker: CircuitBreaker | None = None


def client() -> httpx2.AsyncClient:
    """Everybody in this comparison speaks to plain http, so nobody loads the trust store for it."""
    origin = os.environ["ASISSO_BASE_URL"]
    key = os.environ["ASISSO_API_KEY"]
    return httpx2.AsyncClient(
        base_url=f"{origin}/api/v1", headers={"X-API-Key": key}, verify=not origin.startswith("http:")
    )


async def ask(http: httpx2.AsyncClient, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send one request and return the JSON of the answer. Raises httpx2.HTTPStatusError."""
    response = await http.request(method, path, json=body)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
