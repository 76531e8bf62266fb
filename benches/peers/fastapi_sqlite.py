"""FastAPI: verifies, and answers once SQLite has the delivery on disk."""

import hashlib
import hmac
import os
import socket
import sqlite3

import uvicorn
from fastapi import FastAPI, HTTPException, Request

SECRET = os.environ["SECRET"].encode()

database = sqlite3.connect(os.path.join(os.environ["DATA"], "deliveries.db"), check_same_thread=False)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute("CREATE TABLE deliveries (id TEXT PRIMARY KEY, body BLOB)")
app = FastAPI()


@app.post("/")
async def take(request: Request):
    body = await request.body()
    wanted = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, request.headers.get("x-hub-signature-256", "")):
        raise HTTPException(401)
    with database:
        database.execute(
            "INSERT OR IGNORE INTO deliveries VALUES (?, ?)", (request.headers["x-github-delivery"], body)
        )
    return {"status": "accepted"}


listener = socket.create_server(("127.0.0.1", 0), backlog=128)
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])
