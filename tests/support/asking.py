"""Asks an application without a socket, as somebody or as nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

from ingest.users import Role, Users

PASSWORD = "a password of my own"


def ask(app: FastAPI, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:
    """One request, with a token where there is one."""

    async def go() -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= more.pop("headers", {})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://centre") as client:
            return await client.request(method, path, headers=headers, **more)

    return asyncio.run(go())


def key_of(users: Users, name: str, role: Role, halls: list[str] | None) -> str:
    """A token of a new user, whose password is `PASSWORD`."""
    first = users.add("admin", name, role, halls)
    assert users.set_password(name, first, PASSWORD, "here") is None
    return users.new_token(name, name, "test", 1)[0]
