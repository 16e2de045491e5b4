"""The collector one writes first, as a baseline: decode with opentelemetry-proto, insert, commit, answer.

    python benchmarks/naive_server.py FOLDER      (prints its URL, serves until it is ended)

FastAPI, a transaction a request, the same columns as the real collector, inserted as Arrow; nothing is
checked, limited, deduplicated or grouped.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import sys
import threading
import time
from pathlib import Path

import decode
import duckdb
import uvicorn
from fastapi import FastAPI, Request, Response

from collector import arrow

lock = threading.Lock()


def insert(connection: duckdb.DuckDBPyConnection, statement: str, body: bytes) -> None:
    batch = decode.plain(body, time.time_ns()).batch
    with lock:
        connection.register("incoming", arrow.chunks([batch.arrow()]))
        connection.execute("BEGIN")
        connection.execute(statement)
        connection.execute("COMMIT")
        connection.unregister("incoming")


def build(connection: duckdb.DuckDBPyConnection) -> FastAPI:
    app = FastAPI()

    @app.post("/v1/traces")
    async def traces(request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = await asyncio.to_thread(gzip.decompress, body)
        await asyncio.to_thread(insert, connection, "INSERT INTO spans SELECT * FROM incoming", body)
        return Response(b"", media_type="application/x-protobuf")

    return app


def main(folder: Path) -> None:
    connection = duckdb.connect(str(folder) + ".duckdb")
    insert(connection, "CREATE TABLE spans AS SELECT * FROM incoming LIMIT 0", decode.payload(1))
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(build(connection), log_level="warning", access_log=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
